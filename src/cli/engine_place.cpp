#include "cli/engine_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "config/paths.hpp"
#include "state/directory.hpp"
#include "state/lock.hpp"

namespace syncline::cli {
namespace {

/// $XDG_RUNTIME_DIR/syncline where the user has such a directory, else the state directory.
std::string runtime_directory(const ParseEnvironment& environment) {
    std::string base = environment.variable("XDG_RUNTIME_DIR").value_or("");
    struct stat status{};
    bool is_own = base.starts_with('/') && ::stat(base.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                  status.st_uid == ::geteuid() && ::access(base.c_str(), W_OK) == 0;
    std::string directory = is_own ? base + "/syncline" : default_state_directory();
    create_private_directory(directory);
    return directory;
}

/// "engine-0123456789abcdef" of the lock's path.
std::string stem(const std::string& lock) {
    std::string name = lock.substr(lock.rfind('/') + 1);
    return name.substr(0, name.rfind('.'));
}

}  // namespace

EnginePlace engine_place(const std::string& job_file, const ParseEnvironment& environment) {
    EnginePlace place;
    const std::string state = default_state_directory();
    place.job_file = environment.resolve(absolute_path(job_file, environment.current_directory, environment));
    place.lock = engine_lock_path(state, place.job_file);
    place.socket = runtime_directory(environment) + "/" + stem(place.lock) + ".sock";
    place.log = state + "/" + stem(place.lock) + ".log";
    return place;
}

std::optional<status::ControlClient> find_engine(const EnginePlace& place) {
    // It may have been started with other variables than ours: its lock tells where it listens.
    std::string address = lock_address(place.lock);
    return status::ControlClient::connect(address.empty() ? place.socket : address);
}

}  // namespace syncline::cli
