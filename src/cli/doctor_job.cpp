// Doctor's checks of one job: both places, what was recorded of them, and the mount point.
#include "base/text.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/doctor_paths.hpp"
#include "endpoint/local.hpp"

namespace syncline::cli {
namespace {

constexpr uint64_t little_space = 100u << 20;

/// One side of a job.
struct Place {
    std::string role;  ///< "root", "destination"
    std::string path;
    bool is_source = false;
    std::optional<RootIdentity> recorded;
};

Finding check_source(const std::string& subject, const Place& place) {
    std::string trouble = trouble_with_reading(place.path);
    if (trouble.empty()) return {"ok", subject, "can be read", ""};
    return {"error", subject, trouble,
            "create it, mount it, or correct '" + std::string(place.role == "root" ? "root" : "remote") + "'"};
}

Finding check_target(const std::string& subject, const Place& place) {
    std::string trouble = trouble_with_writing(place.path);
    if (!trouble.empty())
        return {"error", subject, trouble, "give yourself the right to write there, or choose another place"};
    std::optional<uint64_t> space = free_space(place.path);
    std::string shown = space ? format_byte_count(*space) + " are free" : "can be written";
    if (space && *space < little_space) return {"warning", subject, "only " + shown, "make room"};
    bool exists = nearest_existing(place.path) == place.path;
    return {"ok", subject, (exists ? "can be written, " : "will be created, ") + shown, ""};
}

void check_identity(const std::string& subject, const Place& place, Findings& findings) {
    if (!place.recorded) return;
    std::optional<RootIdentity> now = identify_root(place.path);
    if (!now || *now == *place.recorded) return;
    std::string guard = place.is_source ? "root-changed" : "remote-changed";
    findings.push_back({"error", subject, "is another directory than at the last sync (" + guard + ")",
                        "bring the old one back; if this one is right, run the job once with --adopt"});
}

void check_mountpoint(const Job& job, Findings& findings) {
    if (job.mountpoint.empty()) return;
    const std::string subject = "mount point " + job.mountpoint;
    if (is_mount_point(job.mountpoint)) {
        findings.push_back({"ok", subject, "is mounted", ""});
    } else {
        findings.push_back({"error", subject, "nothing is mounted there: the job halts (unmounted)", "mount it"});
    }
}

void check_target_is_safe(const Job& job, const std::string& target, const std::string& subject, Findings& findings) {
    if (!job.policy.is_mirror() || !is_root_or_home(target)) return;
    findings.push_back(
        {"error", subject, "a mirror onto / or a home directory is refused (unsafe-target)", "choose another place"});
}

}  // namespace

Findings check_job(const Job& job, const std::optional<WholeSync>& recorded) {
    Findings findings;
    bool is_push = job.policy.direction == Direction::push;
    Place root{"root", job.root, is_push, {}}, remote{"destination", job.remote.path, !is_push, {}};
    if (recorded) {
        (is_push ? root : remote).recorded = recorded->source;
        (is_push ? remote : root).recorded = recorded->target;
    }
    bool is_remote_here = job.remote.type == Destination::Type::local;
    for (const Place* place : {&root, &remote}) {
        if (place == &remote && !is_remote_here) continue;
        std::string subject = place->role + " " + place->path;
        findings.push_back(place->is_source ? check_source(subject, *place) : check_target(subject, *place));
        if (findings.back().level != "error") check_identity(subject, *place, findings);
        if (!place->is_source) check_target_is_safe(job, place->path, subject, findings);
    }
    if (is_remote_here && share_file_system(root.path, remote.path)) {
        findings.push_back({"ok", "file system", "root and destination share one: its failure takes both", ""});
    }
    check_mountpoint(job, findings);
    return findings;
}

}  // namespace syncline::cli
