// The remote project directories that were used, and the last clean of each host.

#include "state/store.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

constexpr const char* select_uses =
    "SELECT host, user, hostname, port, host_key, path, root, job, last_used_at FROM remote_directory ORDER BY id";

RemoteDirectory directory_at(Query& query) {
    RemoteDirectory directory;
    directory.host.name = query.string_at(0);
    directory.host.user = query.string_at(1);
    directory.host.hostname = query.string_at(2);
    directory.host.port = static_cast<uint16_t>(query.integer_at(3));
    directory.host.key = query.string_at(4);
    directory.path = query.string_at(5);
    directory.root = query.string_at(6);
    directory.job = query.string_at(7);
    directory.last_used_at = query.integer_at(8);
    return directory;
}

}  // namespace

bool is_same_host(const HostIdentity& recorded, const HostIdentity& now) {
    if (recorded.user != now.user) return false;
    bool keys_are_known = !recorded.key.empty() && !now.key.empty();
    if (keys_are_known) return recorded.key == now.key;
    return recorded.name == now.name || (recorded.hostname == now.hostname && recorded.port == now.port);
}

void Store::record_use(const RemoteDirectory& directory) {
    impl_->use([&](Database& database) {
        const HostIdentity& host = directory.host;
        Query query = database.query(
            "INSERT INTO remote_directory (host, user, hostname, port, host_key, path, root, job, last_used_at) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
            "ON CONFLICT (host, user, path, root, job) DO UPDATE SET hostname = ?3, port = ?4, last_used_at = ?9, "
            "host_key = CASE WHEN ?5 = X'' THEN host_key ELSE ?5 END");
        query.blob(host.name).blob(host.user).blob(host.hostname).integer(host.port).blob(host.key);
        query.blob(directory.path).blob(directory.root).blob(directory.job).integer(directory.last_used_at).run();
    });
}

std::vector<RemoteDirectory> Store::remote_directories() {
    return impl_->use([](Database& database) {
        std::vector<RemoteDirectory> directories;
        Query query = database.query(select_uses);
        while (query.step()) directories.push_back(directory_at(query));
        return directories;
    });
}

void Store::forget_remote_directories(const std::vector<RemoteDirectory>& gone) {
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        Query query = database.query(
            "DELETE FROM remote_directory WHERE host = ? AND user = ? AND path = ? AND last_used_at <= ?");
        for (const RemoteDirectory& each : gone)
            query.blob(each.host.name).blob(each.host.user).blob(each.path).integer(each.last_used_at).run();
        transaction.commit();
    });
}

void Store::record_clean(const CleanRecord& clean) {
    impl_->use([&](Database& database) {
        Query query = database.query("INSERT OR REPLACE INTO clean_run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        query.blob(clean.host).blob(clean.user).integer(clean.at).integer(static_cast<int64_t>(clean.removed));
        query.integer(static_cast<int64_t>(clean.kept)).integer(static_cast<int64_t>(clean.bytes_freed));
        query.blob(clean.quota_before).blob(clean.quota_after).blob(clean.error).run();
    });
}

std::vector<CleanRecord> Store::cleans() {
    return impl_->use([](Database& database) {
        std::vector<CleanRecord> cleans;
        Query query = database.query(
            "SELECT host, user, at, removed, kept, bytes_freed, quota_before, quota_after, error FROM clean_run "
            "ORDER BY host, user");
        while (query.step()) {
            CleanRecord clean;
            clean.host = query.string_at(0);
            clean.user = query.string_at(1);
            clean.at = query.integer_at(2);
            clean.removed = static_cast<uint64_t>(query.integer_at(3));
            clean.kept = static_cast<uint64_t>(query.integer_at(4));
            clean.bytes_freed = static_cast<uint64_t>(query.integer_at(5));
            clean.quota_before = query.string_at(6);
            clean.quota_after = query.string_at(7);
            clean.error = query.string_at(8);
            cleans.push_back(std::move(clean));
        }
        return cleans;
    });
}

}  // namespace syncline
