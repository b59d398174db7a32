#include "cli/direct_run.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "config/ad_hoc.hpp"
#include "config/job_rules.hpp"
#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline::cli {
namespace {

bool exists(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0;
}

std::string below(const std::string& path, const std::string& root) {
    return path.size() == root.size() ? "" : path.substr(root == "/" ? 1 : root.size() + 1);
}

class Resolver {
  public:
    Resolver(const CommandLine& line, const std::optional<JobFile>& file, std::optional<Direction> direction,
             const ParseEnvironment& environment)
        : line_(line), file_(file), direction_(direction), environment_(environment) {}

    DirectRun resolve() {
        DirectRun run;
        run.job = choose_job();
        set_direction(run.job, direction_.value_or(run.job.policy.direction));
        override_destination(run.job);
        override_policy(run.job);
        add_filters(run);
        add_paths(run);
        fetch_named_paths(run);
        run.options.is_changed_job = !line_.root.empty() || line_.sync_cwd || !line_.remote_dir.empty() ||
                                     !line_.bucket.empty() || line_.overwrite || line_.missing || line_.update ||
                                     line_.remove || line_.never_delete || line_.preserve || line_.force;
        run.options.checksum = line_.checksum;
        run.options.plan_only = line_.dry_run;
        run.options.want_actions = line_.dry_run || line_.verbose;
        return run;
    }

  private:
    [[noreturn]] static void refuse(const std::string& why) { throw Error(Errc::usage, why); }
    std::string here(const std::string& word) const {
        return absolute_path(word, environment_.current_directory, environment_);
    }

    Job choose_job() {
        words_ = line_.arguments;
        if (line_.sync_cwd && !line_.root.empty()) refuse("--root and --sync-cwd exclude each other");
        if (names_two_places(line_, file_, environment_)) return between_two_places();
        const Job* named = take_named_job();
        if (named) {
            if (!line_.remote.empty())
                refuse("--remote is for a run without a job; use -d to send '" + named->name + "' elsewhere");
            Job job = *named;
            std::string root = line_.sync_cwd ? "." : line_.root;
            if (!root.empty()) replace_root(job, root, environment_.current_directory, environment_);
            return job;
        }
        if (!line_.remote.empty()) return without_job();
        const Job* holder = job_that_holds(line_.root.empty() ? environment_.current_directory : here(line_.root));
        // From elsewhere the paths tell whose they are.
        if (!holder && line_.root.empty() && !words_.empty()) holder = job_that_holds(here(words_.front()));
        if (holder) return *holder;
        if (!line_.bucket.empty()) return without_job();
        refuse("no job's root holds " + escape(line_.root.empty() ? environment_.current_directory : line_.root) +
               "; name a job, or give --remote for a run without one" + two_places_hint());
    }

    /// Who names one place most likely forgot the other.
    std::string two_places_hint() const {
        if (words_.size() != 1 || (line_.command != Command::push && line_.command != Command::pull)) return "";
        const std::string word = escape(words_.front());
        const bool is_push = line_.command == Command::push;
        if (is_far_place(words_.front(), file_, environment_))
            return std::string("; two places are given as: syncline ") +
                   (is_push ? "push . " + word : "pull " + word + " .");
        return std::string("; two places are given as: syncline ") +
               (is_push ? "push " + word + " HOST:DIR" : "pull HOST:DIR " + word);
    }

    /// The job that the first argument names, which is taken away then.
    const Job* take_named_job() {
        if (words_.empty()) return nullptr;
        const std::string word = words_.front();
        if (file_) {
            auto found = std::ranges::find(file_->jobs, word, &Job::name);
            if (found != file_->jobs.end()) {
                words_.erase(words_.begin());
                return &*found;
            }
        }
        if (word.find('/') == std::string::npos && !exists(here(word))) refuse_if_misspelt(word);
        return nullptr;
    }

    /// What is not here may be on the other side, or be gone here; what is much like a job's name is given as "./path"
    /// or behind a job's name.
    void refuse_if_misspelt(const std::string& word) const {
        constexpr size_t shortest_meant = 3;
        std::vector<std::string> names;
        for (const Job& job : file_ ? file_->jobs : std::vector<Job>{}) names.push_back(job.name);
        std::string nearest = did_you_mean(word, names);
        bool is_meant = !nearest.empty() && word.size() >= shortest_meant;
        bool is_placed = !line_.remote.empty() ||
                         job_that_holds(line_.root.empty() ? environment_.current_directory : here(line_.root));
        if (is_placed && !is_meant) return;
        if (nearest.empty()) refuse("there is no job and no path '" + escape(word) + "'" + two_places_hint());
        refuse("there is no job and no path '" + escape(word) + "'; did you mean '" + escape(nearest) +
               "'? (a path is './" + escape(word) + "')");
    }

