#include "state/store.hpp"

#include <sys/stat.h>

#include <fstream>

#include "core/path_log.hpp"
#include "fixture.hpp"

using namespace syncline;

namespace {

const PairKey thesis{"/home/u/thesis", "local:/mnt/backup", Direction::push};
const PairKey photos{"/home/u/photos", "local:/mnt/backup", Direction::push};

unsigned mode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

RunRecord run_at(TimeNs finished_at, uint64_t deleted, Outcome outcome = Outcome::success) {
    RunRecord run;
    run.job = "thesis";
    run.started_at = finished_at - 5;
    run.finished_at = finished_at;
    run.deleted = deleted;
    run.outcome = outcome;
    return run;
}

constexpr TimeNs hour = TimeNs{3600} * 1'000'000'000;

}  // namespace

TEST_CASE("what is recorded comes back, from the same store and from the next one") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        TempDirectory temp;
        Rows rows = random_rows(random, 300);
        {
            Store store(temp / "state");
            PairId pair = store.pair(thesis);
            CHECK(store.load_baseline(pair).size() == 0);
            store.update_baseline(pair, changes_of(rows), {});
            CHECK(same(rows_of(store.load_baseline(pair)), rows));
        }
        Store store(temp / "state");
        PairId pair = store.pair(thesis);
        CHECK(same(rows_of(store.load_baseline(pair)), rows));
        CHECK(store.load_baseline(store.pair(photos)).size() == 0);
        CHECK(store.set_aside().empty());
    }
}

TEST_CASE("rows are replaced and removed") {
    std::mt19937_64 random(7);
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis), other = store.pair(photos);
    Rows rows = random_rows(random, 200);
    store.update_baseline(pair, changes_of(rows), {});
    store.update_baseline(other, changes_of(rows), {});
    const Rows untouched = rows;
    for (int round = 0; round < 20; ++round) {
        Rows changed;
        std::vector<std::string> removed;
        for (const auto& [path, row] : rows) {
            if (random() % 4 == 0)
                changed[path] = random_row(random);
            else if (random() % 8 == 0)
                removed.push_back(path);
        }
        for (const auto& [path, row] : random_rows(random, 20)) {
            if (!rows.contains(path)) changed[path] = row;
        }
        store.update_baseline(pair, changes_of(changed), removed);
        for (const auto& [path, row] : changed) rows[path] = row;
        for (const std::string& path : removed) rows.erase(path);
        CHECK(same(rows_of(store.load_baseline(pair)), rows));
    }
    store.update_baseline(pair, {}, {"never/was/there", "' OR 1 = 1; --"});
    CHECK(same(rows_of(store.load_baseline(pair)), rows));
    CHECK(same(rows_of(store.load_baseline(other)), untouched));
}

TEST_CASE("a removal after a change of the same path wins") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    store.update_baseline(pair, {{"a", {}, ""}, {"b", {}, ""}}, {"a"});
    CHECK(rows_of(store.load_baseline(pair)).size() == 1);
    CHECK(store.load_baseline(pair).find("b") == 0);
}

TEST_CASE("pairs are told apart by root, destination and direction, whatever bytes they hold") {
    TempDirectory temp;
    Store store(temp / "state");
    const std::vector<PairKey> keys = {
        thesis,
        photos,
        {thesis.root, thesis.destination, Direction::pull},
        {thesis.root, "'; DROP TABLE pair; --", Direction::push},
        {"/\xff\n'\"", "", Direction::push},
        {"", "", Direction::push},
        {std::string("/a\0b", 4), "", Direction::push},
    };
    for (size_t i = 0; i < keys.size(); ++i) {
        PairId pair = store.pair(keys[i]);
        CHECK(store.pair(keys[i]) == pair);
        BaselineEntry entry;
        entry.size = i;
        store.update_baseline(pair, {{"f", entry, ""}}, {});
    }
    for (size_t i = 0; i < keys.size(); ++i) CHECK(store.load_baseline(store.pair(keys[i]))[0].size == i);
    CHECK(store.pairs() == keys);
}

