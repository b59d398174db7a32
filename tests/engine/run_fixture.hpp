// A job between two real directories, with a state of its own, run to the end.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <string>

#include "async/run_task.hpp"
#include "endpoint/factory.hpp"
#include "engine/run.hpp"
#include "fs/temp_tree.hpp"

namespace syncline::test {

class RunFixture {
  public:
    RunFixture() : state_(tree_.path("state")), store_(state_) {
        tree_.make_directory("root");
        job.name = "job";
        job.line = 1;
        job.root = tree_.path("root");
        job.remote.path = tree_.path("target");
        job.fsync = false;
    }

    RunReport run(RunOptions options = {}) {
        RunReport report;
        Progress progress;
        RunContext context{store_, endpoints_, state_};
        run_task(keep(report, run_job(job, std::move(options), context, progress)));
        return report;
    }

    RunReport plan() {
        RunOptions options;
        options.plan_only = true;
        options.want_actions = true;
        return run(options);
    }

    /// Writes a file that is old enough not to be racy.
    void write(const std::string& relative, std::string_view content, int age_s = 100) {
        tree_.write(relative, content);
        set_age(relative, age_s);
    }
    void set_age(const std::string& relative, int age_s) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        timespec times[2] = {{now.tv_sec - age_s, 5}, {now.tv_sec - age_s, 5}};
        ::utimensat(AT_FDCWD, tree_.path(relative).c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
    std::string read(const std::string& relative) const { return tree_.read(relative); }
    bool exists(const std::string& relative) const {
        return std::filesystem::exists(std::filesystem::symlink_status(tree_.path(relative)));
    }
    void remove(const std::string& relative) { std::filesystem::remove_all(tree_.path(relative)); }

    /// Path -> content; directories end in '/', symlinks are "-> target".
    std::map<std::string, std::string> snapshot(const std::string& relative) const {
        std::map<std::string, std::string> all;
        std::filesystem::path base = tree_.path(relative);
        if (!std::filesystem::exists(base)) return all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
            std::string path = entry.path().lexically_relative(base).string();
            if (entry.is_symlink()) {
                all[path] = "-> " + std::filesystem::read_symlink(entry.path()).string();
            } else if (entry.is_directory()) {
                all[path + "/"] = "";
            } else {
                all[path] = read(relative + "/" + path);
            }
        }
        return all;
    }
    struct ::stat status(const std::string& relative) const {
        struct ::stat status{};
        ::lstat(tree_.path(relative).c_str(), &status);
        return status;
    }

    TempTree& tree() { return tree_; }
    Store& store() { return store_; }
    EndpointFactory& endpoints() { return endpoints_; }
    const std::string& state_directory() const { return state_; }

    Job job;

  private:
    static Task<void> keep(RunReport& report, Task<RunReport> run) { report = co_await std::move(run); }

    TempTree tree_;
    std::string state_;
    WorkerPool workers_{4};
    fs::HashPool hashes_{2};
    Endpoints endpoints_{workers_, hashes_};
    Store store_;
};

inline std::string codes(const RunReport& report) {
    std::string text;
    for (const Halt& halt : report.halts) text += (text.empty() ? "" : " ") + std::string(guard_code(halt.guard));
    return text;
}

}  // namespace syncline::test
