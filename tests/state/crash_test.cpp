// Several processes on one state, and processes that die in the midst of writing.

#include <signal.h>
#include <sqlite3.h>

#include "fixture.hpp"

using namespace syncline;

namespace {

const PairKey key{"/root", "local:/target", Direction::push};

std::string integrity(const std::string& path) {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    std::string result;
    auto collect = [](void* into, int, char** values, char**) {
        *static_cast<std::string*>(into) += values[0];
        return 0;
    };
    CHECK(sqlite3_exec(handle, "PRAGMA integrity_check", collect, &result, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
    return result;
}

/// Batch number `batch` gives all 200 files the same size, so that a torn transaction would show.
std::vector<BaselineChange> batch_changes(uint64_t batch) {
    std::vector<BaselineChange> changes;
    for (int i = 0; i < 200; ++i) {
        BaselineChange change{"directory/file" + std::to_string(i), {}, ""};
        change.entry.size = batch;
        changes.push_back(change);
    }
    return changes;
}

}  // namespace

TEST_CASE("processes that write different pairs at once lose nothing") {
    TempDirectory temp;
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        children.push_back(start_child([&] {
            std::mt19937_64 random(static_cast<uint64_t>(i));
            Store store(temp.path());
            PairId pair = store.pair({"/root" + std::to_string(i), "local:/target", Direction::push});
            Rows rows;
            for (int round = 0; round < 30; ++round) {
                Rows more = random_rows(random, 50);
                store.update_baseline(pair, changes_of(more), {});
                for (const auto& [path, row] : more) rows[path] = row;
                store.record_run(pair, {});
            }
            return same(rows_of(store.load_baseline(pair)), rows) && store.history(pair, 100).size() == 30 ? 0 : 1;
        }));
    }
    for (pid_t child : children) CHECK(wait_for(child) == 0);
    CHECK(integrity(temp / "state.db") == "ok");
    CHECK(Store(temp.path()).pairs().size() == 4);
}

TEST_CASE("processes that write the same pair at once leave whole transactions") {
    TempDirectory temp;
    std::vector<pid_t> children;
    for (uint64_t i = 0; i < 3; ++i) {
        children.push_back(start_child([&] {
            Store store(temp.path());
            PairId pair = store.pair(key);
            for (uint64_t round = 0; round < 40; ++round) {
                store.update_baseline(pair, batch_changes(i * 1000 + round), {});
                Baseline seen = store.load_baseline(pair);
                if (seen.size() != 200) return 1;
                for (const BaselineEntry& entry : seen.entries()) {
                    if (entry.size != seen[0].size) return 2;
                }
            }
            return 0;
        }));
    }
    for (pid_t child : children) CHECK(wait_for(child) == 0);
    CHECK(integrity(temp / "state.db") == "ok");
    CHECK(Store(temp.path()).pairs().size() == 1);
}

TEST_CASE("two stores of one process do not disturb each other") {
    TempDirectory temp;
    Store first(temp.path());
    PairId pair = first.pair(key);
    for (uint64_t round = 0; round < 20; ++round) {
        Store second(temp.path());
        second.update_baseline(second.pair(key), batch_changes(round), {});
        CHECK(first.load_baseline(pair)[0].size == round);
        first.update_baseline(pair, batch_changes(round + 100), {});
        CHECK(second.load_baseline(second.pair(key))[0].size == round + 100);
    }
    CHECK(integrity(temp / "state.db") == "ok");
}

TEST_CASE("a process that is killed while it writes leaves whole transactions, none older than what it reported") {
    TempDirectory temp;
    std::mt19937_64 random(11);
    for (int round = 0; round < 40; ++round) {
        int report[2];
        REQUIRE(::pipe(report) == 0);
        pid_t child = start_child([&]() -> int {
            ::close(report[0]);
            Store store(temp.path());
            PairId pair = store.pair(key);
            for (uint64_t batch = 1;; ++batch) {
                store.update_baseline(pair, batch_changes(batch), {});
                if (::write(report[1], &batch, sizeof batch) != sizeof batch) return 1;
            }
        });
        ::close(report[1]);
        // Dies somewhere behind the n-th transaction; in one round of four while it opens.
        uint64_t reported = 0, wanted = round % 4 == 0 ? 0 : 1 + random() % 20;
        while (reported < wanted) REQUIRE(::read(report[0], &reported, sizeof reported) == sizeof reported);
        volatile uint64_t spin = random() % 2'000'000;
        while (spin > 0) spin = spin - 1;
        ::kill(child, SIGKILL);
        CHECK(wait_for(child) == -SIGKILL);
        while (::read(report[0], &reported, sizeof reported) == sizeof reported) {
        }
        ::close(report[0]);
        {
            Store store(temp.path());
            CHECK(store.set_aside().empty());
            Baseline seen = store.load_baseline(store.pair(key));
            REQUIRE((seen.size() == 200 || (reported == 0 && seen.size() == 0)));
            for (const BaselineEntry& entry : seen.entries()) REQUIRE(entry.size == seen[0].size);
            if (reported > 0) CHECK(seen[0].size >= reported);
        }
        CHECK(integrity(temp / "state.db") == "ok");
    }
}