TEST_CASE("a whole sync keeps both identities, or none") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    CHECK_FALSE(store.whole_sync(pair));
    WholeSync sync{42, RootIdentity{"uuid-1", UINT64_MAX, Kind::symlink, 77}, RootIdentity{"", 7, Kind::directory}};
    store.record_whole_sync(pair, sync);
    std::optional<WholeSync> back = store.whole_sync(pair);
    REQUIRE(back);
    CHECK(back->at == 42);
    CHECK(back->source == sync.source);
    CHECK(back->target == sync.target);
    store.record_whole_sync(pair, {43, std::nullopt, std::nullopt});
    back = store.whole_sync(pair);
    REQUIRE(back);
    CHECK(back->at == 43);
    CHECK_FALSE(back->source);
    CHECK_FALSE(back->target);
    CHECK_FALSE(store.whole_sync(store.pair(photos)));
}

TEST_CASE("the history tells runs, newest first, with problems of any bytes") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    RunRecord run = run_at(1000, 3, Outcome::partial);
    run.scanned = 10, run.put = 2, run.bytes_sent = UINT64_MAX, run.adopted = true;
    run.detail = "max-delete \xff";
    run.problems = {{"a\xff\n\"b", "Permission denied"}, {"ü", "\x80"}, {"", ""}};
    store.record_run(pair, run);
    store.record_run(pair, run_at(2000, 0));
    std::vector<RunRecord> history = store.history(pair, 10);
    REQUIRE(history.size() == 2);
    CHECK(history[0].finished_at == 2000);
    CHECK(history[1].job == "thesis");
    CHECK(history[1].started_at == 995);
    CHECK(history[1].outcome == Outcome::partial);
    CHECK(history[1].scanned == 10);
    CHECK(history[1].put == 2);
    CHECK(history[1].deleted == 3);
    CHECK(history[1].bytes_sent == UINT64_MAX);
    CHECK(history[1].adopted);
    CHECK(history[1].detail == run.detail);
    CHECK(history[1].problems == run.problems);
    CHECK(store.history(pair, 1).size() == 1);
    CHECK(store.history(pair, 0).empty());
    CHECK(store.history(pair, SIZE_MAX).size() == 2);
    CHECK(store.history(store.pair(photos), 10).empty());
}

TEST_CASE("at most 100 problems of a run are stored") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    RunRecord run = run_at(1, 0);
    for (int i = 0; i < 150; ++i) run.problems.push_back({std::to_string(i), "why"});
    store.record_run(pair, run);
    std::vector<Problem> problems = store.history(pair, 1)[0].problems;
    REQUIRE(problems.size() == 100);
    CHECK(problems[99].path == "99");
}

TEST_CASE("the newest run that did something with a path is found, however many did nothing since") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    auto log_of = [](const std::string& path, Reason reason) {
        PathLog log;
        log.add_done(path, Op::put, reason);
        return log.bytes();
    };
    store.record_run(pair, run_at(1, 0), log_of("a", Reason::missing_on_target));
    store.record_run(pair, run_at(2, 0), log_of("a", Reason::content_differs));
    CHECK(store.last_run_with(pair, "a")->is_last_run);
    store.record_run(pair, run_at(3, 0), log_of("b", Reason::forced));
    store.record_run(pair, run_at(4, 0));
    REQUIRE(store.last_run_with(pair, "a"));
    CHECK(store.last_run_with(pair, "a")->finished_at == 2);
    CHECK_FALSE(store.last_run_with(pair, "a")->is_last_run);
    CHECK(store.last_run_with(pair, "a")->deeds == "put it on the target: content differs");
    CHECK_FALSE(store.last_run_with(pair, "c"));
    CHECK_FALSE(store.last_run_with(store.pair(photos), "a"));
}

