// What the tests of state/ share: a directory that cleans up after itself, random rows, child processes.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/rel_path.hpp"
#include "state/store.hpp"

namespace syncline {

class TempDirectory {
  public:
    TempDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "syncline-state-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TempDirectory(const TempDirectory&) = delete;
    ~TempDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

/// Runs `body` in a child process, which ends with the status that it returns; 99 when it throws.
template <class Body>
pid_t start_child(Body body) {
    pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid != 0) return pid;
    int status = 99;
    try {
        status = body();
    } catch (const std::exception& error) {
        ::dprintf(2, "child: %s\n", error.what());
    }
    ::_exit(status);
}

/// The exit status of a child, or minus the signal that ended it.
inline int wait_for(pid_t pid) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// A row as plain values, to compare what was stored with what came back.
struct Row {
    BaselineEntry entry;
    std::string link;
};

inline bool same(const BaselineEntry& a, const BaselineEntry& b) {
    return a.mode == b.mode && a.kind == b.kind && a.mount_point == b.mount_point && a.found_there == b.found_there &&
           a.size == b.size && a.digest == b.digest && a.source_stamp() == b.source_stamp() &&
           a.target_stamp() == b.target_stamp();
}

using Rows = std::map<std::string, Row, PathLess>;

inline Rows rows_of(const Baseline& baseline) {
    Rows rows;
    std::string previous;
    for (const BaselineEntry& entry : baseline.entries()) {
        std::string path(baseline.path(entry));
        // The order is what the planner relies on.
        REQUIRE((rows.empty() || compare_paths(previous, path) < 0));
        previous = path;
        rows[path] = {entry, std::string(baseline.link(entry))};
    }
    return rows;
}

inline bool same(const Rows& a, const Rows& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.first == y.first && same(x.second.entry, y.second.entry) && x.second.link == y.second.link;
    });
}

inline std::vector<BaselineChange> changes_of(const Rows& rows) {
    std::vector<BaselineChange> changes;
    for (const auto& [path, row] : rows) changes.push_back({path, row.entry, row.link});
    return changes;
}

/// Any bytes that a name may have, and the ones that have a meaning somewhere.
inline std::string random_name(std::mt19937_64& random) {
    static const std::vector<std::string> odd = {"a",
                                                 "b",
                                                 "-rf",
                                                 "a\nb",
                                                 "\t",
                                                 "'; DROP TABLE baseline; --",
                                                 "\x01",
                                                 "\xff\xfe",
                                                 "$(reboot)",
                                                 "\"",
                                                 "ä",
                                                 "a.b",
                                                 "a b",
                                                 "?1",
                                                 ":name",
                                                 "%00",
                                                 "\x1b[m",
                                                 "a\x01"
                                                 "b",
                                                 "...",
                                                 std::string(255, 'x')};
    if (random() % 2 == 0) return odd[random() % odd.size()];
    std::string name;
    do {
        name.clear();
        for (size_t length = 1 + random() % 12; length > 0; --length) {
            char c = static_cast<char>(1 + random() % 255);
            name += c == '/' ? '_' : c;
        }
    } while (!is_valid_name(name));
    return name;
}

inline Row random_row(std::mt19937_64& random) {
    Row row;
    BaselineEntry& entry = row.entry;
    entry.kind = static_cast<Kind>(random() % 4);
    entry.mode = static_cast<uint16_t>(random() % 010000);
    entry.mount_point = random() % 8 == 0;
    entry.found_there = random() % 4 == 0;
    entry.size = random() % 4 == 0 ? random() : random() % 10'000;
    if (entry.kind == Kind::file) {
        for (uint8_t& byte : entry.digest.bytes) byte = static_cast<uint8_t>(random());
    }
    if (entry.kind == Kind::symlink) {
        row.link = random() % 4 == 0 ? std::string(random() % 4000, 'l') : random_name(random);
        entry.size = row.link.size();
    }
    entry.set_source({0, static_cast<TimeNs>(random()), static_cast<TimeNs>(random()), random()});
    entry.set_target({0, static_cast<TimeNs>(random()), -1, random() % 2 == 0 ? 0 : random()});
    return row;
}

inline Rows random_rows(std::mt19937_64& random, size_t count) {
    Rows rows;
    std::vector<std::string> directories = {""};
    while (rows.size() < count) {
        std::string path = join_path(directories[random() % directories.size()], random_name(random));
        if (random() % 4 == 0 && path.size() < 3000) directories.push_back(path);
        rows[path] = random_row(random);
    }
    return rows;
}

}  // namespace syncline
