// A state of the version before is brought up to date with all that it holds.

#include <sqlite3.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "core/path_log.hpp"
#include "fixture.hpp"
#include "state/lock.hpp"

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

int64_t number_in(const std::string& path, const char* query) {
    sqlite3* handle = open(path);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(handle, query, -1, &statement, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
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
    CHECK(store.is_trusted_text("/p/jobs.toml", "aa"));
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

TEST_CASE("a state that the first version wrote keeps all that it holds, and is kept itself") {
    TempDirectory temp;
    const std::string written = SYNCLINE_SOURCE_ROOT "/tests/state/versions/4/state.db";
    std::filesystem::copy_file(written, temp / "state.db");
    const std::string base = "/tmp/syncline-e2e-61wkg13f";
    const PairKey local{"local:" + base + "/source", "local:" + base + "/target", Direction::push};
    const PairKey lab{local.root, "ssh:cse:student:~/lab", Direction::push};
    for (int round = 0; round < 2; ++round) {
        Store store(temp.path());
        REQUIRE(store.set_aside().empty());
        REQUIRE(store.pairs().size() == 5);
        PairId pair = store.pair(local);
        Baseline baseline = store.load_baseline(pair);
        REQUIRE(baseline.size() == 5);
        CHECK(baseline.find("gone") == Tree::none);
        REQUIRE(baseline.find("sub/deep") != Tree::none);
        CHECK(baseline[baseline.find("sub/deep")].size == 4);
        REQUIRE(store.whole_sync(pair));
        CHECK(store.whole_sync(pair)->source->inode == 10976397);
        CHECK(store.whole_sync(pair)->target->inode == 10976099);
        CHECK(store.history(pair, 10).size() == 2);
        CHECK(store.deletes_since(pair, 0) == 1);
        REQUIRE(store.last_run_with(pair, "gone"));
        CHECK(store.last_run_with(pair, "gone")->is_last_run);
        REQUIRE(store.remote_directories().size() == 1);
        CHECK(store.remote_directories()[0].path == "~/.cache/syncline/projects/source-79c9288e-da78a3b4");
        CHECK(store.is_trusted_text(base + "/jobs.toml",
                                    "c462950a40e446bdcb7b32e35abc8ba780ac0def16da84aa94d5d13154db50ae"));
        CHECK(store.load_baseline(store.pair(lab)).size() == 5);
    }
    // The copy is a whole state of its own.
    CHECK(number_in(temp / "state.db.version-4", "PRAGMA user_version") == 4);
    CHECK(number_in(temp / "state.db.version-4", "SELECT count(*) FROM baseline") == 24);
    CHECK(std::filesystem::status(temp / "state.db.version-4").permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK_FALSE(std::filesystem::exists(temp / "state.db.version-4.new"));
}

TEST_CASE("pairs of an older state are told once of what changed, new ones never") {
    TempDirectory temp;
    std::filesystem::copy_file(SYNCLINE_SOURCE_ROOT "/tests/state/versions/4/state.db", temp / "state.db");
    {
        Store store(temp.path());
        PairId old = store.pair(store.pairs().front()), made = store.pair({"/new", "local:/x", Direction::push});
        CHECK(store.tell_once(old, 5, "delete"));
        CHECK_FALSE(store.tell_once(old, 5, "delete"));
        CHECK_FALSE(store.tell_once(old, 4, "other"));
        CHECK_FALSE(store.tell_once(made, 5, "delete"));
    }
    Store store(temp.path());
    CHECK_FALSE(store.tell_once(store.pair(store.pairs().front()), 5, "delete"));
    CHECK(store.tell_once(store.pair(store.pairs().back()), 5, "delete") == false);
    CHECK(store.tell_once(store.pair(store.pairs()[1]), 5, "delete"));
}

TEST_CASE("a state is not brought up to date under a process of the older program") {
    TempDirectory temp;
    sql(temp / "state.db", version_1);
    std::filesystem::create_directory(temp / "locks");
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    pid_t child = start_child([&] {
        std::string holder;
        std::optional<FileLock> lock = FileLock::try_acquire(engine_lock_path(temp.path(), "/p/jobs.toml"), holder);
        char byte = 'x';
        if (::write(pipe_ends[1], &byte, 1) != 1) return 1;
        ::close(pipe_ends[1]);
        ::pause();
        return lock ? 0 : 1;
    });
    char byte = 0;
    REQUIRE(::read(pipe_ends[0], &byte, 1) == 1);
    try {
        Store store(temp.path());
        FAIL("it was opened");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::locked);
        CHECK(std::string(error.what()).find("engine of an older syncline (PID " + std::to_string(child) + ")") !=
              std::string::npos);
    }
    CHECK(number_in(temp / "state.db", "PRAGMA user_version") == 1);
    ::kill(child, SIGKILL);
    wait_for(child);
    Store store(temp.path());
    check_contents(store);
}

TEST_CASE("an old state that cannot be copied stays as it is") {
    TempDirectory temp;
    sql(temp / "state.db", version_1);
    // Nothing can be renamed over it.
    std::filesystem::create_directories(temp / "state.db.version-1/x");
    CHECK_THROWS_AS(Store(temp.path()), Error);
    CHECK(number_in(temp / "state.db", "PRAGMA user_version") == 1);
    std::filesystem::remove_all(temp / "state.db.version-1");
    Store store(temp.path());
    check_contents(store);
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
