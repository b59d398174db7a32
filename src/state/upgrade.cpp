#include "state/upgrade.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/text.hpp"
#include "state/lock.hpp"
#include "state/versions.hpp"

namespace syncline {
namespace {

/// Whoever holds a lock here opened the state before this process did, and goes on to use it as it was. What opens it
/// from now on waits for the lock of the state, and then finds it newer than itself.
void refuse_beside_older(const std::string& directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory + "/locks", error)) {
        std::optional<int> holder = lock_holder(entry.path().string());
        if (!holder || *holder == ::getpid()) continue;
        const std::string pid = std::to_string(*holder);
        const bool is_engine = entry.path().filename().string().starts_with("engine-");
        throw Error(Errc::locked,
                    std::string(is_engine ? "the engine" : "a run") + " of an older syncline (PID " + pid +
                        ") still uses the state in " + escape(directory) +
                        ", which this version brings up to date first; " +
                        (is_engine ? "end it with `syncline stop` or `kill " + pid + "`" : "wait for its end") +
                        ", then try again");
    }
}

std::string sql_text(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? "''" : std::string(1, c);
    return out + "'";
}

/// With what the write-ahead log holds. There under its name only when it is whole.
void copy_aside(Database& database, int64_t version) {
    const std::string copy = database.path() + ".version-" + std::to_string(version), unfinished = copy + ".new";
    ::unlink(unfinished.c_str());
    // SQLite writes into an empty file that is there, but would make one with a mode of its own.
    int file = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) throw state_error(database.path(), "it cannot be copied to " + escape(copy), errno);
    try {
        database.execute(("VACUUM INTO " + sql_text(unfinished)).c_str());
    } catch (const Error& error) {
        ::close(file);
        ::unlink(unfinished.c_str());
        throw Error(Errc::state, "the state of an older syncline cannot be copied to " + escape(copy) +
                                     " before it is brought up to date, and is left as it is: " + error.what());
    } catch (...) {
        ::close(file);
        ::unlink(unfinished.c_str());
        throw;
    }
    bool is_kept = ::fsync(file) == 0;
    is_kept = ::close(file) == 0 && is_kept && ::rename(unfinished.c_str(), copy.c_str()) == 0;
    if (!is_kept) throw state_error(database.path(), "it cannot be copied to " + escape(copy), errno);
}

bool has_tables(Database& database) {
    Query query = database.query("SELECT count(*) FROM sqlite_schema");
    return query.step() && query.integer_at(0) != 0;
}

}  // namespace

void bring_up_to_date(Database& database, const std::string& directory, int64_t version) {
    if (version != 0) {
        refuse_beside_older(directory);
        copy_aside(database, version);
    }
    // Of a new state in a rollback journal, so that the version stands in the file itself from the first instant.
    Transaction transaction(database);
    if (version == 0 && has_tables(database)) throw Damaged("it holds another program's tables");
    for (; version < schema_version; ++version) database.execute(state_versions()[static_cast<size_t>(version)]);
    database.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
    transaction.commit();
}

}  // namespace syncline
