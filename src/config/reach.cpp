// What each key lets a job file do that its user has neither named nor trusted: the one table of that, and its judge.
#include "config/reach.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline {

/// What is being judged: the file and one table of it, whose name messages begin with.
struct Judged {
    const JobFile& file;
    std::string table;
    const WrittenKeys& written;
    const Job* job = nullptr;
    const Host* host = nullptr;
    const Bucket* bucket = nullptr;
    Position otherwise = {};  ///< where a key stands that was not written
};

/// Collects facts: each says all that trust in it is about, so that another value is another fact.
class Reach {
  public:
    Reach(const JobFile& file, const ParseEnvironment& environment)
        : file_(file), environment_(environment), found_(file.shown_path) {
        std::string path = environment.resolve(file.path);
        size_t slash = path.rfind('/');
        directory_ = slash == 0 ? "/" : path.substr(0, slash);
    }

    void judge(const Job& job);
    void judge(const Host& host);
    void judge(const Bucket& bucket);
    void judge_engine();
    void judge_status();

    void add(const Judged& judged, std::string_view key, const std::string& what) {
        auto found = judged.written.find(key);
        found_.add(found == judged.written.end() ? judged.otherwise : found->second, judged.table + " " + what);
    }

    void add_command(const Judged& judged, std::string_view key, const std::string& command) {
        if (!command.empty()) add(judged, key, "runs a command: " + std::string(key) + " = " + escape(command));
    }

    /// `what` is "has its root"; `use` ", which it reads".
    void add_path(const Judged& judged, std::string_view key, const std::string& what, const std::string& path,
                  const std::string& use) {
        const std::string physical = environment_.resolve(path);
        if (is_beneath(physical, directory_)) return;
        std::string shown = escape(path);
        if (physical != path) shown += " (that is " + escape(physical) + ")";
        add(judged, key, what + " outside of the job file's directory: " + shown + use);
    }

    std::vector<Diagnostic> take() { return found_.take_sorted(); }

  private:
    void judge_keys(const Judged& judged, TableKind table);
    void judge_variables(const UsedVariables& variables) {
        for (const auto& [name, place] : variables) {
            found_.add(place, "the environment variable " + name + " is used, whose value could end up on a server");
        }
    }

    const JobFile& file_;
    const ParseEnvironment& environment_;
    std::string directory_;
    Diagnostics found_;
};

