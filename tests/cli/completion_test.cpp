#include "cli/completion.hpp"

#include <sys/wait.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/command_line.hpp"
#include "reports.hpp"

using namespace syncline::cli;

namespace {

std::string committed(const std::string& name) {
    std::ifstream in(std::string(SYNCLINE_COMPLETIONS) + "/" + name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

bool has_program(const std::string& name) {
    return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

/// Whether `shell -n` takes the script.
bool is_valid(const std::string& shell, const std::string& script) {
    std::FILE* pipe = ::popen((shell + " -n /dev/stdin").c_str(), "w");
    REQUIRE(pipe != nullptr);
    std::fwrite(script.data(), 1, script.size(), pipe);
    return ::pclose(pipe) == 0;
}

struct Case {
    Shell shell;
    const char* name;
    const char* file;
};
constexpr Case cases[] = {
    {Shell::bash, "bash", "syncline.bash"}, {Shell::zsh, "zsh", "_syncline"}, {Shell::fish, "fish", "syncline.fish"}};

}  // namespace

TEST_CASE("the scripts know every command that is built, and its options") {
    for (const Case& each : cases) {
        std::string script = completion_script(each.shell);
        CHECK(shell_of(each.name) == each.shell);
        for (const CommandSpec& command : command_table()) {
            if (!command.is_built) continue;
            CHECK(contains(script, command.name));
            for (std::string_view option : command.options)
                CHECK((option_spec(option).hidden || contains(script, option)));
        }
    }
    CHECK_FALSE(shell_of("tcsh"));
}

TEST_CASE("the installed scripts are the ones that `syncline completion` prints") {
    for (const Case& each : cases) {
        INFO("after a change of the tables: syncline completion " << each.name << " > completions/" << each.file);
        CHECK(committed(each.file) == completion_script(each.shell));
    }
}

TEST_CASE("the shells accept their scripts") {
    for (const Case& each : cases) {
        if (has_program(each.name)) CHECK(is_valid(each.name, completion_script(each.shell)));
    }
}