TEST_CASE("of the large logs of paths only the newest is kept") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    auto large = [](const std::string& name) {
        PathLog log;
        for (int i = 0; i < 10'000; ++i) log.add_done(name + std::to_string(i), Op::put, Reason::forced);
        return log.bytes();
    };
    PathLog small;
    small.add_done("small", Op::put, Reason::forced);
    store.record_run(pair, run_at(1, 0), small.bytes());
    store.record_run(pair, run_at(2, 0), large("a"));
    store.record_run(pair, run_at(3, 0));
    CHECK(store.last_run_with(pair, "a9999"));
    store.record_run(pair, run_at(4, 0), large("b"));
    CHECK_FALSE(store.last_run_with(pair, "a9999"));
    CHECK(store.last_run_with(pair, "b9999"));
    CHECK(store.last_run_with(pair, "small"));
}

TEST_CASE("the history is bounded, but never loses the last success") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    store.record_run(store.pair(photos), run_at(0, 0));
    store.record_run(pair, run_at(0, 0));
    for (TimeNs i = 1; i <= 1100; ++i) store.record_run(pair, run_at(i * hour, 0, Outcome::failed));
    std::vector<RunRecord> history = store.history(pair, 5000);
    CHECK(history.size() == 1001);
    CHECK(history.front().finished_at == 1100 * hour);
    CHECK(history[999].finished_at == 101 * hour);
    REQUIRE(store.last_run(pair, Outcome::success));
    CHECK(store.last_run(pair, Outcome::success)->finished_at == 0);
    CHECK(store.last_run(pair, Outcome::failed)->finished_at == 1100 * hour);
    CHECK_FALSE(store.last_run(pair, Outcome::halted));
    CHECK(store.history(store.pair(photos), 10).size() == 1);
}

TEST_CASE("deletes of recent runs are summed, however many runs they were") {
    TempDirectory temp;
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    CHECK(store.deletes_since(pair, 0) == 0);
    for (TimeNs i = 1; i <= 1500; ++i) store.record_run(pair, run_at(i, 1));
    RunRecord adopted = run_at(1500, 1'000'000);
    adopted.adopted = true;
    store.record_run(pair, adopted);
    store.record_run(store.pair(photos), run_at(1500, 77));
    store.record_run(pair, run_at(1501, 5, Outcome::failed));
    CHECK(store.deletes_since(pair, 0) == 1505);
    CHECK(store.deletes_since(pair, 1500) == 6);
    CHECK(store.deletes_since(pair, 1501) == 5);
    CHECK(store.deletes_since(pair, 1502) == 0);
    store.record_run(pair, run_at(1502, UINT64_MAX));
    CHECK(store.deletes_since(pair, 0) == UINT64_MAX);
}

TEST_CASE("uploads are remembered with their parts, each pair's by itself, until they are forgotten") {
    TempDirectory temp;
    UploadRecord upload;
    upload.id = std::string("id\0\"x", 6);
    upload.path = "d/big\xff";
    upload.digest.bytes[31] = 7;
    upload.size = uint64_t{5} << 40;
    upload.part_bytes = 8 << 20;
    upload.begun_at = 12;
    {
        Store store(temp / "state");
        PairId pair = store.pair(thesis);
        store.record_upload(pair, upload);
        store.record_upload(pair, upload);
        store.record_upload_part(pair, upload.id, {2, "etag2", "md5"});
        store.record_upload_part(pair, upload.id, {1, "etag", "md5"});
        store.record_upload_part(pair, upload.id, {1, "etag1", "md5"});
    }
    Store store(temp / "state");
    PairId pair = store.pair(thesis);
    CHECK(store.uploads(store.pair(photos)).empty());
    std::vector<UploadRecord> found = store.uploads(pair);
    REQUIRE(found.size() == 1);
    CHECK(found[0].id == upload.id);
    CHECK(found[0].path == upload.path);
    CHECK(found[0].digest == upload.digest);
    CHECK(found[0].size == upload.size);
    CHECK(found[0].part_bytes == upload.part_bytes);
    CHECK(found[0].begun_at == upload.begun_at);
    std::vector<UploadPartRecord> parts = store.upload_parts(pair, upload.id);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].etag == "etag1");
    CHECK(parts[1].number == 2);
    store.forget_upload(pair, upload.id);
    CHECK(store.uploads(pair).empty());
    CHECK(store.upload_parts(pair, upload.id).empty());
}

