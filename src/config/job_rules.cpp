#include "config/job_rules.hpp"

#include "base/text.hpp"
#include "config/paths.hpp"

namespace syncline {

void apply_defaults(Job& job) {
    using Type = Destination::Type;
    Type type = job.remote.type;
    auto was_written = [&](std::string_view key) { return job.written.contains(key); };
    Policy& policy = job.policy;
    bool says_what_goes = was_written("delete");
    if (!says_what_goes) {
        policy.delete_policy = type == Type::bucket ? DeletePolicy::never
                               : type == Type::ssh  ? DeletePolicy::synced
                                                    : DeletePolicy::mirror;
    }
    if (!was_written("overwrite")) {
        // Who asks for care with what is deleted means what is overwritten, too.
        bool is_careful = type == Type::bucket || (says_what_goes && policy.delete_policy != DeletePolicy::mirror);
        policy.overwrite = is_careful ? OverwritePolicy::unchanged : OverwritePolicy::always;
    }
    if (!was_written("pull")) policy.pull = type == Type::ssh ? PullPolicy::generated : PullPolicy::missing;
    // A server's disk is its own business, and a flush there costs a round trip.
    if (!was_written("fsync")) job.fsync = type != Type::ssh || job.policy.direction == Direction::pull;
}

std::string changed_default(const Job& job) {
    using Type = Destination::Type;
    const Policy& policy = job.policy;
    if (policy.direction != Direction::push) return "";
    bool was_mirror = job.remote.type == Type::ssh && !job.written.contains("delete");
    if (was_mirror && !policy.is_mirror()) {
        return "over SSH the default of delete is \"synced\" now, and was \"mirror\": what this job did not put there "
               "stays. To keep the former way: " +
               std::string(job.line == 0 ? "--delete" : "delete = \"mirror\"");
    }
    bool was_always = job.remote.type == Type::bucket && policy.is_mirror() && !job.written.contains("overwrite");
    if (was_always && !policy.overwrites_changes()) {
        return "in a bucket the default of overwrite is \"unchanged\" now: what was changed there is left alone. To "
               "keep the former way: overwrite = \"always\"";
    }
    return "";
}

void set_direction(Job& job, Direction direction) {
    job.policy.direction = direction;
    apply_defaults(job);
}

std::string nesting_problem(const Job& job, const ParseEnvironment& environment) {
    if (job.remote.type != Destination::Type::local) return "";
    std::string root = environment.resolve(job.root), remote = environment.resolve(job.remote.path);
    if (root == remote) return "is the root itself (" + escape(root) + ")";
    if (is_beneath(remote, root)) return "lies in the root (" + escape(root) + "), so the tree would copy itself";
    if (is_beneath(root, remote)) return "holds the root (" + escape(root) + "), which the job would then change";
    return "";
}

}  // namespace syncline
