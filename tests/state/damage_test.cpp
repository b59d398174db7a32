// Whatever stands in the place of the database: an error or a fresh start, never a crash and never a false row.

#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "fixture.hpp"

using namespace syncline;

namespace {

const PairKey key{"/root", "local:/target", Direction::push};

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

void sql(const std::string& path, const std::string& text) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    CHECK(sqlite3_exec(handle, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
}

/// A sound database of some rows, all in the main file.
Rows make_state(const std::string& directory, size_t count) {
    std::mt19937_64 random(count);
    Rows rows = random_rows(random, count);
    {
        Store store(directory);
        PairId pair = store.pair(key);
        store.update_baseline(pair, changes_of(rows), {});
        store.record_whole_sync(pair, {1, RootIdentity{}, RootIdentity{}});
        for (int i = 0; i < 20; ++i)
            store.record_run(pair, {.job = "j", .detail = "d", .problems = {{"p", "w"}}},
                             std::string_view("!w\0p\0", 5));
    }
    sql(directory + "/state.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    return rows;
}

/// Uses all of the store. Rows that come back must be rows that were written.
void exercise(const std::string& directory, const Rows& written) {
    Store store(directory);
    PairId pair = store.pair(key);
    for (const auto& [path, row] : rows_of(store.load_baseline(pair))) {
        auto original = written.find(path);
        REQUIRE(original != written.end());
        CHECK(same(original->second.entry, row.entry));
        CHECK(original->second.link == row.link);
    }
    store.whole_sync(pair);
    store.record_whole_sync(pair, {});
    store.history(pair, 100);
    store.last_run(pair, Outcome::success);
    store.last_run_with(pair, "p");
    store.deletes_since(pair, 0);
    store.record_run(pair, {});
    store.trust("/f", {"s"});
    store.trusted_facts("/f");
    store.record_spelling("a", "b");
    store.pairs();
    Rows changed(written.begin(), std::next(written.begin(), static_cast<long>(written.size() / 2)));
    store.update_baseline(pair, changes_of(changed), {written.rbegin()->first});
    store.load_baseline(pair);
}

/// Like exercise, where an Error{state} is as good an end: what matters is that it is one.
void survive(const std::string& directory, const Rows& written) {
    try {
        exercise(directory, written);
    } catch (const Error& error) {
        CHECK(error.code() == Errc::state);
        CHECK(std::string(error.what()).find("state.db") != std::string::npos);
    }
}

std::string error_of(const std::string& directory) {
    try {
        Store store(directory);
    } catch (const Error& error) {
        CHECK(error.code() == Errc::state);
        return error.what();
    }
    return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what is no database is set aside and a new one begun") {
    const std::string sound = [] {
        TempDirectory temp;
        make_state(temp.path(), 50);
        return read_file(temp / "state.db");
    }();
    std::mt19937_64 random(3);
    std::string noise(20'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    for (const std::string& content :
         {std::string("x"), std::string("garbage, and more of it\n"), noise, std::string(4096, '\0'),
          sound.substr(0, 50), sound.substr(0, 100), sound.substr(0, 4095)}) {
        TempDirectory temp;
        write_file(temp / "state.db", content);
        std::string moved;
        {
            Store store(temp.path());
            moved = store.set_aside();
            CHECK(moved.starts_with(temp / "state.db.damaged-"));
            CHECK(read_file(moved) == content);
            store.update_baseline(store.pair(key), {{"a", {}, ""}}, {});
        }
        Store store(temp.path());
        CHECK(store.set_aside().empty());
        CHECK(store.load_baseline(store.pair(key)).size() == 1);
        CHECK(read_file(moved) == content);
    }
}

TEST_CASE("an empty file is taken for a new database, and for a damaged one beside a log") {
    TempDirectory temp;
    write_file(temp / "state.db", "");
    {
        CHECK(Store(temp.path()).set_aside().empty());
    }
    write_file(temp / "state.db", "");
    CHECK_FALSE(Store(temp.path()).set_aside().empty());
}

TEST_CASE("what is not even a file is set aside") {
    TempDirectory temp;
    SECTION("a directory") { std::filesystem::create_directories(temp / "state.db/inside"); }
    SECTION("a FIFO") { REQUIRE(::mkfifo((temp / "state.db").c_str(), 0600) == 0); }
    SECTION("another program's database") { sql(temp / "state.db", "CREATE TABLE foreign_table (a)"); }
    SECTION("our mark without our tables") {
        sql(temp / "state.db", "PRAGMA application_id = 0x53594e43; PRAGMA user_version = 1; CREATE TABLE pair (a)");
    }
    SECTION("a version that never was") {
        sql(temp / "state.db", "PRAGMA application_id = 0x53594e43; PRAGMA user_version = -3");
    }
    Store store(temp.path());
    CHECK_FALSE(store.set_aside().empty());
    store.update_baseline(store.pair(key), {{"a", {}, ""}}, {});
    CHECK(store.load_baseline(store.pair(key)).size() == 1);
}

TEST_CASE("a newer database is refused and not touched") {
    TempDirectory temp;
    make_state(temp.path(), 20);
    sql(temp / "state.db", "PRAGMA user_version = 7");
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(temp / ("state.db" + std::string(suffix)));
    const std::string before = read_file(temp / "state.db");
    std::string message = error_of(temp.path());
    CHECK(contains(message, temp / "state.db was written by a newer syncline (schema 7, this one knows 5)"));
    CHECK(contains(message, "upgrade syncline or move the file aside"));
    CHECK(read_file(temp / "state.db") == before);
    CHECK_FALSE(std::filesystem::exists(temp / "state.db-wal"));
    CHECK_FALSE(std::filesystem::exists(temp / "state.db-shm"));
}

TEST_CASE("a newer database whose version still stands in its log is refused, its file not touched") {
    TempDirectory temp;
    make_state(temp.path(), 20);
    pid_t writer = start_child([&]() -> int {
        sqlite3* handle = nullptr;
        sqlite3_open((temp / "state.db").c_str(), &handle);
        if (sqlite3_exec(handle, "PRAGMA user_version = 7", nullptr, nullptr, nullptr) != SQLITE_OK) return 1;
        ::_exit(0);  // as if killed: no checkpoint
    });
    REQUIRE(wait_for(writer) == 0);
    const std::string before = read_file(temp / "state.db"), log = read_file(temp / "state.db-wal");
    CHECK(contains(error_of(temp.path()), "schema 7"));
    CHECK(read_file(temp / "state.db") == before);
    CHECK(read_file(temp / "state.db-wal") == log);
}

TEST_CASE("flipped bits cost rows or the database, but give no false row") {
    TempDirectory model;
    const Rows rows = make_state(model.path(), 120);
    const std::string sound = read_file(model / "state.db");
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        std::string content = sound;
        // A single bit, a few of them, or a run of bytes; half of all rounds in the first page, where most can go
        // wrong.
        for (uint64_t flips = seed % 3 == 0 ? 1 : 1 + random() % 20; flips > 0; --flips) {
            size_t range = random() % 2 == 0 ? 4096 : content.size();
            size_t at = random() % range;
            if (seed % 7 == 0)
                content.replace(at, 64, 64, static_cast<char>(random()));
            else
                content[at] = static_cast<char>(content[at] ^ (1 << random() % 8));
        }
        TempDirectory temp;
        write_file(temp / "state.db", content);
        survive(temp.path(), rows);
        survive(temp.path(), rows);
    }
}

TEST_CASE("a truncated database gives no false row") {
    TempDirectory model;
    const Rows rows = make_state(model.path(), 120);
    const std::string sound = read_file(model / "state.db");
    for (size_t size = 0; size < sound.size(); size += size < 200 ? 33 : 1024) {
        INFO("size " << size);
        TempDirectory temp;
        write_file(temp / "state.db", sound.substr(0, size));
        survive(temp.path(), rows);
        exercise(temp.path(), rows);
    }
}

TEST_CASE("a damaged log gives no false row") {
    TempDirectory model;
    std::mt19937_64 random(5);
    const Rows rows = random_rows(random, 120);
    // Copied while it is open, as a crash would leave it.
    Store model_store(model.path());
    model_store.update_baseline(model_store.pair(key), changes_of(rows), {});
    const std::string file = read_file(model / "state.db"), log = read_file(model / "state.db-wal");
    REQUIRE(log.size() > 4096);
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        random.seed(seed);
        std::string content = log;
        if (seed % 3 == 0)
            content.resize(random() % log.size());
        else
            content[random() % content.size()] ^= static_cast<char>(1 << random() % 8);
        TempDirectory temp;
        write_file(temp / "state.db", file);
        write_file(temp / "state.db-wal", content);
        if (seed % 2 == 0) write_file(temp / "state.db-shm", std::string(32768, static_cast<char>(seed)));
        survive(temp.path(), rows);
    }
}

TEST_CASE("damage that shows in use is set aside, and the operation done on a new database") {
    TempDirectory temp;
    const Rows rows = make_state(temp.path(), 400);
    std::string content = read_file(temp / "state.db");
    // Every page but the first few, which hold the schema and the pair.
    REQUIRE(content.size() > 12 * 4096);
    std::fill(content.begin() + 9 * 4096, content.end(), '\x55');
    write_file(temp / "state.db", content);
    Store store(temp.path());
    PairId pair = store.pair(key);
    CHECK(store.load_baseline(pair).size() == 0);
    CHECK_FALSE(store.set_aside().empty());
    CHECK(std::filesystem::exists(store.set_aside()));
    store.update_baseline(pair, changes_of(rows), {});
    CHECK(same(rows_of(store.load_baseline(pair)), rows));
    Store next(temp.path());
    CHECK(same(rows_of(next.load_baseline(next.pair(key))), rows));
}

TEST_CASE("a state that is deleted or replaced under a running process is begun anew, pairs not mixed up") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId first = store.pair(key), second = store.pair({"/other", "local:/target", Direction::push});
    store.update_baseline(first, {{"first", {}, ""}}, {});
    store.update_baseline(second, {{"second", {}, ""}}, {});
    std::filesystem::remove_all(temp / "state");
    CHECK(store.load_baseline(second).size() == 0);
    // In the new database the second pair's row comes first.
    store.update_baseline(second, {{"second again", {}, ""}}, {});
    CHECK(store.load_baseline(first).size() == 0);
    CHECK(store.load_baseline(second).find("second again") == 0);
    std::filesystem::remove(temp / "state/state.db");
    CHECK(store.load_baseline(second).size() == 0);
    CHECK(store.set_aside().empty());
}

