// explain: which rule selects or ignores a path, and what the last run did with it.
#include <sys/stat.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/direct_run.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/workbench.hpp"
#include "fs/ignore_files.hpp"

namespace syncline::cli {
namespace {

bool is_directory(const Job& job, const std::string& path, const std::string& word) {
    struct stat status{};
    std::string full = job.root + "/" + path;
    if (::lstat(full.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    return word.ends_with('/');
}

void judge(const Job& job, const std::string& word, Explanation& explanation) {
    if (explanation.path.empty()) {
        explanation.is_selected = true;
        explanation.because = "it is the root of the job";
        return;
    }
    fs::IgnoreFiles ignores(job.root, job.ignore_files);
    Verdict verdict = Filter(job.filter).explain(ignores, explanation.path, is_directory(job, explanation.path, word));
    explanation.is_selected = verdict.choice != Verdict::Choice::unselected;
    explanation.because = verdict.because;
    if (verdict.choice == Verdict::Choice::passage) explanation.because = "include: only what is selected below it";
}

std::string record_of(const BaselineEntry& entry) {
    std::string kind(kind_name(entry.kind));
    if (entry.kind != Kind::file) return kind;
    return kind + " of " + format_byte_count(entry.size) + ", SHA-256 " + entry.digest.hex().substr(0, 12) + "...";
}

/// What the state says about `path`, as a sentence.
std::string last_run_of(Store& store, const PairKey& key, const std::string& path) {
    PairId pair = store.pair(key);
    std::vector<RunRecord> runs = store.history(pair, 1);
    if (runs.empty()) return "this job has not run yet";
    const RunRecord& last = runs.front();
    std::string run =
        "the last run (" + format_time(last.finished_at) + ", " + std::string(outcome_name(last.outcome)) + ")";
    auto problem = std::ranges::find(last.problems, path, &Problem::path);
    if (problem != last.problems.end()) return run + " reported: " + escape(problem->why);
    Baseline baseline = store.load_baseline(pair);
    uint32_t index = baseline.find(path);
    if (index == Tree::none) return run + " left no record of it: it is not known to be on both sides";
    return "both sides held it when it was last verified (" + record_of(baseline[index]) + "); " + run;
}

}  // namespace

int explain_command(Session& session) {
    JobFile file = require_job_file(session, false);
    keep_jobs(file, session.line.jobs);
    const std::string& word = session.line.arguments.front();
    Workbench workbench(session);
    workbench.use_settings(file);
    bool was_found = false;
    for (const Job& job : file.jobs) {
        std::optional<std::string> path = path_below_root(word, job.root, session.environment);
        if (!path) continue;
        was_found = true;
        Explanation explanation;
        explanation.job = job.name;
        explanation.path = *path;
        judge(job, word, explanation);
        bool is_built = job.remote.type != Destination::Type::bucket;
        if (is_built) explanation.last_run = last_run_of(workbench.context().store, workbench.pair_key(job), *path);
        session.output.explained(explanation);
    }
    if (!was_found) throw Error(Errc::usage, "no job's root holds " + escape(word));
    return exit_ok;
}

}  // namespace syncline::cli
