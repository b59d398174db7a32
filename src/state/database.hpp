// Database: the little of SQLite that the state needs: open, run statements, tell a damaged file from other trouble.
//
// Used by one thread at a time. Closing never checkpoints: that would remove the -wal file by its name, which may
// belong to a new database by then (when a damaged one was set aside under a process that still had it open).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace syncline {

/// The file is no database, or no sound one. The store sets it aside; it never leaves state/.
class Damaged : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Error{state} that says what to do about `why`. `error_number` may be 0.
[[nodiscard]] Error state_error(const std::string& path, const std::string& why, int error_number);

/// One use of a prepared statement, which is reset when this dies. Bound bytes must live until the next step.
class Query {
  public:
    Query(const std::string& path, sqlite3_stmt* statement) : path_(path), statement_(statement) {}
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query();

    /// Binds the next parameter.
    Query& integer(int64_t value);
    /// Ready for other values, and another execution.
    Query& rewind();
    Query& blob(std::string_view value);
    Query& null();

    /// Whether there is a row (again). Throws Damaged or Error.
    bool step();
    /// Runs a statement that gives no rows, and makes it ready for new parameters. The number of rows that it changed.
    int64_t run();

    int64_t integer_at(int column);
    /// Valid until the next step.
    std::string_view blob_at(int column);
    std::string string_at(int column) { return std::string(blob_at(column)); }
    bool is_null_at(int column);

  private:
    void check(int code);
    const std::string& path_;
    sqlite3_stmt* statement_;
    int next_parameter_ = 1;
};

class Database {
  public:
    /// Opens an existing file. Throws Damaged, or Error when it cannot be read and written.
    explicit Database(const std::string& path);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    const std::string& path() const { return path_; }
    /// Runs statements that give no rows that matter.
    void execute(const char* sql);
    /// `sql` is a literal: it is the key under which the prepared statement is kept.
    Query query(const char* sql);
    /// Whether the name still leads to the file that was opened; a file that cannot be looked at counts as unmoved.
    bool is_in_place() const;
    /// Makes a long write-ahead log short, so that the next process need not read it; does nothing when others are at
    /// work.
    void trim_log();
    /// Ends an open transaction, if there is one, without a trace.
    void roll_back();

  private:
    std::string path_;
    sqlite3* handle_ = nullptr;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::map<const char*, sqlite3_stmt*> statements_;
};

/// The numbers in a database file's header. Reads that file alone: takes no lock, makes no file beside it.
struct Header {
    int64_t application_id = 0;
    int64_t version = 0;
};
/// nullopt when it cannot be told; only a true opening can judge why.
std::optional<Header> peek_header(const std::string& path);

/// All or nothing: what was not committed when this dies is rolled back.
class Transaction {
  public:
    explicit Transaction(Database& database) : database_(database) { database.execute("BEGIN IMMEDIATE"); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() { database_.roll_back(); }
    void commit() { database_.execute("COMMIT"); }

  private:
    Database& database_;
};

}  // namespace syncline
