// A destination under several spellings is one destination, whatever was recorded under which.
#include "fixture.hpp"

using namespace syncline;

namespace {

const std::string spelled = "ssh:cse:me:~/lab/../lab", plain = "ssh:cse:me:/home/me/lab";
const PairKey as_spelled{"/root", spelled, Direction::push}, as_plain{"/root", plain, Direction::push};

void record(Store& store, const PairKey& key, const std::vector<std::string>& paths) {
    std::vector<BaselineChange> changes;
    for (const std::string& path : paths) {
        BaselineEntry entry;
        entry.kind = Kind::file;
        entry.size = path.size();
        changes.push_back({path, entry, ""});
    }
    store.update_baseline(store.pair(key), changes, {});
    WholeSync sync;
    sync.at = 7;
    store.record_whole_sync(store.pair(key), sync);
    RunRecord run;
    run.job = "lab";
    store.record_run(store.pair(key), run);
}

size_t rows_of(Store& store, const PairKey& key) { return store.load_baseline(store.pair(key)).size(); }

}  // namespace

TEST_CASE("what was recorded under a spelling is found under what it means, by either name") {
    TempDirectory temp;
    {
        Store store(temp.path());
        record(store, as_spelled, {"a", "b", "c/d"});
        PairId before = store.pair(as_spelled);
        CHECK(store.resolved(spelled) == spelled);
        store.record_spelling(spelled, plain);
        CHECK(store.resolved(spelled) == plain);
        CHECK(store.load_baseline(before).size() == 3);
    }
    Store store(temp.path());
    for (const PairKey& key : {as_spelled, as_plain}) {
        CHECK(rows_of(store, key) == 3);
        REQUIRE(store.whole_sync(store.pair(key)));
        CHECK(store.history(store.pair(key), 10).size() == 1);
        REQUIRE(store.find(key));
        CHECK(store.find(key)->baseline_rows == 3);
    }
    CHECK(store.pairs() == std::vector<PairKey>{as_plain});
    record(store, as_spelled, {"e"});
    CHECK(rows_of(store, as_plain) == 4);
}

TEST_CASE("each root and direction takes over its own") {
    TempDirectory temp;
    Store store(temp.path());
    const PairKey other{"/other", spelled, Direction::push}, back{"/root", spelled, Direction::pull};
    record(store, as_spelled, {"a"});
    record(store, other, {"a", "b"});
    record(store, back, {"a", "b", "c"});
    store.record_spelling(spelled, plain);
    CHECK(rows_of(store, {"/root", plain, Direction::push}) == 1);
    CHECK(rows_of(store, {"/other", plain, Direction::push}) == 2);
    CHECK(rows_of(store, {"/root", plain, Direction::pull}) == 3);
}

TEST_CASE("where two records meet, neither is believed") {
    TempDirectory temp;
    Store store(temp.path());
    record(store, as_spelled, {"a", "b"});
    record(store, as_plain, {"a", "c"});
    store.record_spelling(spelled, plain);
    CHECK(rows_of(store, as_plain) == 0);
    CHECK(store.find(as_plain)->baseline_rows == 0);
    CHECK_FALSE(store.whole_sync(store.pair(as_plain)));
    CHECK(store.history(store.pair(as_plain), 10).size() == 2);
    CHECK(store.pairs().size() == 1);
}

TEST_CASE("a name that nothing was recorded under gives way to the one that has a record") {
    for (bool old_has_record : {false, true}) {
        TempDirectory temp;
        Store store(temp.path());
        store.pair(as_spelled);
        store.pair(as_plain);
        record(store, old_has_record ? as_spelled : as_plain, {"a", "b"});
        store.record_spelling(spelled, plain);
        CHECK(rows_of(store, as_plain) == 2);
        CHECK(store.whole_sync(store.pair(as_spelled)));
        CHECK(store.pairs().size() == 1);
    }
}

TEST_CASE("a spelling that means something else by now leaves the former record where it is") {
    TempDirectory temp;
    Store store(temp.path());
    record(store, as_spelled, {"a"});
    store.record_spelling(spelled, plain);
    store.record_spelling(spelled, "ssh:cse:me:/elsewhere");
    CHECK(rows_of(store, as_plain) == 1);
    CHECK(rows_of(store, as_spelled) == 0);
    store.record_spelling(plain, plain);
    CHECK(rows_of(store, as_plain) == 1);
}

TEST_CASE("a large baseline is taken over whole") {
    TempDirectory temp;
    Store store(temp.path());
    std::vector<std::string> paths;
    for (int i = 0; i < 3500; ++i) paths.push_back("file-" + std::to_string(i));
    record(store, as_spelled, paths);
    store.record_spelling(spelled, plain);
    CHECK(rows_of(store, as_plain) == 3500);
}