namespace {

using Judge = void (*)(Reach& reach, const Judged& judged);

/// One key and what it lets a stranger's file do: `judge` finds the facts that need trust. Without one it is harmless,
/// for the reason that stands there.
struct KeyRow {
    TableKind table;
    std::string_view key;
    std::string_view why_harmless;
    Judge judge = nullptr;
};

std::string server_of(const Host& host) { return escape(host.hostname.empty() ? host.name : host.hostname); }

std::string server_of(const Bucket& bucket) {
    return escape(bucket.endpoint.empty() ? bucket.provider : bucket.endpoint);
}

void judge_root(Reach& reach, const Judged& judged) {
    // A root of the command line is its user's own.
    if (judged.job->line == 0) return;
    bool is_read = judged.job->policy.direction == Direction::push;
    reach.add_path(judged, "root", "has its root", judged.job->root,
                   is_read ? ", which it reads" : ", which it writes to");
}

void judge_remote(Reach& reach, const Judged& judged) {
    const Job& job = *judged.job;
    if (job.line == 0 || job.remote.type != Destination::Type::local) return;
    bool is_read = job.policy.direction == Direction::pull;
    reach.add_path(judged, "remote", "has its remote", job.remote.path,
                   is_read ? ", which it reads" : ", which it writes to");
}

std::string ages_of(const CleanPolicy& clean) {
    std::string text = "after " + format_duration(clean.max_age);
    for (const auto& [share, age] : clean.quota_thresholds)
        text += ", from " + std::to_string(share) + " % of the quota after " + format_duration(age);
    return text + "; never within " + format_duration(clean.min_age);
}

void judge_clean(Reach& reach, const Judged& judged) {
    const std::optional<CleanPolicy>& clean = judged.job ? judged.job->clean : judged.host->clean;
    if (clean && judged.written.contains("clean"))
        reach.add(judged, "clean", "says when project directories are removed on servers: " + ages_of(*clean));
}

constexpr std::string_view within = "what it says is about the selected files of the job alone";
constexpr std::string_view timing = "it says when the job runs, or for how long";
constexpr std::string_view table_of_keys = "its own keys are judged";
constexpr std::string_view bounded = "it is a number within bounds";

// A new key gets a row here: the unit tests walk all keys, and a written key without a row needs trust.
const KeyRow rows[] = {
    {TableKind::file, "version", "it says how to read the file"},
    {TableKind::file, "status", table_of_keys},
    {TableKind::file, "engine", table_of_keys},
    {TableKind::file, "hosts", table_of_keys},
    {TableKind::file, "buckets", table_of_keys},
    {TableKind::file, "defaults", table_of_keys},
    {TableKind::file, "jobs", table_of_keys},

    {TableKind::status, "listen", "",
     [](Reach& reach, const Judged& judged) {
         const std::string& listen = judged.file.status_listen;
         // An address is of this machine only, which the parser sees to.
         if (listen.starts_with("unix:")) reach.add_path(judged, "listen", "listens", listen.substr(5), "");
     }},

    {TableKind::engine, "max_parallel_jobs", bounded},
    {TableKind::engine, "connections_per_host", bounded},
    {TableKind::engine, "bandwidth_limit", "it only makes transfers slower"},
    {TableKind::engine, "max_entries", "what is longer counts as not listed whole, and nothing is deleted for it"},
    {TableKind::engine, "ssh_config", "",
     [](Reach& reach, const Judged& judged) {
         const std::string& path = judged.file.engine.ssh_config;
         if (!path.empty())
             reach.add(judged, "ssh_config", "names an ssh_config, which can run commands: " + escape(path));
     }},
    {TableKind::engine, "ad_hoc_root", "either directory is one that the user stands in"},

    {TableKind::host, "hostname", "the server's key must be known; facts about secrets name the server"},
    {TableKind::host, "port", "the server's key must be known"},
    {TableKind::host, "user", "signing in needs a key or a password that the user gives"},
    {TableKind::host, "identity_file", "",
     [](Reach& reach, const Judged& judged) {
         const Host& host = *judged.host;
         if (!host.identity_file.empty())
             reach.add(judged, "identity_file",
                       "signs in to " + server_of(host) + " with the key " + escape(host.identity_file));
     }},
    {TableKind::host, "password", "",
     [](Reach& reach, const Judged& judged) {
         const SecretSource& password = judged.host->password;
         if (password.type == SecretSource::Type::command) reach.add_command(judged, "password", password.value);
         if (password.type == SecretSource::Type::environment)
             reach.add(judged, "password",
                       "sends an environment variable to a server as its password: " + escape(password.value) + " to " +
                           server_of(*judged.host));
     }},
    {TableKind::host, "host_key", "",
     [](Reach& reach, const Judged& judged) {
         if (judged.host->accept_new_host_key)
             reach.add(judged, "host_key",
                       "believes any new host key of " + server_of(*judged.host) +
                           " and writes it to known_hosts: host_key = accept-new");
     }},
    {TableKind::host, "known_hosts", "",
     [](Reach& reach, const Judged& judged) {
         const std::string& path = judged.host->known_hosts;
         if (!path.empty())
             reach.add(judged, "known_hosts",
                       "names the known_hosts file that is believed and written to: " + escape(path));
     }},
    {TableKind::host, "remote_root", "only directories that syncline named are made or removed there"},
    {TableKind::host, "clean", "", judge_clean},
    {TableKind::host, "quota_source", "",
     [](Reach& reach, const Judged& judged) { reach.add_command(judged, "quota_source", judged.host->quota_command); }},

    {TableKind::bucket, "provider", "facts about secrets name the service"},
    {TableKind::bucket, "bucket", "it is a bucket of the account whose keys are used"},
    {TableKind::bucket, "region", "it is a name of the provider's"},
    {TableKind::bucket, "endpoint", "requests are signed, and hold no secret; facts about secrets name it"},
    {TableKind::bucket, "addressing", "it says how a URL is written"},
    {TableKind::bucket, "credentials", "",
     [](Reach& reach, const Judged& judged) {
         const Bucket& bucket = *judged.bucket;
         if (!bucket.key_variable.empty())
             reach.add(judged, "credentials",
                       "sends an environment variable to a server as its key id: " + escape(bucket.key_variable) +
                           ", signing with " + escape(bucket.secret_variable) + ", to " + server_of(bucket));
         if (!bucket.profile.empty())
             reach.add(judged, "credentials",
                       "uses the keys of the profile " + escape(bucket.profile) + " for " + server_of(bucket));
         if (bucket.instance_metadata)
             reach.add(judged, "credentials",
                       "uses the role of this machine for a server that it names: " + server_of(bucket));
     }},

    {TableKind::job, "root", "", judge_root},
    {TableKind::job, "remote", "", judge_remote},
    {TableKind::job, "direction", "facts about roots and remotes say which of them is written to"},
    {TableKind::job, "exclude", within},
    {TableKind::job, "include", within},
    {TableKind::job, "ignore_files", within},
    {TableKind::job, "interval", timing},
    {TableKind::job, "at", timing},
    {TableKind::job, "watch", timing},
    {TableKind::job, "delete", "it is about a target that is the file's own, or trusted"},
    {TableKind::job, "overwrite", "it is about a target that is the file's own, or trusted"},
    {TableKind::job, "pull", "it is about a root that is the file's own, or trusted"},
    {TableKind::job, "pull_symlinks", "links that a pull makes lead to what is in the root"},
    {TableKind::job, "transfer", within},
    {TableKind::job, "max_delete", within},
    {TableKind::job, "permissions", within},
    {TableKind::job, "umask", within},
    {TableKind::job, "delete_excluded", within},
    {TableKind::job, "include_git", "",
     [](Reach& reach, const Judged& judged) {
         // A pull could bring hooks, which git runs; what comes from a place here is trusted by that.
         if (judged.job->filter.include_git && judged.job->remote.type != Destination::Type::local)
             reach.add(judged, "include_git", "transfers .git directories, whose hooks and settings git runs");
     }},
    {TableKind::job, "mountpoint", "it is only looked at"},
    {TableKind::job, "sync_before_run", timing},
    {TableKind::job, "symlinks", "",
     [](Reach& reach, const Judged& judged) {
         if (judged.job->policy.symlinks == SymlinkPolicy::follow)
             reach.add(judged, "symlinks", "follows symlinks, which can lead anywhere");
     }},
    {TableKind::job, "fsync", timing},
    {TableKind::job, "on_start", timing},
    {TableKind::job, "jitter", timing},
    {TableKind::job, "timeout", timing},
    {TableKind::job, "max_staleness", timing},
    {TableKind::job, "on_success", "",
     [](Reach& reach, const Judged& judged) { reach.add_command(judged, "on_success", judged.job->on_success); }},
    {TableKind::job, "on_failure", "",
     [](Reach& reach, const Judged& judged) { reach.add_command(judged, "on_failure", judged.job->on_failure); }},
    {TableKind::job, "on_halt", "",
     [](Reach& reach, const Judged& judged) { reach.add_command(judged, "on_halt", judged.job->on_halt); }},
    {TableKind::job, "hooks", "the commands are judged"},
    {TableKind::job, "remind", "the commands are judged"},
    {TableKind::job, "clean", "", judge_clean},

    {TableKind::clean, "auto", "the table as a whole is judged"},
    {TableKind::clean, "max_age", "the table as a whole is judged"},
    {TableKind::clean, "quota_thresholds", "the table as a whole is judged"},
    {TableKind::clean, "min_age", "the table as a whole is judged"},

    {TableKind::password, "env", "the host's password is judged"},
    {TableKind::password, "command", "the host's password is judged"},
    {TableKind::quota_source, "command", "the host's quota_source is judged"},
    {TableKind::credentials, "env", "the bucket's credentials are judged"},
    {TableKind::credentials, "profile", "the bucket's credentials are judged"},
    {TableKind::credentials, "instance_metadata", "the bucket's credentials are judged"},
};

const KeyRow* row_of(TableKind table, std::string_view key) {
    auto found = std::ranges::find_if(rows, [&](const KeyRow& row) { return row.table == table && row.key == key; });
    return found == std::end(rows) ? nullptr : &*found;
}

}  // namespace

