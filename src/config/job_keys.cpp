// The keys of [jobs.NAME] and [defaults]. Lists add to what is there already, other values replace it: that is how a
// job's own keys meet the defaults it was copied from.
#include <algorithm>
#include <array>
#include <charconv>

#include "config/job.hpp"
#include "config/keys.hpp"

namespace syncline {
namespace {

constexpr TableKind in_job = TableKind::job;

/// Two digits from the start of `text`, which are taken off; nullopt when they are none.
std::optional<int> take_two_digits(std::string_view& text) {
    int number = 0;
    if (text.size() < 2) return std::nullopt;
    auto [end, error] = std::from_chars(text.data(), text.data() + 2, number);
    if (error != std::errc{} || end != text.data() + 2 || number < 0) return std::nullopt;
    text.remove_prefix(2);
    return number;
}

/// "03:00" or "Mon 12:30".
std::optional<AtTime> parse_at_time(std::string_view text) {
    static constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    AtTime time;
    auto day = std::find(days.begin(), days.end(), text.substr(0, 3));
    if (day != days.end()) {
        time.weekday = static_cast<int>(day - days.begin());
        text.remove_prefix(3);
        if (!text.starts_with(' ')) return std::nullopt;
        text.remove_prefix(1);
    }
    auto hour = take_two_digits(text);
    if (!hour || *hour > 23 || !text.starts_with(':')) return std::nullopt;
    text.remove_prefix(1);
    auto minute = take_two_digits(text);
    if (!minute || *minute > 59 || !text.empty()) return std::nullopt;
    time.hour = *hour;
    time.minute = *minute;
    return time;
}

void read_times(const ValueReader& in, std::vector<AtTime>& times) {
    constexpr std::string_view what = "a list of local times such as \"03:00\" or \"Mon 12:30\"";
    if (in.value().type != TomlValue::Type::array) return in.expected(what);
    for (const TomlValue& item : in.value().items) {
        const std::string* text = in.string_of(item, what);
        if (!text) continue;
        auto time = parse_at_time(*text);
        if (!time) {
            in.fail_at(item.position, "must be " + std::string(what));
        } else if (std::find(times.begin(), times.end(), *time) == times.end()) {
            times.push_back(*time);
        }
    }
}

/// A count, or "N%". A share lets a few deletes pass whatever it is, but none is none: "0%" is read as 0.
void read_max_delete(const ValueReader& in, MaxDelete& max_delete) {
    constexpr std::string_view what = "a count from 0 on, or a share from \"0%\" to \"100%\"";
    if (in.value().type == TomlValue::Type::integer) {
        if (in.value().number < 0) return in.fail("must be " + std::string(what));
        max_delete = {static_cast<uint64_t>(in.value().number), false};
        return;
    }
    const std::string* text = in.string(what);
    if (!text) return;
    unsigned share = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), share);
    bool is_share = error == std::errc{} && std::string_view(end, text->data() + text->size()) == "%";
    if (!is_share || share > 100) return in.fail("must be " + std::string(what));
    max_delete = {share, share != 0};
}

void read_umask(const ValueReader& in, uint16_t& umask) {
    constexpr std::string_view what = "octal digits in a string, such as \"077\"";
    const std::string* text = in.string(what);
    if (!text) return;
    unsigned bits = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), bits, 8);
    if (error != std::errc{} || end != text->data() + text->size() || bits > 0777) {
        in.fail("must be " + std::string(what) + ", at most \"777\"");
    } else if ((bits & 0700) != 0) {
        in.fail("must leave the owner's own permissions: its first digit is 0");
    } else {
        umask = static_cast<uint16_t>(bits);
    }
}

/// Only notes the text: whether HOST is a host or a bucket is known when the whole file has been read (job_rules.hpp).
void read_remote(const ValueReader& in, Job& job) {
    const std::string* text = in.string("a destination in a string: \"HOST:DIR\", \"BUCKET:PREFIX\" or a local path");
    auto full = text ? in.expanded(*text, true) : std::nullopt;
    if (!full) return;
    job.remote_text = *text;
    job.remote.path = std::move(*full);
}

/// `[]` switches ignore files off; any other list is looked for beside the defaults' names.
void read_ignore_files(const ValueReader& in, Job& job) {
    std::vector<std::string> names;
    in.texts(names);
    for (const std::string& name : names) {
        if (name.find('/') != std::string::npos || name == "." || name == "..") {
            return in.fail("must be a list of file names; such files are looked for in every directory");
        }
    }
    bool first = !job.written.contains(in.key().name);
    if (first || names.empty()) job.ignore_files.clear();
    for (std::string& name : names) {
        auto& files = job.ignore_files;
        if (std::find(files.begin(), files.end(), name) == files.end()) files.push_back(std::move(name));
    }
}

void read_clean(const ValueReader& in, std::optional<CleanPolicy>& clean) {
    if (!in.is_table()) return;
    if (!clean) clean.emplace();
    read_table(in.context(), in.inner_table_name(), in.value(), clean_keys(), *clean);
}

