#include "state/open_state.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.hpp"
#include "base/units.hpp"
#include "state/directory.hpp"
#include "state/lock.hpp"
#include "state/upgrade.hpp"
#include "state/versions.hpp"

namespace syncline {
namespace {

constexpr Duration lock_patience = std::chrono::seconds(15);
constexpr int64_t application_id = 0x53594e43;  // "SYNC"

/// What SQLite keeps beside a database.
constexpr const char* side_suffixes[] = {"-wal", "-shm", "-journal"};

bool exists(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0;
}

bool is_regular_file(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// A path beside `path` that is not taken.
std::string damaged_name(const std::string& path) {
    std::string time = format_time(wall_clock_now());
    std::erase_if(time, [](char c) { return c == ':' || c == '.'; });
    std::string name = path + ".damaged-" + time;
    for (int i = 2; exists(name); ++i) name = path + ".damaged-" + time + "-" + std::to_string(i);
    return name;
}

/// The database goes first: side files without it are never taken for the new one's (see create_file).
std::string move_aside(const std::string& path) {
    std::string name = damaged_name(path);
    if (::rename(path.c_str(), name.c_str()) != 0 && errno != ENOENT) {
        throw state_error(path, "it is damaged and cannot be renamed", errno);
    }
    for (const char* suffix : side_suffixes) ::rename((path + suffix).c_str(), (name + suffix).c_str());
    return name;
}

/// Makes an empty file when there is none. Only the holder of the lock opens anything, so that closing its descriptor
/// here can drop no lock of SQLite.
void create_file(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) {
        if (!S_ISREG(status.st_mode)) throw Damaged("not a regular file");
        // SQLite would take a few bytes for nothing and write over them.
        if (status.st_size > 0 && status.st_size < 512) throw Damaged("the file is too short");
        // A log without a database is what a truncated database looks like.
        if (status.st_size == 0 && exists(path + "-wal")) throw Damaged("the file is empty");
        if ((status.st_mode & 077) != 0 && status.st_uid == ::geteuid()) ::chmod(path.c_str(), 0600);
        return;
    }
    if (errno != ENOENT) throw state_error(path, "it cannot be looked at", errno);
    for (const char* suffix : side_suffixes) ::unlink((path + suffix).c_str());
    int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) throw state_error(path, "it cannot be created", errno);
    int result = ::fchmod(fd, 0600);
    int error_number = errno;
    ::close(fd);
    if (result != 0) throw state_error(path, "its mode cannot be set", error_number);
}

void refuse_newer(const std::string& path, const Header& header) {
    if (header.application_id != application_id || header.version <= schema_version) return;
    throw Error(Errc::state, escape(path) + " was written by a newer syncline (schema " +
                                 std::to_string(header.version) + ", this one knows " + std::to_string(schema_version) +
                                 "); upgrade syncline or move the file aside");
}

int64_t number(Database& database, const char* sql) {
    Query query = database.query(sql);
    return query.step() ? query.integer_at(0) : 0;
}

/// A missing table shows here and not in the middle of a run.
void check_first_tables(Database& database) {
    number(database, "SELECT count(*) FROM pair, baseline, whole_sync, run, trusted WHERE 0");
}

void configure(Database& database) {
    // A crash of the machine may lose the last transactions, which is harmless: what is recorded late is compared
    // again. The order of transactions is kept, so nothing is ever recorded early.
    database.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096;"
        "PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON");
}

std::unique_ptr<Database> open_sound(const std::string& directory, const std::string& path) {
    if (is_regular_file(path)) {
        if (std::optional<Header> header = peek_header(path)) refuse_newer(path, *header);
    }
    create_file(path);
    auto database = std::make_unique<Database>(path);
    // The write-ahead log may know better than the file.
    Header header{number(*database, "PRAGMA application_id"), number(*database, "PRAGMA user_version")};
    refuse_newer(path, header);
    const bool is_new = header.application_id == 0 && header.version == 0;
    if (!is_new && (header.application_id != application_id || header.version < 1)) {
        throw Damaged("it is no state database");
    }
    if (!is_new) check_first_tables(*database);  // what is damaged is set aside as it was found
    if (header.version < schema_version) bring_up_to_date(*database, directory, header.version);
    configure(*database);
    check_first_tables(*database);
    number(*database, "SELECT count(path_log) FROM run WHERE 0");
    number(*database, "SELECT count(*) FROM remote_directory, clean_run WHERE 0");
    number(*database, "SELECT count(*) FROM trusted_fact, spelling, told WHERE 0");
    return database;
}

}  // namespace

std::unique_ptr<Database> open_state(const std::string& directory, const Database* known_damaged,
                                     std::string& set_aside) {
    create_private_directory(directory);
    FileLock lock = FileLock::acquire(directory + "/state.lock", lock_patience);
    const std::string path = directory + "/state.db";
    // Another process may have set the same file aside meanwhile.
    if (known_damaged != nullptr && known_damaged->is_in_place()) set_aside = move_aside(path);
    try {
        return open_sound(directory, path);
    } catch (const Damaged&) {
        set_aside = move_aside(path);
    }
    try {
        return open_sound(directory, path);
    } catch (const Damaged& damaged) {
        throw state_error(path, "it is damaged again as soon as it is made (" + std::string(damaged.what()) + ")", 0);
    }
}

}  // namespace syncline