TEST_CASE("two processes that find the same damage at once agree on one new database") {
    for (int round = 0; round < 10; ++round) {
        TempDirectory temp;
        write_file(temp / "state.db", "no database at all, but long enough to be looked at\n" + std::string(5000, 'x'));
        std::vector<pid_t> children;
        for (int i = 0; i < 4; ++i) {
            children.push_back(start_child([&] {
                Store store(temp.path());
                store.update_baseline(store.pair(key), {{"file" + std::to_string(i), {}, ""}}, {});
                return 0;
            }));
        }
        for (pid_t child : children) CHECK(wait_for(child) == 0);
        Store store(temp.path());
        CHECK(store.load_baseline(store.pair(key)).size() == 4);
        size_t damaged = 0;
        for (const auto& entry : std::filesystem::directory_iterator(temp.path())) {
            damaged += contains(entry.path().filename(), "damaged") ? 1 : 0;
        }
        CHECK(damaged == 1);
    }
}

TEST_CASE("a state that this user may not use is an error that says what to do") {
    if (::geteuid() != 0) SKIP("needs root to become another user");
    TempDirectory temp;
    ::chmod(temp.path().c_str(), 0755);
    make_state(temp / "state", 10);
    std::filesystem::create_directory(temp / "mine");
    REQUIRE(::chown((temp / "mine").c_str(), 65534, 65534) == 0);
    make_state(temp / "mine/state", 10);
    REQUIRE(::chown((temp / "mine/state").c_str(), 65534, 65534) == 0);
    REQUIRE(::chown((temp / "mine/state/state.lock").c_str(), 65534, 65534) == 0);
    REQUIRE(::chown((temp / "mine/state/state.db").c_str(), 65534, 65534) == 0);
    ::unlink((temp / "mine/state/state.db-wal").c_str());
    ::unlink((temp / "mine/state/state.db-shm").c_str());
    pid_t child = start_child([&] {
        if (::setegid(65534) != 0 || ::seteuid(65534) != 0) return 1;
        if (!contains(error_of(temp / "state"), "Permission denied")) return 2;  // another user's directory
        if (!contains(error_of(temp / "new"), "XDG_STATE_HOME")) return 3;       // a parent that is not ours
        const std::string mine = temp / "mine/state";
        if (!error_of(mine).empty()) return 4;
        for (const char* suffix : {"-wal", "-shm"}) ::unlink((mine + "/state.db" + suffix).c_str());
        ::chmod((mine + "/state.db").c_str(), 0400);
        if (!contains(error_of(mine), "writable")) return 5;
        ::chmod((mine + "/state.db").c_str(), 0);
        if (!contains(error_of(mine), "writable")) return 6;
        ::chmod((mine + "/state.db").c_str(), 0600);
        ::chmod(mine.c_str(), 0500);
        if (!error_of(mine).empty()) return 7;  // our own directory is made ours to write again
        struct stat status{};
        return ::stat(mine.c_str(), &status) == 0 && (status.st_mode & 0777) == 0700 ? 0 : 8;
    });
    CHECK(wait_for(child) == 0);
}

