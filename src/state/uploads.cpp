// Store: large files that are sent to a bucket in parts.
#include <cstring>

#include "state/store_impl.hpp"

namespace syncline {
namespace {

std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace

std::vector<UploadRecord> Store::uploads(PairId pair) {
    return impl_->use([&](Database& database) {
        std::vector<UploadRecord> all;
        Query query = database.query(
            "SELECT id, path, digest, size, part_bytes, begun_at FROM upload WHERE pair = ? ORDER BY begun_at");
        query.integer(impl_->row(pair));
        while (query.step()) {
            UploadRecord upload;
            upload.id = query.string_at(0);
            upload.path = query.string_at(1);
            const std::string digest = query.string_at(2);
            if (digest.size() != upload.digest.bytes.size()) continue;
            std::memcpy(upload.digest.bytes.data(), digest.data(), digest.size());
            upload.size = static_cast<uint64_t>(query.integer_at(3));
            upload.part_bytes = static_cast<uint64_t>(query.integer_at(4));
            upload.begun_at = query.integer_at(5);
            all.push_back(std::move(upload));
        }
        return all;
    });
}

std::vector<UploadPartRecord> Store::upload_parts(PairId pair, const std::string& id) {
    return impl_->use([&](Database& database) {
        std::vector<UploadPartRecord> parts;
        Query query =
            database.query("SELECT number, etag, md5 FROM upload_part WHERE pair = ? AND id = ? ORDER BY number");
        query.integer(impl_->row(pair)).blob(id);
        while (query.step()) {
            parts.push_back({static_cast<unsigned>(query.integer_at(0)), query.string_at(1), query.string_at(2)});
        }
        return parts;
    });
}

void Store::record_upload(PairId pair, const UploadRecord& upload) {
    impl_->use([&](Database& database) {
        Query query = database.query("INSERT OR REPLACE INTO upload VALUES (?, ?, ?, ?, ?, ?, ?)");
        query.integer(impl_->row(pair)).blob(upload.id).blob(upload.path).blob(bytes_of(upload.digest));
        query.integer(static_cast<int64_t>(upload.size)).integer(static_cast<int64_t>(upload.part_bytes));
        query.integer(upload.begun_at).run();
    });
}

void Store::record_upload_part(PairId pair, const std::string& id, const UploadPartRecord& part) {
    impl_->use([&](Database& database) {
        Query query = database.query("INSERT OR REPLACE INTO upload_part VALUES (?, ?, ?, ?, ?)");
        query.integer(impl_->row(pair)).blob(id).integer(part.number).blob(part.etag).blob(part.sum).run();
    });
}

void Store::forget_upload(PairId pair, const std::string& id) {
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        const int64_t row = impl_->row(pair);
        Query parts = database.query("DELETE FROM upload_part WHERE pair = ? AND id = ?");
        parts.integer(row).blob(id).run();
        Query upload = database.query("DELETE FROM upload WHERE pair = ? AND id = ?");
        upload.integer(row).blob(id).run();
        transaction.commit();
    });
}

}  // namespace syncline
