// state_bench [ROWS]: how long the state takes to store and to load a baseline of that many rows, and the memory of it.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "state/store.hpp"

using namespace syncline;

namespace {

template <class Body>
void measure(const char* what, Body body) {
    auto start = std::chrono::steady_clock::now();
    body();
    std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%-28s %9.2f ms   peak %6ld MiB\n", what, spent.count(), usage.ru_maxrss / 1024);
}

/// About 80 files a directory, as in the big tree of the other benchmarks.
std::vector<BaselineChange> make_changes(size_t rows) {
    std::vector<BaselineChange> changes;
    char path[96];
    for (size_t i = 0; i < rows; ++i) {
        std::snprintf(path, sizeof path, "group%03zu/directory%04zu/file%06zu.txt", i / 2400, i / 80, i);
        BaselineChange change{path, {}, ""};
        change.entry.size = i;
        change.entry.digest.bytes[i % 32] = static_cast<uint8_t>(i);
        change.entry.set_source({i, TimeNs(i) * 1'000'003, TimeNs(i) * 1'000'033, i + 1});
        change.entry.set_target({i, TimeNs(i) * 1'000'003, TimeNs(i) * 1'000'037, i + 2});
        changes.push_back(std::move(change));
    }
    return changes;
}

}  // namespace

int main(int count, char** arguments) {
    const size_t rows = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 100'000;
    const PairKey key{"/source", "local:/target", Direction::push};
    std::string directory = (std::filesystem::temp_directory_path() / "syncline-bench-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) return 1;
    {
        Store store(directory);
        PairId pair = store.pair(key);
        std::vector<BaselineChange> changes = make_changes(rows);
        measure("insert", [&] { store.update_baseline(pair, changes, {}); });
        for (BaselineChange& change : changes) ++change.entry.target_inode;
        measure("replace all", [&] { store.update_baseline(pair, changes, {}); });
        changes.resize(rows / 100);
        for (BaselineChange& change : changes) ++change.entry.target_inode;
        measure("replace one in a hundred", [&] { store.update_baseline(pair, changes, {}); });
        measure("nothing to replace", [&] { store.update_baseline(pair, {}, {}); });
    }
    // A process of its own, so that its memory is that of loading alone.
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        std::optional<Store> store;
        measure("open", [&] { store.emplace(directory); });
        Baseline baseline;
        measure("load", [&] { baseline = store->load_baseline(store->pair(key)); });
        measure("load again", [&] { baseline = store->load_baseline(store->pair(key)); });
        RunRecord run;
        measure("record a run", [&] { store->record_run(store->pair(key), run); });
        measure("close", [&] { store.reset(); });
        std::fflush(stdout);
        ::_exit(baseline.size() == rows ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    std::filesystem::remove_all(directory);
    return status == 0 ? 0 : 1;
}