TEST_CASE("a file is trusted with the facts that it was trusted with, and with no others") {
    TempDirectory temp;
    Store store(temp / "state");
    using Facts = std::vector<std::string>;
    CHECK(store.trusted_facts("/p/jobs.toml").empty());
    store.trust("/p/jobs.toml", {"b", "a"});
    CHECK(store.trusted_facts("/p/jobs.toml") == Facts{"a", "b"});
    CHECK(store.trusted_facts("/p/Jobs.toml").empty());
    store.add_trust("/p/jobs.toml", {"b", "c"});
    CHECK(store.trusted_facts("/p/jobs.toml") == Facts{"a", "b", "c"});
    store.trust("/p/jobs.toml", {"d"});
    CHECK_FALSE(store.is_trusted_text("/p/jobs.toml", "aa"));
    CHECK(Store(temp / "state").trusted_facts("/p/jobs.toml") == Facts{"d"});
}

TEST_CASE("only the owner may look, whatever the umask") {
    for (mode_t mask : {0, 022, 0777}) {
        TempDirectory temp;
        mode_t before = ::umask(mask);
        {
            Store store(temp / "a/b/state");
            store.update_baseline(store.pair(thesis), {{"f", {}, ""}}, {});
            ::umask(before);
            CHECK(mode_of(temp / "a") == 0700);
            CHECK(mode_of(temp / "a/b/state") == 0700);
            for (const char* name : {"state.db", "state.db-wal", "state.db-shm"}) {
                CHECK(mode_of(temp / "a/b/state/" + name) == 0600);
            }
            CHECK((mode_of(temp / "a/b/state/state.lock") & 077) == 0);
        }
    }
}

TEST_CASE("a directory and file that others could enter are closed to them") {
    TempDirectory temp;
    {
        Store store(temp / "state");
    }
    ::chmod((temp / "state").c_str(), 0755);
    ::chmod((temp / "state/state.db").c_str(), 0644);
    Store store(temp / "state");
    CHECK(mode_of(temp / "state") == 0700);
    CHECK(mode_of(temp / "state/state.db") == 0600);
}

TEST_CASE("directory names that mean something to SQLite are only names") {
    TempDirectory temp;
    for (const char* name : {"a?mode=memory", "a#b", "a%2fb", "file:x", ":memory:", "a'b\"c;", "\xff\n"}) {
        std::string directory = temp / name;
        {
            Store(directory).trust("/f", {"1"});
        }
        CHECK(std::filesystem::is_regular_file(directory + "/state.db"));
        CHECK_FALSE(Store(directory).trusted_facts("/f").empty());
    }
}

TEST_CASE("the state directory follows the environment") {
    const char* home = std::getenv("HOME");
    const std::string home_before = home == nullptr ? "" : home;
    ::setenv("HOME", "/h", 1);
    ::setenv("XDG_STATE_HOME", "/x", 1);
    CHECK(default_state_directory() == "/x/syncline");
    ::setenv("XDG_STATE_HOME", "relative", 1);
    CHECK(default_state_directory() == "/h/.local/state/syncline");
    ::unsetenv("XDG_STATE_HOME");
    CHECK(default_state_directory() == "/h/.local/state/syncline");
    ::unsetenv("HOME");
    CHECK_THROWS_AS(default_state_directory(), Error);
    ::setenv("HOME", home_before.c_str(), 1);
}
