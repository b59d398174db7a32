#include "state/store.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "state/baseline_row.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

/// How many rows a baseline has, and how many bytes its paths and links will need.
std::pair<size_t, size_t> measure_baseline(Database& database, int64_t row) {
    Query query = database.query("SELECT count(*), coalesce(sum(length(path)), 0) FROM baseline WHERE pair = ?");
    query.integer(row).step();
    const size_t rows = static_cast<size_t>(query.integer_at(0));
    const size_t path_bytes = static_cast<size_t>(query.integer_at(1));
    // Some room for links: memory that is not touched costs nothing. Damaged lengths must not make it absurd.
    return {rows, std::min(path_bytes + path_bytes / 8, rows * 512)};
}

void bind_identity(Query& query, const std::optional<RootIdentity>& identity) {
    if (!identity) {
        query.null().null().null();
        return;
    }
    query.blob(identity->file_system).integer(static_cast<int64_t>(identity->inode));
    query.integer(static_cast<int64_t>(identity->kind));
}

std::optional<RootIdentity> identity_at(Query& query, int column) {
    if (query.is_null_at(column)) return std::nullopt;
    return RootIdentity{query.string_at(column), static_cast<uint64_t>(query.integer_at(column + 1)),
                        static_cast<Kind>(query.integer_at(column + 2))};
}

}  // namespace

Store::Impl::Impl(const std::string& state_directory) : directory(state_directory) {
    database = open_state(directory, nullptr, set_aside);
}

const PairKey& Store::Impl::key(PairId pair) const {
    SYNCLINE_ASSERT(pair >= 1 && static_cast<size_t>(pair) <= keys.size());
    return keys[static_cast<size_t>(pair) - 1];
}

std::optional<int64_t> Store::Impl::find_row(PairId pair) {
    const PairKey& wanted = key(pair);
    Query query = database->query("SELECT id FROM pair WHERE root = ? AND destination = ? AND direction = ?");
    query.blob(wanted.root).blob(wanted.destination).integer(static_cast<int64_t>(wanted.direction));
    if (!query.step()) return std::nullopt;
    return query.integer_at(0);
}

int64_t Store::Impl::row(PairId pair) {
    if (std::optional<int64_t> found = find_row(pair)) return *found;
    const PairKey& wanted = key(pair);
    Query query =
        database->query("INSERT INTO pair (root, destination, direction) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    query.blob(wanted.root).blob(wanted.destination).integer(static_cast<int64_t>(wanted.direction)).run();
    if (std::optional<int64_t> found = find_row(pair)) return *found;
    throw Damaged("a row that was written is not there");
}

void Store::Impl::reopen(bool damaged) {
    std::unique_ptr<Database> next = open_state(directory, damaged ? database.get() : nullptr, set_aside);
    database = std::move(next);
}

Store::Store(const std::string& directory) : impl_(std::make_unique<Impl>(directory)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

const std::string& Store::set_aside() const { return impl_->set_aside; }

PairId Store::pair(const PairKey& key) {
    auto known = std::find(impl_->keys.begin(), impl_->keys.end(), key);
    if (known == impl_->keys.end()) {
        impl_->keys.push_back(key);
        known = impl_->keys.end() - 1;
    }
    PairId pair = known - impl_->keys.begin() + 1;
    impl_->use([&](Database&) { return impl_->row(pair); });
    return pair;
}

std::vector<PairKey> Store::pairs() {
    return impl_->use([](Database& database) {
        std::vector<PairKey> keys;
        Query query = database.query("SELECT root, destination, direction FROM pair ORDER BY id");
        while (query.step()) {
            Direction direction = query.integer_at(2) == 0 ? Direction::push : Direction::pull;
            keys.push_back({query.string_at(0), query.string_at(1), direction});
        }
        return keys;
    });
}

Baseline Store::load_baseline(PairId pair) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    return impl_->use([&](Database& database) {
        Baseline baseline;
        const int64_t row = impl_->row(pair);
        const auto [rows, name_bytes] = measure_baseline(database, row);
        baseline.reserve(rows, name_bytes);
        Query query = database.query("SELECT path, value FROM baseline WHERE pair = ? ORDER BY path");
        query.integer(row);
        DecodedRow decoded;
        std::string previous;
        while (query.step()) {
            if (!decode_row(seed, query.blob_at(0), query.blob_at(1), decoded)) continue;
            // In a damaged tree of pages, rows may come twice or out of order.
            if (query.blob_at(0) <= previous && baseline.size() > 0) continue;
            previous = query.blob_at(0);
            baseline.add(decoded.path, decoded.entry, decoded.link);
        }
        return baseline;
    });
}

void Store::update_baseline(PairId pair, const std::vector<BaselineChange>& changes,
                            const std::vector<std::string>& removals) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        const int64_t row = impl_->row(pair);
        std::string path, value;
        Query put = database.query("INSERT OR REPLACE INTO baseline VALUES (?, ?, ?)");
        for (const BaselineChange& change : changes) {
            encode_row_path(change.path, path);
            encode_row_value(seed, path, change.entry, change.link, value);
            put.integer(row).blob(path).blob(value).run();
        }
        Query remove = database.query("DELETE FROM baseline WHERE pair = ? AND path = ?");
        for (const std::string& removal : removals) {
            encode_row_path(removal, path);
            remove.integer(row).blob(path).run();
        }
        transaction.commit();
    });
}

std::optional<WholeSync> Store::whole_sync(PairId pair) {
    return impl_->use([&](Database& database) -> std::optional<WholeSync> {
        const int64_t row = impl_->row(pair);
        Query query = database.query(
            "SELECT at, source_file_system, source_inode, source_kind, target_file_system, target_inode, target_kind "
            "FROM whole_sync WHERE pair = ?");
        if (!query.integer(row).step()) return std::nullopt;
        return WholeSync{query.integer_at(0), identity_at(query, 1), identity_at(query, 4)};
    });
}

void Store::record_whole_sync(PairId pair, const WholeSync& sync) {
    impl_->use([&](Database& database) {
        const int64_t row = impl_->row(pair);
        Query query = database.query("INSERT OR REPLACE INTO whole_sync VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        query.integer(row).integer(sync.at);
        bind_identity(query, sync.source);
        bind_identity(query, sync.target);
        query.run();
    });
}

void Store::trust(const std::string& job_file, const std::string& sha256) {
    impl_->use([&](Database& database) {
        database.query("INSERT OR REPLACE INTO trusted VALUES (?, ?)").blob(job_file).blob(sha256).run();
    });
}

bool Store::is_trusted(const std::string& job_file, const std::string& sha256) {
    return impl_->use([&](Database& database) {
        Query query = database.query("SELECT 1 FROM trusted WHERE job_file = ? AND sha256 = ?");
        return query.blob(job_file).blob(sha256).step();
    });
}

}  // namespace syncline
