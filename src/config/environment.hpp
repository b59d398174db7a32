// What the job file's meaning depends on beside its text: home, variables, the working directory, and where symlinks
// lead. Injected, so that tests need neither the user's home nor the process's environment. Immutable; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace syncline {

struct ParseEnvironment {
    std::string home;               ///< absolute; "" when unknown, which makes every `~` an error
    std::string current_directory;  ///< absolute
    std::function<std::optional<std::string>(const std::string& name)> variable;
    /// The physical path of an absolute path whose end need not exist (resolve_symlinks, unless a test says otherwise).
    std::function<std::string(const std::string& path)> resolve;

    /// That of this process.
    static ParseEnvironment of_process();
};

}  // namespace syncline
