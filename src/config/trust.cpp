// What a job file may do only when its user has named or trusted it, and what this version cannot do yet.
#include "base/text.hpp"
#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline {
namespace {

Position place_of(const WrittenKeys& written, std::string_view key, Position otherwise = {}) {
    auto found = written.find(key);
    return found == written.end() ? otherwise : found->second;
}

class Reach {
  public:
    Reach(const JobFile& file, const ParseEnvironment& environment)
        : file_(file), environment_(environment), found_(file.shown_path) {
        std::string path = environment.resolve(file.path);
        size_t slash = path.rfind('/');
        directory_ = slash == 0 ? "/" : path.substr(0, slash);
    }

    void judge(const Job& job) {
        std::string table = job.line == 0 ? "[defaults]" : "[jobs." + job.name + "]";
        Position line{job.line, 1};
        if (job.line != 0) {
            judge_path(place_of(job.written, "root", line), table + " has its root", job.root);
            if (job.remote.type == Destination::Type::local) {
                judge_path(place_of(job.written, "remote", line), table + " has its remote", job.remote.path);
            }
        }
        if (job.policy.symlinks == SymlinkPolicy::follow) {
            found_.add(place_of(job.written, "symlinks"), table + " follows symlinks, which can lead anywhere");
        }
        judge_command(job.written, table, "on_success", job.on_success);
        judge_command(job.written, table, "on_failure", job.on_failure);
        judge_command(job.written, table, "on_halt", job.on_halt);
        judge(job.variables);
    }

    void judge(const Host& host) {
        std::string table = "[hosts." + host.name + "]";
        bool runs = host.password.type == SecretSource::Type::command;
        judge_command(host.written, table, "password", runs ? host.password.value : "");
        judge_command(host.written, table, "quota_source", host.quota_command);
        if (host.password.type == SecretSource::Type::environment) {
            found_.add(place_of(host.written, "password"),
                       table + " sends an environment variable to a server as its password");
        }
        if (!host.known_hosts.empty()) {
            found_.add(place_of(host.written, "known_hosts"),
                       table + " names the known_hosts file that is believed and written to");
        }
        judge(host.variables);
    }

    void judge(const Bucket& bucket) {
        if (!bucket.key_variable.empty()) {
            found_.add(place_of(bucket.written, "credentials"),
                       "[buckets." + bucket.name + "] sends an environment variable to a server as its key id");
        }
        if (bucket.instance_metadata) {
            found_.add(place_of(bucket.written, "credentials"),
                       "[buckets." + bucket.name + "] uses the role of this machine for a server that it names");
        }
        judge(bucket.variables);
    }

    void judge_status() {
        if (file_.status_listen.starts_with("unix:")) {
            judge_path(file_.status_position, "[status] listens", file_.status_listen.substr(5));
        }
        judge(file_.variables);
    }

    /// What every SSH connection goes by.
    void judge_engine() {
        if (!file_.engine.ssh_config.empty()) {
            found_.add(place_of(file_.engine.written, "ssh_config"),
                       "[engine] names an ssh_config, which can run commands");
        }
        judge(file_.engine.variables);
    }

    std::vector<Diagnostic> take() { return found_.take_sorted(); }

  private:
    void judge(const UsedVariables& variables) {
        for (const auto& [name, place] : variables) {
            found_.add(place, "the environment variable " + name + " is used, whose value could end up on a server");
        }
    }

    void judge_path(Position place, const std::string& what, const std::string& path) {
        if (is_beneath(environment_.resolve(path), directory_)) return;
        found_.add(place, what + " outside of the job file's directory: " + escape(path));
    }

    void judge_command(const WrittenKeys& written, const std::string& table, std::string_view key,
                       const std::string& command) {
        if (command.empty()) return;
        found_.add(place_of(written, key), table + " runs a command: " + std::string(key) + " = " + escape(command));
    }

    const JobFile& file_;
    const ParseEnvironment& environment_;
    std::string directory_;
    Diagnostics found_;
};

}  // namespace

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

}  // namespace syncline