TEST_CASE("a full disk is an error that says so, and what was recorded before stays") {
    if (::geteuid() != 0) SKIP("needs root to mount a small file system");
    TempDirectory temp;
    pid_t child = start_child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
        if (::mount("tmpfs", temp.path().c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
        std::mt19937_64 random(1);
        const Rows few = random_rows(random, 50), many = random_rows(random, 8000);
        {
            Store store(temp.path());
            PairId pair = store.pair(key);
            store.update_baseline(pair, changes_of(few), {});
            try {
                store.update_baseline(pair, changes_of(many), {});
                return 1;
            } catch (const Error& error) {
                if (error.code() != Errc::state || !contains(error.what(), "free some space")) return 2;
            }
            if (!same(rows_of(store.load_baseline(pair)), few)) return 3;
        }
        // Not a byte is free.
        std::ofstream(temp / "filler") << std::string(1 << 20, 'x');
        survive(temp.path(), few);
        std::filesystem::create_directory(temp / "new");
        if (!contains(error_of(temp / "new"), "space")) return 4;
        std::filesystem::remove(temp / "filler");
        Store store(temp.path());
        if (!store.set_aside().empty()) return 5;
        // One row may have been removed, as that needs no new space.
        if (store.load_baseline(store.pair(key)).size() + 1 < few.size()) return 6;
        exercise(temp.path(), few);
        return 0;
    });
    int status = wait_for(child);
    if (status == 77) SKIP("no private mounts here");
    CHECK(status == 0);
}
