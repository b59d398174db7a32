#include "cli/doctor_ssh.hpp"

#include <charconv>
#include <cstdio>

#include "base/text.hpp"
#include "endpoint/ssh_remote_shell.hpp"
#include "endpoint/ssh_root.hpp"
#include "endpoint/ssh_shell.hpp"
#include "ssh/error.hpp"
#include "ssh/exec.hpp"

namespace syncline::cli {
namespace {

constexpr uint64_t little_space = 100u << 20;
constexpr size_t script_output_limit = 64 * 1024;

/// SshErrors say what to do themselves, but for those that have many causes.
std::string advice_for(const ssh::SshError& error, const std::string& name) {
    switch (error.failure()) {
        case ssh::Failure::unknown_name:
        case ssh::Failure::connect:
        case ssh::Failure::timed_out: return "is the server up, and are hostname and port right? `ssh " + name + "`";
        case ssh::Failure::lost: return "`ssh -v " + name + "` shows who ended the connection";
        case ssh::Failure::no_sftp: return "ask for a shell or for SFTP; one of both is needed";
        default: return "";
    }
}

std::string shown_round_trip(ssh::Session& session) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(session.round_trip().count()) / 1000);
    return text;
}

/// What a shell lacks for the fast way; "" when nothing.
std::string missing_tools(const ServerTools& tools) {
    std::string missing;
    auto want = [&](bool has, const std::string& what) {
        if (!has) missing += (missing.empty() ? "" : ", ") + what;
    };
    want(tools.find_printf || tools.stat_format, "stat -c or GNU find");
    want(tools.xargs_nul, "xargs -0");
    want(!tools.sha256.empty(), "sha256sum, shasum or openssl");
    want(tools.tar, "tar");
    want(tools.perl, "perl");
    return missing;
}

Task<bool> has_sftp(ssh::SessionPool::Lease& lease) {
    try {
        co_await lease.sftp();
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::no_sftp) throw;
        co_return false;
    }
    co_return true;
}

/// Of an account that runs commands.
Task<ServerTools> probe(SshHost& host) {
    ssh::SessionPool::Lease lease = co_await host.acquire();
    RemoteShell shell(std::move(lease));
    co_await shell.start();
    std::string script = inspect_script("/", "/", std::nullopt, true);
    RootReport report = co_await ShellSide::inspect(shell, std::move(script));
    co_return report.tools;
}

Task<ServerTools> tools_of(SshHost& host) {
    if (host.tools) co_return *host.tools;
    ServerTools tools;
    try {
        tools = co_await probe(host);
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::no_shell) throw;
        tools.has_shell = false;
    }
    host.tools = tools;
    co_return tools;
}

Finding judge_tools(const std::string& subject, const ServerTools& tools, bool sftp) {
    std::string missing = tools.has_shell ? missing_tools(tools) : "";
    bool is_fast = tools.can_list() && tools.can_take_tar();
    if (is_fast) {
        std::string also = sftp ? " and SFTP" : "; no SFTP, which is not needed";
        return {"ok", subject, "has a shell with all tools (" + tools.sha256 + ")" + also, ""};
    }
    if (!sftp) {
        std::string lack = tools.has_shell ? "lacks " + missing : "runs no commands";
        return {"error", subject, lack + ", and there is no SFTP", "ask for SFTP, or for what is missing"};
    }
    if (!tools.has_shell) {
        return {"ok", subject, "has no shell; files go by SFTP alone, which takes longer", ""};
    }
    return {"warning", subject, "lacks " + missing + "; files go by SFTP alone, which takes longer",
            "have them installed on the server"};
}

/// What may be done at a directory that need not exist.
struct Room {
    bool is_writable = false;
    std::optional<uint64_t> free_bytes;
};