    /// The one with the longest root; of two with the same root the one whose direction this is.
    const Job* job_that_holds(const std::string& directory) const {
        if (!file_ || line_.sync_cwd) return nullptr;
        std::string physical = environment_.resolve(directory);
        std::vector<const Job*> best;
        size_t longest = 0;
        for (const Job& job : file_->jobs) {
            std::string root = environment_.resolve(job.root);
            if (!line_.root.empty() ? root != physical : !is_beneath(physical, root)) continue;
            if (root.size() > longest) best.clear();
            longest = std::max(longest, root.size());
            if (root.size() == longest) best.push_back(&job);
        }
        auto is_this_way = [&](const Job* job) { return !direction_ || job->policy.direction == *direction_; };
        if (std::ranges::any_of(best, is_this_way)) std::erase_if(best, std::not_fn(is_this_way));
        if (best.size() > 1)
            refuse("the jobs '" + best[0]->name + "' and '" + best[1]->name + "' have this root; name one");
        return best.empty() ? nullptr : best.front();
    }

    Job between_two_places() {
        TwoPlaces places = two_places(line_, direction_.value_or(Direction::push), file_, environment_);
        AdHocRequest request;
        request.root = places.root;
        request.remote = places.remote;
        request.directory = environment_.current_directory;
        request.direction = direction_.value_or(Direction::push);
        request.names_two_places = true;
        words_ = std::move(places.paths);
        if (words_.empty()) refuse_too_much(request.root);
        return ad_hoc_job(request, file_ ? &*file_ : nullptr, environment_);
    }

    /// Nobody means to send a whole home directory by not naming another.
    void refuse_too_much(const std::string& root) const {
        const bool is_home = root == "~" || root.starts_with("~/");
        const std::string full = here(is_home ? environment_.home + root.substr(1) : root);
        std::string what = line_.root.empty() ? why_too_much(full, environment_) : "";
        if (what.empty()) return;
        refuse("the root would be " + escape(full) + ", which " + what +
               "; name it with --root if that is meant, or go to the directory that is");
    }

    Job without_job() const {
        bool is_git = !line_.sync_cwd && (!file_ || file_->engine.ad_hoc_root_is_git);
        const std::string& directory = environment_.current_directory;
        AdHocRequest request;
        request.root = !line_.root.empty() ? line_.root : is_git ? git_root(directory) : directory;
        request.remote = line_.remote;
        request.remote_comes_later = line_.remote.empty() && !line_.bucket.empty();
        request.directory = directory;
        request.direction = direction_.value_or(Direction::push);
        refuse_too_much(request.root);
        return ad_hoc_job(request, file_ ? &*file_ : nullptr, environment_);
    }

    void override_destination(Job& job) const {
        const JobFile* tables = file_ ? &*file_ : nullptr;
        bool is_bucket = job.remote.type == Destination::Type::bucket;
        if (!line_.bucket.empty() || (is_bucket && !line_.remote_dir.empty())) {
            std::string name = line_.bucket.empty() ? job.remote.name : line_.bucket;
            std::string usual = is_bucket ? job.remote.path : std::string(last_name(job.root));
            return replace_bucket(job, name, line_.remote_dir.empty() ? usual : line_.remote_dir, tables);
        }
        if (line_.remote_dir.empty()) return;
        if (job.remote.type == Destination::Type::ssh) {
            replace_directory(job, line_.remote_dir);
        } else {
            // An absolute path is never taken for a HOST or BUCKET.
            replace_remote(job, here(line_.remote_dir), "/", nullptr, environment_);
        }
    }

    static std::string job_label(const Job& job) {
        return "job '" + escape(job.name) + "' goes to " + escape(job.remote_text) + ": ";
    }

    void override_policy(Job& job) const {
        job.policy.force = line_.force;
        job.policy.adopt = line_.adopt;
        bool is_bucket = job.remote.type == Destination::Type::bucket;
        if (line_.tar) job.transfer = Transfer::tar;
        check_switches(job);
        if (line_.preserve) job.policy.permissions = PermissionPolicy::preserve;
        if (line_.missing || line_.update) {
            job.policy.pull = line_.missing ? PullPolicy::missing : PullPolicy::update;
            job.policy.pull_spares_changes = false;
        }
        if (line_.remove) job.policy.delete_policy = is_bucket ? DeletePolicy::synced : DeletePolicy::mirror;
        if (line_.never_delete) job.policy.delete_policy = DeletePolicy::never;
        if (line_.overwrite) override_overwrite(job.policy);
    }

    /// `run` has it for its way back.
    void override_overwrite(Policy& policy) const {
        if (policy.direction == Direction::pull) {
            policy.pull = PullPolicy::mirror;
            policy.pull_spares_changes = false;
        } else if (line_.command != Command::run) {
            policy.overwrite = OverwritePolicy::always;
        }
    }

    /// Switches that exclude each other, and with `sync` those that are for the other direction.
    void check_switches(const Job& job) const {
        if (line_.remove && line_.never_delete) refuse("--delete and --never-delete exclude each other");
        if (line_.missing + line_.update + line_.overwrite > 1)
            refuse("--missing, --update and --overwrite exclude each other");
        if (direction_) return;
        const bool is_push = job.policy.direction == Direction::push;
        auto refuse_switch = [&](bool given, const char* name) {
            if (given)
                refuse(std::string(name) + " is for a " + (is_push ? "pull" : "push") + ", and job '" +
                       escape(job.name) + "' declares a " + (is_push ? "push" : "pull"));
        };
        refuse_switch(is_push && line_.missing, "--missing");
        refuse_switch(is_push && line_.update, "--update");
        refuse_switch(!is_push && line_.remove, "--delete");
        refuse_switch(!is_push && line_.never_delete, "--never-delete");
    }

