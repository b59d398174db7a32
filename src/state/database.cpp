#include "state/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <tuple>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr int busy_timeout_ms = 15'000;
constexpr int64_t long_log_bytes = 4 << 20;

bool is_damage(int code) {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
        // Statements and values are ours and fixed: they can only fail on a schema or rows that are not ours.
        case SQLITE_ERROR:
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH: return true;
        default: return code == SQLITE_IOERR_SHORT_READ;
    }
}

int errno_of(sqlite3* handle, int code) {
    switch (code & 0xff) {
        case SQLITE_FULL: return ENOSPC;
        case SQLITE_READONLY:
        case SQLITE_PERM: return EACCES;
        case SQLITE_NOMEM: return ENOMEM;
        case SQLITE_BUSY: return EBUSY;
        default: return handle == nullptr ? 0 : sqlite3_system_errno(handle);
    }
}

[[noreturn]] void fail(const std::string& path, sqlite3* handle, int code) {
    std::string why = sqlite3_errstr(code);
    if (is_damage(code)) throw Damaged(handle == nullptr ? why : sqlite3_errmsg(handle));
    throw state_error(path, why, errno_of(handle, code));
}

std::string remedy(int error_number) {
    switch (error_number) {
        case ENOSPC:
        case EDQUOT: return "free some space on its file system and try again";
        case EACCES:
        case EPERM:
        case EROFS:
            return "make it and its directory writable for this user, or set XDG_STATE_HOME to another directory";
        case EBUSY: return "another process has kept it locked for 15 s: try again when that one has ended";
        case ENOMEM:
        case EMFILE:
        case ENFILE: return "end other programs or raise the limit, and try again";
        default:
            return "check the disk, or move the file aside: a new one is then begun, which loses speed, never data";
    }
}

/// As a URI, every byte that could mean something there escaped.
std::string file_uri(const std::string& path, std::string_view query) {
    constexpr char digits[] = "0123456789abcdef";
    std::string uri = path.starts_with('/') ? "file://" : "file:";
    for (char c : path) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '?' || c == '#' || byte <= ' ' || byte >= 0x7f) {
            uri += {'%', digits[byte >> 4], digits[byte & 15]};
        } else {
            uri += c;
        }
    }
    return uri.append(query);
}

int64_t pragma_number(sqlite3* handle, const char* sql, int& code) {
    sqlite3_stmt* statement = nullptr;
    code = sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return number;
}

}  // namespace

Error state_error(const std::string& path, const std::string& why, int error_number) {
    std::string reason = error_number == 0 || error_number == EBUSY ? why : why + " (" + errno_text(error_number) + ")";
    return {Errc::state, "cannot use the state database " + escape(path) + ": " + reason + "; " + remedy(error_number)};
}

Query::~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Query& Query::rewind() {
    sqlite3_reset(statement_);
    next_parameter_ = 1;
    return *this;
}

Query& Query::integer(int64_t value) {
    check(sqlite3_bind_int64(statement_, next_parameter_++, value));
    return *this;
}

Query& Query::blob(std::string_view value) {
    // A null pointer would bind NULL instead of no bytes.
    const char* bytes = value.empty() ? "" : value.data();
    check(sqlite3_bind_blob64(statement_, next_parameter_++, bytes, value.size(), SQLITE_STATIC));
    return *this;
}

Query& Query::null() {
    check(sqlite3_bind_null(statement_, next_parameter_++));
    return *this;
}

bool Query::step() {
    int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) check(code);
    return false;
}

int64_t Query::run() {
    while (step()) {
    }
    sqlite3_reset(statement_);
    next_parameter_ = 1;
    return sqlite3_changes64(sqlite3_db_handle(statement_));
}

void Query::check(int code) {
    if (code != SQLITE_OK)
        fail(path_, sqlite3_db_handle(statement_), sqlite3_extended_errcode(sqlite3_db_handle(statement_)));
}

int64_t Query::integer_at(int column) { return sqlite3_column_int64(statement_, column); }

std::string_view Query::blob_at(int column) {
    const void* bytes = sqlite3_column_blob(statement_, column);
    if (bytes == nullptr) return {};
    return {static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Query::is_null_at(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Database::Database(const std::string& path) : path_(path) {
    // Without the mutexes of SQLite, as one thread at a time uses this.
    int code = sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> guard(handle_, sqlite3_close_v2);
    if (handle_ == nullptr) throw state_error(path, sqlite3_errstr(code), ENOMEM);
    sqlite3_extended_result_codes(handle_, 1);
    if (code != SQLITE_OK) fail(path, handle_, sqlite3_extended_errcode(handle_));
    if (sqlite3_db_readonly(handle_, "main") == 1) throw state_error(path, "it may only be read", EACCES);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) throw state_error(path, errno_text(errno), errno);
    device_ = status.st_dev, inode_ = status.st_ino;
    sqlite3_busy_timeout(handle_, busy_timeout_ms);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    std::ignore = guard.release();
}

Database::~Database() {
    for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close_v2(handle_);
}

void Database::execute(const char* sql) {
    int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(path_, handle_, sqlite3_extended_errcode(handle_));
}

Query Database::query(const char* sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (statement == nullptr) {
        int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
        if (code != SQLITE_OK) fail(path_, handle_, sqlite3_extended_errcode(handle_));
    }
    return {path_, statement};
}

bool Database::is_in_place() const {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0) return errno != ENOENT && errno != ENOTDIR;
    return status.st_dev == device_ && status.st_ino == inode_;
}

void Database::trim_log() {
    struct stat status{};
    if (::stat((path_ + "-wal").c_str(), &status) != 0 || status.st_size < long_log_bytes) return;
    sqlite3_busy_timeout(handle_, 0);
    sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(handle_, busy_timeout_ms);
}

void Database::roll_back() {
    if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::optional<Header> peek_header(const std::string& path) {
    // Not by open(2): closing that descriptor would drop the locks which another connection of this process holds.
    sqlite3* handle = nullptr;
    int code = sqlite3_open_v2(file_uri(path, "?immutable=1").c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                               nullptr);
    std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> guard(handle, sqlite3_close_v2);
    if (code != SQLITE_OK) return std::nullopt;
    Header header;
    header.application_id = pragma_number(handle, "PRAGMA application_id", code);
    if (code != SQLITE_ROW) return std::nullopt;
    header.version = pragma_number(handle, "PRAGMA user_version", code);
    if (code != SQLITE_ROW) return std::nullopt;
    return header;
}

}  // namespace syncline
