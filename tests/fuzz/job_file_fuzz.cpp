// libFuzzer target: any bytes are a job file or yield diagnostics. Build with -Dfuzz=true and clang; jobs.example.toml
// makes a good first input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/parse.hpp"
#include "config/reach.hpp"

namespace {

syncline::ParseEnvironment environment_without_files() {
    syncline::ParseEnvironment environment;
    environment.home = "/home/user";
    environment.current_directory = "/project";
    environment.variable = [](const std::string& name) { return std::optional<std::string>(name); };
    environment.resolve = [](const std::string& path) { return path; };
    return environment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const syncline::ParseEnvironment environment = environment_without_files();
    std::string_view text(reinterpret_cast<const char*>(data), size);
    syncline::ParseOutcome outcome = syncline::parse_job_file(text, "/project/jobs.toml", environment);
    if (outcome.file.has_value() != outcome.errors.empty()) std::abort();
    for (const syncline::Diagnostic& error : outcome.errors) {
        if (error.line < 1 || error.text().empty()) std::abort();
    }
    if (outcome.file) {
        syncline::untrusted_reach(*outcome.file, environment);
    }
    return 0;
}