const Key<Job> keys[] = {
    {{in_job, "root", Shape::path, "the local directory that is kept in step"},
     [](const ValueReader& in, Job& job) { in.path(job.root); }},
    {{in_job, "remote", Shape::text, "the destination: HOST:DIR, BUCKET:PREFIX or a local path"},
     [](const ValueReader& in, Job& job) { read_remote(in, job); }},
    {{in_job, "direction", Shape::choice, "which side is the source: the root (push) or the remote (pull)",
      "push|pull"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.direction); }},
    {{in_job, "exclude", Shape::globs, "patterns, relative to the root, of what is left out"},
     [](const ValueReader& in, Job& job) { in.globs(job.filter.exclude); }},
    {{in_job, "include", Shape::globs,
      "patterns that narrow the selection; never brings back what is excluded or ignored"},
     [](const ValueReader& in, Job& job) { in.globs(job.filter.include); }},
    {{in_job, "ignore_files", Shape::texts, "names of ignore files with git's semantics; [] switches them off"},
     [](const ValueReader& in, Job& job) { read_ignore_files(in, job); }},
    {{in_job, "interval", Shape::duration, "time from one run to the next"},
     [](const ValueReader& in, Job& job) { in.duration(job.interval); }},
    {{in_job, "at", Shape::times, "local wall-clock times at which the job runs"},
     [](const ValueReader& in, Job& job) { read_times(in, job.at); }},
    {{in_job, "watch", Shape::boolean, "push changes as they happen"},
     [](const ValueReader& in, Job& job) { in.boolean(job.watch); }},
    {{in_job, "delete", Shape::choice, "what a push removes from the target", "mirror|synced|never"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.delete_policy); }},
    {{in_job, "overwrite", Shape::choice, "what a push does with a target file that differs", "always|unchanged"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.overwrite); }},
    {{in_job, "pull", Shape::choice, "what a pull changes locally", "generated|missing|update|mirror"},
     [](const ValueReader& in, Job& job) {
         in.choice(job.policy.pull);
         job.pull_given = true;
     }},
    {{in_job, "pull_symlinks", Shape::choice,
      "what a pull makes of a server's symlinks: nothing, or relative ones that stay inside of the root",
      "refuse|inside"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.pull_links); }},
    {{in_job, "transfer", Shape::choice, "how files travel: one by one, or as a tar stream", "auto|files|tar"},
     [](const ValueReader& in, Job& job) { in.choice(job.transfer); }},
    {{in_job, "max_delete", Shape::share, "the most deletes of one run, a count or a share of the target's files"},
     [](const ValueReader& in, Job& job) { read_max_delete(in, job.policy.max_delete); }},
    {{in_job, "permissions", Shape::choice, "modes on the target: the source's without the umask, or as in the source",
      "owner|preserve"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.permissions); }},
    {{in_job, "umask", Shape::octal, "permission bits that new files do not get under permissions = \"owner\""},
     [](const ValueReader& in, Job& job) { read_umask(in, job.policy.umask); }},
    {{in_job, "delete_excluded", Shape::boolean, "a mirror also removes excluded and ignored files from the target"},
     [](const ValueReader& in, Job& job) { in.boolean(job.policy.delete_excluded); }},
    {{in_job, "include_git", Shape::boolean, "transfer .git directories too, for backups"},
     [](const ValueReader& in, Job& job) { in.boolean(job.filter.include_git); }},
    {{in_job, "mountpoint", Shape::path, "halt unless this directory is a mount point"},
     [](const ValueReader& in, Job& job) { in.path(job.mountpoint); }},
    {{in_job, "sync_before_run", Shape::boolean, "push before `syncline run` runs its command"},
     [](const ValueReader& in, Job& job) { in.boolean(job.sync_before_run); }},
    {{in_job, "symlinks", Shape::choice, "what becomes of symbolic links", "copy|skip|follow"},
     [](const ValueReader& in, Job& job) { in.choice(job.policy.symlinks); }},
    {{in_job, "fsync", Shape::boolean, "data reaches the disk before it is renamed into place"},
     [](const ValueReader& in, Job& job) { in.boolean(job.fsync); }},
    {{in_job, "on_start", Shape::boolean, "run once when apply starts"},
     [](const ValueReader& in, Job& job) { in.boolean(job.on_start); }},
    {{in_job, "jitter", Shape::duration, "random spread of the start time"},
     [](const ValueReader& in, Job& job) { in.duration(job.jitter); }},
    {{in_job, "timeout", Shape::duration, "a run that takes longer is stopped and has failed"},
     [](const ValueReader& in, Job& job) { in.duration(job.timeout); }},
    {{in_job, "max_staleness", Shape::duration, "an older last success makes the health check fail"},
     [](const ValueReader& in, Job& job) { in.duration(job.max_staleness); }},
    {{in_job, "on_success", Shape::text, "a command to run after a success, with the run as JSON on its stdin"},
     [](const ValueReader& in, Job& job) { in.command(job.on_success); }},
    {{in_job, "on_failure", Shape::text, "a command to run after a failure"},
     [](const ValueReader& in, Job& job) { in.command(job.on_failure); }},
    {{in_job, "on_halt", Shape::text, "a command to run when a guard halts the job"},
     [](const ValueReader& in, Job& job) { in.command(job.on_halt); }},
    {{in_job, "hooks", Shape::choice,
      "when they run: on_failure and on_halt when the outcome is another, on_success when "
      "something was done or a failure is over; or all of them after every run",
      "on-change|every-run"},
     [](const ValueReader& in, Job& job) { in.choice(job.hooks_every_run); }},
    {{in_job, "remind", Shape::duration, "on_failure and on_halt run again so often while the outcome stays the same"},
     [](const ValueReader& in, Job& job) { in.duration(job.remind); }},
    {{in_job, "clean", Shape::table, "retention of this job's default-layout remote directories"},
     [](const ValueReader& in, Job& job) { read_clean(in, job.clean); }},
};

}  // namespace

std::span<const Key<Job>> job_keys() { return keys; }

}  // namespace syncline
