// A state of the version before is brought up to date with all that it holds.

#include <sqlite3.h>

#include <fstream>
#include <sstream>

#include "core/path_log.hpp"
#include "fixture.hpp"

using namespace syncline;

namespace {

/// As version 1 made it, and some rows.
constexpr const char* version_1 = R"sql(
CREATE TABLE pair (
    id INTEGER PRIMARY KEY,
    root BLOB NOT NULL,
    destination BLOB NOT NULL,
    direction INTEGER NOT NULL,
    baseline_rows INTEGER NOT NULL DEFAULT 0,
    baseline_path_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (root, destination, direction));
CREATE TABLE baseline (
    pair INTEGER NOT NULL,
    path BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (pair, path)) WITHOUT ROWID;
CREATE TABLE whole_sync (
    pair INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    source_file_system BLOB, source_inode INTEGER, source_kind INTEGER,
    target_file_system BLOB, target_inode INTEGER, target_kind INTEGER);
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    pair INTEGER NOT NULL,
    job BLOB NOT NULL,
    started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    scanned INTEGER NOT NULL, put INTEGER NOT NULL, deleted INTEGER NOT NULL, bytes_sent INTEGER NOT NULL,
    adopted INTEGER NOT NULL,
    detail BLOB NOT NULL,
    problems BLOB NOT NULL);
CREATE INDEX run_by_pair ON run (pair);
CREATE TABLE trusted (
    job_file BLOB PRIMARY KEY,
    sha256 BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 0x53594e43;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
INSERT INTO pair VALUES (3, CAST('/home/u/thesis' AS BLOB), CAST('ssh:cse' AS BLOB), 0, 0, 0);
INSERT INTO whole_sync VALUES (3, 42, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO run VALUES (1, 3, CAST('thesis' AS BLOB), 5, 6, 0, 10, 2, 1, 99, 0, X'', CAST('[]' AS BLOB));
INSERT INTO trusted VALUES (CAST('/p/jobs.toml' AS BLOB), CAST('aa' AS BLOB));
)sql";

const PairKey thesis{"/home/u/thesis", "ssh:cse", Direction::push};
std::string log_of(const std::string& path) {
    PathLog log;
    log.add_done(path, Op::put, Reason::content_differs);
    return log.bytes();
}

sqlite3* open(const std::string& path) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    return handle;
}

void sql(const std::string& path, const char* text) {
    sqlite3* handle = open(path);
    CHECK(sqlite3_exec(handle, text, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void check_contents(Store& store) {
    CHECK(store.set_aside().empty());
    REQUIRE(store.pairs().front() == thesis);
    PairId pair = store.pair(thesis);
    REQUIRE(store.whole_sync(pair));
    CHECK(store.whole_sync(pair)->at == 42);
    REQUIRE(store.history(pair, 10).size() == 1);
    CHECK(store.history(pair, 10)[0].bytes_sent == 99);
    CHECK_FALSE(store.last_run_with(pair, "never"));
    CHECK(store.is_trusted("/p/jobs.toml", "aa"));
}

}  // namespace

TEST_CASE("a state of version 1 keeps all that it holds and learns what runs do with paths") {
    TempDirectory temp;
    sql(temp / "state.db", version_1);
    {
        Store store(temp.path());
        check_contents(store);
    }
    Store store(temp.path());
    check_contents(store);
    store.record_run(store.pair(thesis), {}, log_of("a"));
    CHECK(store.last_run_with(store.pair(thesis), "a"));
}

TEST_CASE("a state of version 2 keeps what it holds and learns of remote directories") {
    TempDirectory temp;
    sql(temp / "state.db", version_1);
    sql(temp / "state.db", "ALTER TABLE run ADD COLUMN path_log BLOB NOT NULL DEFAULT X''; PRAGMA user_version = 2");
    {
        Store store(temp.path());
        check_contents(store);
        CHECK(store.remote_directories().empty());
        store.record_use({{"cse", "me", "cse.example.edu", 22, ""}, "~/p/a", "/a", "a", 1});
    }
    Store store(temp.path());
    check_contents(store);
    CHECK(store.remote_directories().size() == 1);
    CHECK(store.cleans().empty());
}

TEST_CASE("a state that was brought up to date is as a new one") {
    TempDirectory temp;
    sql(temp / "old.db", version_1);
    std::filesystem::create_directory(temp / "old");
    std::filesystem::rename(temp / "old.db", temp / "old/state.db");
    {
        Store old(temp / "old"), made(temp / "new");
    }
    auto schema_of = [&](const std::string& path) {
        sqlite3* handle = open(path);
        std::string text;
        auto take = [](void* to, int, char** columns, char**) {
            *static_cast<std::string*>(to) += std::string(columns[0]) + "\n";
            return 0;
        };
        sqlite3_exec(handle, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name", take, &text, nullptr);
        sqlite3_exec(handle, "PRAGMA user_version", take, &text, nullptr);
        sqlite3_close(handle);
        return text;
    };
    CHECK(schema_of(temp / "old/state.db") == schema_of(temp / "new/state.db"));
}

TEST_CASE("processes that find an old state at once bring it up to date once") {
    for (int round = 0; round < 10; ++round) {
        TempDirectory temp;
        sql(temp / "state.db", version_1);
        std::vector<pid_t> children;
        for (int i = 0; i < 4; ++i) {
            children.push_back(start_child([&] {
                Store store(temp.path());
                store.record_run(store.pair({"/other", "", Direction::push}), {}, log_of(std::to_string(i)));
                return store.set_aside().empty() ? 0 : 1;
            }));
        }
        for (pid_t child : children) CHECK(wait_for(child) == 0);
        Store store(temp.path());
        check_contents(store);
        for (const char* path : {"0", "1", "2", "3"}) {
            CHECK(store.last_run_with(store.pair({"/other", "", Direction::push}), path));
        }
    }
}

TEST_CASE("an old state that lacks a table is set aside as it was found") {
    TempDirectory temp;
    sql(temp / "state.db", version_1);
    sql(temp / "state.db", "DROP TABLE run; PRAGMA wal_checkpoint(TRUNCATE)");
    const std::string before = read_file(temp / "state.db");
    Store store(temp.path());
    REQUIRE_FALSE(store.set_aside().empty());
    CHECK(read_file(store.set_aside()) == before);
    CHECK(store.pairs().empty());
}
