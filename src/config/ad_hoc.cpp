#include "config/ad_hoc.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "config/job_rules.hpp"
#include "config/names.hpp"
#include "config/paths.hpp"
#include "config/remote.hpp"

namespace syncline {
namespace {

std::string with_home(const std::string& text, const ParseEnvironment& environment) {
    if (text != "~" && !text.starts_with("~/")) return text;
    Expansion home = expand_path("~", environment);
    if (!home.error.empty()) throw Error(Errc::usage, "'" + escape(text) + "' " + home.error);
    return home.text + text.substr(1);
}

bool is_provider_name(std::string_view word) {
    constexpr std::string_view providers[] = {"s3", "b2", "gcs", "r2", "minio", "generic"};
    return std::ranges::find(providers, word) != std::end(providers);
}

/// As if the job file said so: what follows from the kind of destination gives way to it.
void be_careful(Job& job) {
    for (const char* key : {"delete", "overwrite", "pull"}) job.written[key] = Position{};
    job.policy.delete_policy = DeletePolicy::never;
    job.policy.overwrite = OverwritePolicy::unchanged;
    job.policy.pull = PullPolicy::update;
    job.policy.pull_spares_changes = true;
}

void check_nesting(const Job& job, const ParseEnvironment& environment) {
    if (job.root.empty() || (job.remote.type == Destination::Type::local && job.remote.path.empty())) return;
    std::string problem = nesting_problem(job, environment);
    if (!problem.empty())
        throw Error(Errc::usage, "the remote " + escape(job.remote_text) + " " + problem + "; choose another");
}

}  // namespace

std::string why_too_much(const std::string& root, const ParseEnvironment& environment) {
    const std::string physical = environment.resolve(root);
    if (physical == "/") return "is the whole file system";
    const std::string home = environment.home.empty() ? "" : environment.resolve(environment.home);
    if (physical == home) return "is your home directory";
    if (!home.empty() && is_beneath(home, physical)) return "holds your home directory";
    for (std::string_view homes : {"/home", "/Users"}) {
        if (physical == homes) return "holds home directories";
        bool is_home = is_beneath(physical, homes) && physical.find('/', homes.size() + 1) == std::string::npos;
        if (is_home) return "is a home directory";
    }
    return physical == "/root" ? "is a home directory" : "";
}

void replace_root(Job& job, const std::string& root, const std::string& directory,
                  const ParseEnvironment& environment) {
    if (root.empty()) throw Error(Errc::usage, "the root must not be empty");
    job.root = absolute_path(with_home(root, environment), directory, environment);
    check_nesting(job, environment);
}

void replace_remote(Job& job, const std::string& remote, const std::string& directory, const JobFile* file,
                    const ParseEnvironment& environment) {
    if (remote.empty())
        throw Error(Errc::usage, "the remote must not be empty: HOST:DIR, BUCKET:PREFIX or a local path");
    static const JobFile no_file;
    const JobFile& tables = file ? *file : no_file;
    RemoteMeaning meaning =
        read_remote(with_home(remote, environment), tables.hosts, tables.buckets, directory, environment);
    if (!meaning.destination) throw Error(Errc::usage, "the remote '" + escape(remote) + "' " + meaning.error);
    job.remote = std::move(*meaning.destination);
    job.remote_text = remote;
    apply_defaults(job);
    check_nesting(job, environment);
}

void replace_bucket(Job& job, const std::string& name, const std::string& prefix, const JobFile* file) {
    size_t colon = name.find(':');
    bool is_table = colon == std::string::npos && file != nullptr && file->buckets.contains(name);
    bool is_provider = colon != std::string::npos && is_provider_name(name.substr(0, colon)) &&
                       is_storage_name(name.substr(colon + 1));
    if (!is_table && !is_provider) {
        throw Error(Errc::usage, "--bucket '" + escape(name) +
                                     "' is no [buckets] table of the job file, and not PROVIDER:BUCKET either, with "
                                     "one of s3, b2, gcs, r2, minio and generic");
    }
    RemoteMeaning meaning = read_bucket_remote(name, prefix);
    if (!meaning.destination)
        throw Error(Errc::usage, "the remote '" + escape(name + ":" + prefix) + "' " + meaning.error);
    job.remote = std::move(*meaning.destination);
    job.remote_text = name + ":" + prefix;
    apply_defaults(job);
}

void replace_directory(Job& job, const std::string& directory) {
    const std::string text = job.remote.name + ":" + directory;
    RemoteMeaning meaning = read_remote(text, {}, {}, "/", ParseEnvironment{});
    if (!meaning.destination) throw Error(Errc::usage, "the remote '" + escape(text) + "' " + meaning.error);
    job.remote = std::move(*meaning.destination);
    job.remote_text = text;
}

Job ad_hoc_job(const AdHocRequest& request, const JobFile* file, const ParseEnvironment& environment) {
    Job job = file ? file->defaults : Job{};
    job.name = "ad hoc";
    job.line = 0;
    job.root.clear();
    job.remote = {};
    job.policy.direction = request.direction;
    if (request.names_two_places) be_careful(job);
    replace_root(job, request.root, request.directory, environment);
    if (!request.remote_comes_later) replace_remote(job, request.remote, request.directory, file, environment);
    return job;
}

}  // namespace syncline
