#include "cli/engine_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "config/paths.hpp"
#include "state/directory.hpp"
#include "state/lock.hpp"

namespace syncline::cli {
namespace {

/// The user's own, else the state directory.
std::string runtime_directory(const ParseEnvironment& environment) {
    std::string directory = own_runtime_directory(environment).value_or(default_state_directory());
    create_private_directory(directory);
    struct stat status{};
    bool is_ours = ::stat(directory.c_str(), &status) == 0 && status.st_uid == ::geteuid();
    if (is_ours && (status.st_mode & 022) == 0) return directory;
    throw Error(Errc::state, "others may write to " + escape(directory) +
                                 ", where the control socket would lie; make it "
                                 "yours alone, or set XDG_RUNTIME_DIR or XDG_STATE_HOME to a directory that is");
}

/// "engine-0123456789abcdef" of the lock's path.
std::string stem(const std::string& lock) {
    std::string name = lock.substr(lock.rfind('/') + 1);
    return name.substr(0, name.rfind('.'));
}

}  // namespace

std::optional<std::string> own_runtime_directory(const ParseEnvironment& environment) {
    std::string base = environment.variable("XDG_RUNTIME_DIR").value_or("");
    struct stat status{};
    bool is_own = base.starts_with('/') && ::stat(base.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                  status.st_uid == ::geteuid() && (status.st_mode & 022) == 0 &&
                  ::access(base.c_str(), W_OK | X_OK) == 0;
    if (!is_own) return std::nullopt;
    return base + "/syncline";
}

EnginePlace engine_place(const std::string& job_file, const ParseEnvironment& environment) {
    EnginePlace place;
    const std::string state = default_state_directory();
    place.job_file = environment.resolve(absolute_path(job_file, environment.current_directory, environment));
    place.lock = engine_lock_path(state, place.job_file);
    place.socket = runtime_directory(environment) + "/" + stem(place.lock) + ".sock";
    place.log = state + "/" + stem(place.lock) + ".log";
    return place;
}

EnginePlace engine_place(const Session& session) {
    std::optional<JobFilePath> file = locate_job_file(session, false);
    if (file) return engine_place(file->path, session.environment);
    throw Error(Errc::usage,
                "there is no jobs.toml here, in a directory above, or in $XDG_CONFIG_HOME/syncline; name the engine's "
                "job file with -f");
}

std::optional<status::ControlClient> find_engine(const EnginePlace& place) {
    // It may have been started with other variables than ours: its lock tells where it listens.
    std::string address = lock_address(place.lock);
    return status::ControlClient::connect(address.empty() ? place.socket : address);
}

status::ControlClient require_engine(const EnginePlace& place) {
    std::optional<status::ControlClient> client = find_engine(place);
    if (client) return std::move(*client);
    std::optional<int> holder = lock_holder(place.lock);
    if (holder) {
        throw Error(Errc::failed,
                    "the engine of " + escape(place.job_file) + " (pid " + std::to_string(*holder) +
                        ") does not listen at its control socket; it may be starting or ending: try again");
    }
    throw Error(Errc::failed, "no engine serves " + escape(place.job_file) +
                                  "; start one with 'syncline apply', or in the background with "
                                  "'syncline apply --detach'");
}

std::string ask(status::ControlClient& client, const status::ControlRequest& request) {
    client.send(request);
    std::string line;
    while (true) {
        switch (client.receive(line, std::chrono::seconds(60))) {
            case status::ControlClient::Got::line:
                if (line.find("\"exit_status\":") != std::string::npos) return line;
                break;
            case status::ControlClient::Got::nothing: break;
            case status::ControlClient::Got::end: throw Error(Errc::lost, "the engine ended before it answered");
        }
    }
}

int tell_answer(Session& session, const std::string& line) {
    nlohmann::ordered_json answer = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!answer.is_object() || !answer.contains("exit_status") || !answer["exit_status"].is_number_integer()) {
        throw Error(Errc::failed, "the engine's answer cannot be understood; is it of another version? Restart it");
    }
    std::string message = answer.contains("message") && answer["message"].is_string()
                              ? answer["message"].get<std::string>()
                              : std::string();
    if (answer["exit_status"].get<int>() != exit_ok) {
        session.output.error(message);
    } else if (!message.empty()) {
        session.output.info(message);
    }
    return answer["exit_status"].get<int>();
}

}  // namespace syncline::cli
