// Holds our reading of ignore files to git's own, on thousands of random trees. SYNCLINE_SEED=N replays one of them,
// SYNCLINE_TREES=N sets how many are tried.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/filter.hpp"
#include "fs/ignore_files.hpp"
#include "ignore_world.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

/// The rule that decides on a path, or on the first directory above it that is ignored.
struct Answer {
    std::string line;  ///< "" when no rule says anything
    std::string text;

    bool ignored() const { return !line.empty() && !text.starts_with('!'); }
    bool operator==(const Answer&) const = default;
};

std::string show(const Answer& answer) {
    return answer.line.empty() ? "no rule" : "line " + answer.line + " '" + escape(answer.text) + "'";
}

/// Runs git check-ignore in `directory`, once for all paths.
std::vector<Answer> ask_git(const IgnoreWorld& world, const std::string& directory,
                            const std::vector<std::string>& paths) {
    std::string question = world.scratch("question"), reply = world.scratch("reply");
    {
        std::ofstream file(question, std::ios::binary);
        for (const std::string& path : paths) file << path << '\0';
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, question.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, reply.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const char* arguments[] = {"git", "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n", nullptr};
    pid_t pid = -1;
    int failed = ::posix_spawnp(&pid, "git", &actions, nullptr, const_cast<char**>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    REQUIRE(failed == 0);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) <= 1);

    std::ifstream file(reply, std::ios::binary);
    std::vector<Answer> answers;
    std::string source, line, text, path;
    while (std::getline(file, source, '\0') && std::getline(file, line, '\0') && std::getline(file, text, '\0') &&
           std::getline(file, path, '\0')) {
        REQUIRE(path == paths.at(answers.size()));
        answers.push_back({line, text});
    }
    REQUIRE(answers.size() == paths.size());
    return answers;
}

using Answers = std::map<std::string, Answer, PathLess>;

/// What git says of all entries, each asked in the repository that it lies in.
Answers git_answers(const IgnoreWorld& world) {
    std::map<std::string, std::vector<std::string>> paths_of;
    for (const auto& entry : world.entries()) {
        std::string innermost;
        for (const std::string& repository : world.repositories()) {
            bool holds = repository != entry.path && is_at_or_below(entry.path, repository);
            if (holds && repository.size() >= innermost.size()) innermost = repository;
        }
        paths_of[innermost].push_back(entry.path);
    }
    Answers answers;
    for (const std::string& repository : world.repositories()) {
        const std::vector<std::string>& paths = paths_of[repository];
        // git does not go into an ignored directory, be it a repository or not.
        bool is_ignored = !repository.empty() && answers.at(repository).ignored();
        std::vector<std::string> relative;
        for (const std::string& path : paths) {
            relative.push_back(repository.empty() ? path : path.substr(repository.size() + 1));
            if (is_ignored) answers[path] = answers.at(repository);
        }
        if (is_ignored || paths.empty()) continue;
        std::vector<Answer> said = ask_git(world, world.top() + (repository.empty() ? "" : "/" + repository), relative);
        for (size_t i = 0; i < paths.size(); ++i) answers[paths[i]] = said[i];
    }
    return answers;
}

std::string from_root(const std::string& path, const std::string& root) {
    return root.empty() ? path : path.substr(root.size() + 1);
}

/// What we say of the entries below the root.
Answers our_answers(const IgnoreWorld& world, fs::IgnoreFiles& files) {
    Answers answers;
    for (const auto& entry : world.entries()) {
        if (entry.path == world.root() || !is_at_or_below(entry.path, world.root())) continue;
        std::string path = from_root(entry.path, world.root());
        auto parent = answers.find(parent_path(entry.path));
        if (parent != answers.end() && parent->second.ignored()) {
            answers[entry.path] = parent->second;
            continue;
        }
        IgnoreMatch match = find_ignore_rule(files.chain_for(parent_path(path)), path, entry.is_directory);
        Answer& answer = answers[entry.path];
        if (match.rule != nullptr) answer = {std::to_string(match.rule->line), match.rule->text};
    }
    return answers;
}

/// The first difference, "" when there is none.
std::string compare(const IgnoreWorld& world) {
    Answers theirs = git_answers(world);
    // Who names an ignored directory as the root wants what is in it; git has no such way to ask.
    if (!world.root().empty() && theirs.at(world.root()).ignored()) return "";
    fs::IgnoreFiles files(world.top() + "/" + world.root(), {".gitignore"});
    Answers ours = our_answers(world, files);
    Filter filter;
    for (const auto& entry : world.entries()) {
        auto our = ours.find(entry.path);
        if (our == ours.end()) continue;
        const Answer& their = theirs.at(entry.path);
        if (our->second != their)
            return escape(entry.path) + ": git says " + show(their) + ", we say " + show(our->second);
        Verdict verdict = filter.explain(files, from_root(entry.path, world.root()), entry.is_directory);
        bool selected = verdict.choice == Verdict::Choice::selected;
        if (selected == their.ignored())
            return escape(entry.path) + ": the filter explains it otherwise: " + verdict.because;
    }
    return files.problems().empty() ? "" : "problem with " + files.problems()[0].path + ": " + files.problems()[0].why;
}

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("on random trees and patterns we ignore what git ignores, by the same rule") {
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    uint64_t first = number_from("SYNCLINE_SEED", 1);
    uint64_t count = number_from("SYNCLINE_TREES", std::getenv("SYNCLINE_SEED") != nullptr ? 1 : 2000);
    // The trees are many and small: in memory they cost next to nothing, on a busy disk minutes.
    if (std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
    for (uint64_t seed = first; seed < first + count; ++seed) {
        IgnoreWorld world(seed);
        std::string difference = compare(world);
        INFO("replay with SYNCLINE_SEED=" << seed << "; root: \"" << escape(world.root()) << "\"; ignore files:\n"
                                          << world.description());
        CHECK(difference == "");
        if (!difference.empty()) break;
    }
}