Task<std::optional<Room>> look_for_room(SshHost& host, std::string directory) {
    ssh::SessionPool::Lease lease = co_await host.acquire();
    std::string script = "d=" + shell_word_of_directory(directory) +
                         "\nwhile [ ! -e \"$d\" ] && [ \"$d\" != / ]; do d=$(dirname -- \"$d\"); done\n"
                         "if [ -w \"$d\" ] && [ -x \"$d\" ]; then echo yes; else echo no; fi\n"
                         "df -Pk -- \"$d\" 2>/dev/null | awk 'NR == 2 { print $4 }'\n";
    ssh::ScriptOutput output = co_await ssh::run_short_script(lease.session(), std::move(script), script_output_limit);
    if (!output.result.ok()) co_return std::nullopt;
    Room room;
    room.is_writable = output.text.starts_with("yes\n");
    std::string rest = output.text.substr(output.text.find('\n') + 1);
    uint64_t kibibytes = 0;
    bool is_number = std::from_chars(rest.data(), rest.data() + rest.size(), kibibytes).ec == std::errc();
    if (is_number) room.free_bytes = kibibytes * 1024;
    co_return room;
}

Finding judge_target(const std::string& subject, bool exists, const std::optional<Room>& room) {
    std::string state = exists ? "is there" : "will be created";
    if (!room) return {"ok", subject, state + "; whether it can be written shows the first push", ""};
    if (!room->is_writable) {
        return {"error", subject, exists ? "cannot be written" : "cannot be created",
                "give yourself the right on the server, or choose another place"};
    }
    if (!room->free_bytes) return {"ok", subject, state + ", can be written", ""};
    std::string shown = format_byte_count(*room->free_bytes) + " are free";
    if (*room->free_bytes < little_space) return {"warning", subject, "only " + shown, "make room on the server"};
    return {"ok", subject, state + ", can be written, " + shown, ""};
}

}  // namespace

Task<Findings> check_host(std::shared_ptr<SshHost> host) {
    const std::string subject = "host " + host->name();
    Findings findings;
    try {
        bool sftp = false;
        {
            ssh::SessionPool::Lease lease = co_await host->acquire();
            co_await lease.session().answers(lease.session().settings().step_timeout);  // that is timed
            findings.push_back({"ok", subject,
                                "signed in as " + lease.session().shown() + ", a round trip takes " +
                                    shown_round_trip(lease.session()) + " (" + lease.session().algorithms() + ")",
                                ""});
            sftp = co_await has_sftp(lease);
        }
        ServerTools tools = co_await tools_of(*host);
        findings.push_back(judge_tools(subject, tools, sftp));
    } catch (const ssh::SshError& error) {
        findings.push_back({"error", subject, error.what(), advice_for(error, host->name())});
    } catch (const Error& error) {
        findings.push_back({"error", subject, error.what(), ""});
    }
    co_return findings;
}

Task<Findings> check_remote_directory(const Job& job, SshHost& host, Endpoint& endpoint,
                                      std::optional<WholeSync> recorded) {
    bool is_push = job.policy.direction == Direction::push;
    const std::string subject = "destination " + endpoint.shown();
    Findings findings;
    try {
        std::optional<RootIdentity> now = co_await endpoint.inspect();
        if (now && !now->is_directory()) {
            findings.push_back({"error", subject, "is no directory", "move it aside or correct the job"});
            co_return findings;
        }
        if (!is_push && !now) {
            findings.push_back({"error", subject, "is not there (remote-missing)", "correct 'remote'"});
            co_return findings;
        }
        if (!is_push) findings.push_back({"ok", subject, "is there", ""});
        if (is_push) {
            std::string directory = job.remote.path.empty() ? host.remote_root() : job.remote.path;
            std::optional<Room> room;
            if (host.tools->has_shell) room = co_await look_for_room(host, directory);
            findings.push_back(judge_target(subject, now.has_value(), room));
        }
        if (is_push && job.policy.is_mirror() && endpoint.is_unsafe_for_mirror()) {
            findings.push_back({"error", subject,
                                "a mirror onto /, a home directory or remote_root is refused (unsafe-target)",
                                "choose another place"});
        }
        std::optional<RootIdentity> before;
        if (recorded) before = is_push ? recorded->target : recorded->source;
        if (now && before && !(*now == *before)) {
            findings.push_back({"error", subject, "is another directory than at the last sync (remote-changed)",
                                "look at it on the server; if it is right, run the job once with --adopt"});
        }
    } catch (const Error& error) {
        findings.push_back({"error", subject, error.what(), ""});
    }
    co_return findings;
}

}  // namespace syncline::cli