bool is_judged(TableKind table, std::string_view key) {
    const KeyRow* row = row_of(table, key);
    return row && (row->judge != nullptr) != !row->why_harmless.empty();
}

void Reach::judge_keys(const Judged& judged, TableKind table) {
    for (const KeyRow& row : rows) {
        if (row.table == table && row.judge) row.judge(*this, judged);
    }
    for (const auto& [key, place] : judged.written) {
        // What stands in `quota_source` and `credentials` is noted with the table around it.
        bool is_known =
            row_of(table, key) || row_of(TableKind::quota_source, key) || row_of(TableKind::credentials, key);
        if (!is_known) add(judged, key, "has the key '" + escape(key) + "', which nobody has judged");
    }
}

void Reach::judge(const Job& job) {
    std::string table = job.line == 0 ? "[defaults]" : "[jobs." + job.name + "]";
    judge_keys({file_, std::move(table), job.written, &job, nullptr, nullptr, {job.line, job.line == 0 ? 0 : 1}},
               TableKind::job);
    judge_variables(job.variables);
}

void Reach::judge(const Host& host) {
    judge_keys({file_, "[hosts." + host.name + "]", host.written, nullptr, &host}, TableKind::host);
    judge_variables(host.variables);
}

void Reach::judge(const Bucket& bucket) {
    judge_keys({file_, "[buckets." + bucket.name + "]", bucket.written, nullptr, nullptr, &bucket}, TableKind::bucket);
    judge_variables(bucket.variables);
}