    /// Whoever names a path wants it, whatever the job's pulls leave alone. What deletes, deletes below it alone.
    void fetch_named_paths(DirectRun& run) const {
        bool is_pull = run.job.policy.direction == Direction::pull && !run.options.paths.empty();
        if (is_pull && !line_.missing && run.job.policy.pull != PullPolicy::mirror)
            run.job.policy.pull = PullPolicy::update;
    }

    void add_filters(DirectRun& run) const {
        for (const std::string& text : line_.exclude)
            run.job.filter.exclude.push_back(rule(text, "--exclude", run.job));
        for (const std::string& text : line_.include)
            run.job.filter.include.push_back(rule(text, "--include", run.job));
        run.options.narrowed = !line_.exclude.empty() || !line_.include.empty();
    }

    /// Relative to the current directory, which may lie above or beneath the root; or the absolute path of something in
    /// the root. What holds at any depth has a meaning everywhere.
    GlobRule rule(const std::string& text, const std::string& option, const Job& job) const {
        std::string pattern = text, root = environment_.resolve(job.root),
                    directory = environment_.resolve(environment_.current_directory);
        for (const std::string& beginning : {job.root, root}) {
            if (!is_beneath(text, beginning)) continue;
            directory = root;
            pattern = "/" + below(text, beginning);
            if (pattern == "/") pattern = "**";
        }
        climb(pattern, directory);
        std::string why = why_never_matching(pattern);
        if (!why.empty()) refuse(option + " '" + escape(text) + "': " + why);
        std::optional<Glob> glob = Glob::compile(pattern, why);
        if (!glob) refuse(option + " '" + escape(text) + "': " + why);
        GlobRule made{std::move(*glob), "", option};
        bool holds_anywhere = pattern.find('/') == std::string::npos || pattern.starts_with("**/");
        if (is_beneath(directory, root)) {
            made.base = below(directory, root);
        } else if (is_beneath(root, directory) && !holds_anywhere) {
            made.prefix = below(root, directory) + "/";
        } else if (!holds_anywhere) {
            refuse(option + " '" + escape(text) + "' is relative to the current directory, which has nothing to do " +
                   "with the root " + escape(job.root) + "; begin it with '**/', or go to the root");
        }
        return made;
    }

    /// "../" at the beginning of a pattern is taken away and leads up from `directory`.
    static void climb(std::string& pattern, std::string& directory) {
        std::string_view rest = pattern;
        size_t steps = 0;
        for (; rest.starts_with("./") || rest.starts_with("../"); rest.remove_prefix(rest.find('/') + 1)) {
            if (rest.starts_with("../")) ++steps;
        }
        if (steps == 0 || rest.empty()) return;
        for (; steps > 0; --steps) directory.erase(std::max<size_t>(directory.rfind('/'), 1));
        pattern = "/" + std::string(rest);
    }

    void add_paths(DirectRun& run) const {
        for (const std::string& word : words_) {
            std::optional<std::string> path = path_below_root(word, run.job.root, environment_);
            if (!path)
                refuse(escape(word) + " does not lie in the root of '" + escape(run.job.name) + "', " +
                       escape(run.job.root));
            run.options.paths.push_back(std::move(*path));
        }
        // The root itself is everything.
        if (std::ranges::find(run.options.paths, "") != run.options.paths.end()) run.options.paths.clear();
    }

    const CommandLine& line_;
    const std::optional<JobFile>& file_;
    std::optional<Direction> direction_;  ///< none: the job's own
    const ParseEnvironment& environment_;
    std::vector<std::string> words_;  ///< arguments that are paths
};

}  // namespace

DirectRun resolve_direct_run(const CommandLine& line, const std::optional<JobFile>& file,
                             std::optional<Direction> direction, const ParseEnvironment& environment) {
    return Resolver(line, file, direction, environment).resolve();
}

std::optional<std::string> path_below_root(const std::string& word, const std::string& root,
                                           const ParseEnvironment& environment) {
    std::string full = absolute_path(word, environment.current_directory, environment);
    std::string physical_root = environment.resolve(root);
    if (environment.resolve(full) == physical_root) return "";
    size_t slash = full.rfind('/');
    std::string parent = environment.resolve(slash == 0 ? "/" : full.substr(0, slash));
    std::string physical = (parent == "/" ? "" : parent) + full.substr(slash);
    if (!is_beneath(physical, physical_root)) return std::nullopt;
    std::string path = below(physical, physical_root);
    return is_valid_path(path) ? std::optional(path) : std::nullopt;
}

std::string git_root(const std::string& directory) {
    for (std::string at = directory; !at.empty() && at != "/"; at.erase(std::max<size_t>(at.rfind('/'), 1))) {
        if (exists(at + "/.git")) return at;
    }
    return directory;
}

}  // namespace syncline::cli
