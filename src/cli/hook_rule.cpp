#include "cli/hook_rule.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/error.hpp"
#include "base/text.hpp"
#include "state/directory.hpp"
#include "state/hash64.hpp"

namespace syncline::cli {
namespace {

bool did_something(const PlanSummary& done) {
    return done.put + done.mkdir + done.removed + done.rmdir + done.chmod > 0;
}

/// Many systems give each user a group of the same name, which nobody else is in; then its bit lets nobody in.
bool is_private_group(gid_t group) {
    const passwd* user = ::getpwuid(::geteuid());
    if (user == nullptr || user->pw_gid != group) return false;
    const std::string name = user->pw_name;
    const struct group* entry = ::getgrgid(group);
    return entry != nullptr && name == entry->gr_name && (entry->gr_mem == nullptr || entry->gr_mem[0] == nullptr);
}

bool may_others_write(const struct stat& status) {
    if ((status.st_mode & S_IWOTH) != 0) return true;
    return (status.st_mode & S_IWGRP) != 0 && status.st_gid != 0 && !is_private_group(status.st_gid);
}

}  // namespace

bool wants_hook(const HookPast& past, const RunReport& report, const Job& job, TimeNs now) {
    if (job.hooks_every_run) return true;
    const bool is_other = past.outcome != outcome_name(report.outcome);
    if (report.outcome == Outcome::success) return did_something(report.done) || (is_other && !past.outcome.empty());
    return is_other || now - past.told_at >= std::chrono::nanoseconds(job.remind).count();
}

std::string HookMemory::path_of(const std::string& job_file, const std::string& job) const {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash64(job_file + '\0' + job, 0)));
    return directory_ + "/" + hex;
}

HookPast HookMemory::recall(const std::string& job_file, const std::string& job) const {
    HookPast past;
    std::ifstream in(path_of(job_file, job));
    if (!(in >> past.outcome >> past.told_at)) return {};
    return past;
}

void HookMemory::remember(const std::string& job_file, const std::string& job, const HookPast& past) const {
    const std::string path = path_of(job_file, job), made = path + "." + std::to_string(::getpid());
    try {
        create_private_directory(directory_);
    } catch (const Error&) {
        return;
    }
    std::ofstream out(made);
    out << past.outcome << " " << past.told_at << "\n";
    out.close();
    if (!out || ::rename(made.c_str(), path.c_str()) != 0) ::unlink(made.c_str());
}

std::string reason_against_commands_in(const std::string& directory) {
    for (std::string path = directory; !path.empty(); path.erase(path.rfind('/'))) {
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) return "cannot look at " + escape(path) + ": " + errno_text(errno);
        const bool is_whole_way = path == directory;
        if (status.st_uid != ::geteuid() && status.st_uid != 0)
            return "another user owns " + escape(path) + "; keep the job file in a directory of yours";
        // Above it, a sticky directory lets nobody move what is another's.
        if (may_others_write(status) && (is_whole_way || (status.st_mode & S_ISVTX) == 0))
            return "others may write to " + escape(path) + "; `chmod go-w " + escape(path) +
                   "`, or keep the job file in a directory of yours";
    }
    return "";
}

}  // namespace syncline::cli
