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

/// The type bits of what stands at `path` now; 0 for nothing.
mode_t type_of(const Job& job, const std::string& path) {
    struct stat status{};
    std::string full = job.root + "/" + path;
    return ::lstat(full.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

bool is_special(mode_t type) { return type != 0 && type != S_IFREG && type != S_IFDIR && type != S_IFLNK; }

void judge(const Job& job, const std::string& word, Explanation& explanation) {
    fs::IgnoreFiles ignores(job.root, job.ignore_files);
    if (explanation.path.empty()) {
        explanation.is_selected = true;
        explanation.because = "it is the root of the job";
        std::string rule = Filter(job.filter).explain_empty_root(ignores);
        if (!rule.empty()) explanation.because += ", but nothing in it is selected, by " + rule;
        return;
    }
    mode_t type = type_of(job, explanation.path);
    bool is_directory = type == S_IFDIR || (type == 0 && word.ends_with('/'));
    Verdict verdict = Filter(job.filter).explain(ignores, explanation.path, is_directory);
    explanation.is_selected = verdict.choice != Verdict::Choice::unselected;
    explanation.because = verdict.because;
    if (verdict.choice == Verdict::Choice::passage) explanation.because = "include: only what is selected below it";
    if (!explanation.is_selected) return;
    if (is_special(type)) {
        explanation.is_selected = false;
        explanation.because = "sockets, FIFOs and devices are noted, never synced";
    } else if (type == S_IFLNK && job.policy.symlinks == SymlinkPolicy::skip) {
        explanation.is_selected = false;
        explanation.because = "it is a symlink, and the job has symlinks = \"skip\"";
    } else if (type == 0) {
        explanation.because += (explanation.because.empty() ? "" : "; ") + std::string("nothing is there now");
    }
}

std::string record_of(const BaselineEntry& entry) {
    std::string kind(kind_name(entry.kind));
    if (entry.kind != Kind::file) return kind;
    return kind + " of " + format_byte_count(entry.size) + ", SHA-256 " + entry.digest.hex().substr(0, 12) + "...";
}

/// What the newest run did with a path that its log does not name.
std::string left_alone_by(const RunRecord& last) {
    std::string why = last.detail.empty() ? "" : ": " + escape(last.detail);
    switch (last.outcome) {
        case Outcome::success:
        case Outcome::partial: return " left it as it was";
        case Outcome::halted: return " wrote nothing" + why;
        case Outcome::failed:
        case Outcome::cancelled: return " did nothing with it before it ended" + why;
    }
    return "";
}

/// What the state says about `path`, as a sentence.
std::string last_run_of(Store& store, const PairKey& key, const std::string& path) {
    PairId pair = store.pair(key);
    std::vector<RunRecord> runs = store.history(pair, 1);
    if (runs.empty()) return "this job has not run yet";
    const RunRecord& last = runs.front();
    std::string text =
        "the last run (" + format_time(last.finished_at) + ", " + std::string(outcome_name(last.outcome)) + ")";
    std::optional<PathRun> with_path = store.last_run_with(pair, path);
    bool last_did_something = with_path && with_path->is_last_run;
    text += last_did_something ? " " + with_path->deeds : left_alone_by(last);
    if (with_path && !last_did_something) {
        text += "; that of " + format_time(with_path->finished_at) + " " + with_path->deeds;
    }
    Baseline baseline = store.load_baseline(pair);
    uint32_t index = baseline.find(path);
    if (path.empty()) return text;
    if (index == Tree::none) return text + "; it is not known to be on both sides";
    return text + "; both sides held it when it was last verified (" + record_of(baseline[index]) + ")";
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
        explanation.last_run = last_run_of(workbench.context().store, workbench.pair_key(job), *path);
        session.output.explained(explanation);
    }
    if (!was_found) throw Error(Errc::usage, "no job's root holds " + escape(word));
    return exit_ok;
}

}  // namespace syncline::cli