/// What every SSH connection goes by.
void Reach::judge_engine() {
    judge_keys({file_, "[engine]", file_.engine.written}, TableKind::engine);
    judge_variables(file_.engine.variables);
}

void Reach::judge_status() {
    const WrittenKeys written;
    judge_keys({file_, "[status]", written, nullptr, nullptr, nullptr, file_.status_position}, TableKind::status);
    judge_variables(file_.variables);
}

std::vector<Diagnostic> untrusted_reach(const JobFile& file, const ParseEnvironment& environment) {
    Reach reach(file, environment);
    for (const Job& job : file.jobs) reach.judge(job);
    for (const auto& [name, host] : file.hosts) reach.judge(host);
    for (const auto& [name, bucket] : file.buckets) reach.judge(bucket);
    reach.judge_engine();
    reach.judge_status();
    return reach.take();
}

std::vector<Diagnostic> untrusted_reach(const JobFile& file, const std::vector<Job>& jobs, bool serves_status,
                                        const ParseEnvironment& environment) {
    Reach reach(file, environment);
    for (const Job& job : jobs) {
        reach.judge(job);
        if (job.remote.type == Destination::Type::ssh) {
            reach.judge_engine();
            auto host = file.hosts.find(job.remote.name);
            if (host != file.hosts.end()) reach.judge(host->second);
        } else if (job.remote.type == Destination::Type::bucket) {
            // PROVIDER:BUCKET of the command line takes endpoint and credentials of a table of that provider.
            const size_t colon = job.remote.name.find(':');
            for (const auto& [name, bucket] : file.buckets) {
                bool is_used = colon == std::string::npos ? name == job.remote.name
                                                          : bucket.provider == job.remote.name.substr(0, colon);
                if (is_used) reach.judge(bucket);
            }
        }
    }
    if (serves_status) reach.judge_status();
    return reach.take();
}

std::vector<std::string> facts_of(const std::vector<Diagnostic>& reach) {
    std::vector<std::string> facts;
    for (const Diagnostic& each : reach) facts.push_back(each.message);
    return facts;
}

}  // namespace syncline
