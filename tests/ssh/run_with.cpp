#include "run_with.hpp"

#include <signal.h>

#include <cstdlib>

#include "../async/run_task.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

Task<void> connect_and(SshSettings settings, std::function<Task<void>(Session&)> work) {
    auto connecting = Session::connect(std::move(settings));
    auto session = co_await std::move(connecting);
    co_await work(*session);
}

Task<void> start_sftp_and(Session& session, const std::function<Task<void>(Sftp&)>& work) {
    auto sftp = co_await Sftp::start(session);
    co_await work(*sftp);
}

Task<void> run_one(Session& session, std::string script, ScriptOutput& output) {
    auto running = run_short_script(session, std::move(script), 16 * 1024 * 1024);
    output = co_await std::move(running);
}

}  // namespace

void with_session(SshSettings settings, std::function<Task<void>(Session&)> work) {
    run_task(connect_and(std::move(settings), std::move(work)));
}

void with_sftp(SshSettings settings, std::function<Task<void>(Sftp&)> work) {
    with_session(std::move(settings), [&](Session& session) { return start_sftp_and(session, work); });
}

ScriptOutput run_script_on(SshSettings settings, std::string script) {
    ScriptOutput output;
    with_session(std::move(settings), [&](Session& session) { return run_one(session, script, output); });
    return output;
}

TestAgent::TestAgent(std::filesystem::path socket) : socket_(socket.string()) {
    auto text = run_program({"ssh-agent", "-s", "-a", socket_});
    auto at = text.find("SSH_AGENT_PID=") + 14;
    pid_ = text.substr(at, text.find(';', at) - at);
}

TestAgent::~TestAgent() { ::kill(std::atoi(pid_.c_str()), SIGTERM); }

void TestAgent::add(const std::string& key_file) {
    run_program({"env", "SSH_AUTH_SOCK=" + socket_, "ssh-add", "-q", key_file});
}

void TestAgent::forget_all() { run_program({"env", "SSH_AUTH_SOCK=" + socket_, "ssh-add", "-q", "-D"}); }

}  // namespace syncline::ssh
