// Scripts: a server's scripts in real shells, with the tools of this machine or those of BusyBox, without a connection.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "async/run_task.hpp"
#include "endpoint/ssh_commit.hpp"
#include "endpoint/ssh_root.hpp"
#include "endpoint/ssh_scripts.hpp"
#include "endpoint/ssh_tar.hpp"
#include "fs/temp_tree.hpp"
#include "fs/walk.hpp"

namespace syncline::test {

using namespace std::string_literals;

struct ShellResult {
    std::string output, errors;
    int status = 0;
};

/// A server's shell: which one, and where its commands come from.
struct Shell {
    std::vector<std::string> words;
    std::string path;
};

class Scripts {
  public:
    explicit Scripts(Shell shell) : shell_(std::move(shell)) { tree.make_directory("root"); }

    ShellResult run(const std::string& script, const std::string& input = "") {
        files_.write("in", input);
        files_.write("out", "");
        files_.write("err", "");
        pid_t child = ::fork();
        if (child == 0) {
            ::dup2(::open(files_.path("in").c_str(), O_RDONLY), 0);
            ::dup2(::open(files_.path("out").c_str(), O_WRONLY | O_TRUNC), 1);
            ::dup2(::open(files_.path("err").c_str(), O_WRONLY | O_TRUNC), 2);
            ::setenv("HOME", files_.path().c_str(), 1);
            ::setenv("PATH", shell_.path.c_str(), 1);
            std::vector<std::string> words = shell_.words;
            words.insert(words.end(), {"-c", script});
            std::vector<char*> arguments;
            for (std::string& word : words) arguments.push_back(word.data());
            arguments.push_back(nullptr);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ShellResult result;
        ::waitpid(child, &result.status, 0);
        result.output = files_.read("out");
        result.errors = files_.read("err");
        return result;
    }

    RootReport inspect(std::optional<uint16_t> create_mode = std::nullopt) {
        std::string word = shell_word_of_directory(tree.path("root"));
        ShellResult result = run(inspect_script(word, shell_word_of_directory("~/projects"), create_mode, true));
        std::optional<RootReport> report = read_inspect_output(result.output);
        INFO(result.errors);
        REQUIRE(report);
        return *report;
    }

    Listing list(bool skips_git = false) {
        ServerTools tools = inspect().tools;
        RemoteTree found(request);
        ListingParser parser(listing_format(tools), "MARK", found);
        std::vector<std::string> pruned;
        if (skips_git) pruned.emplace_back(".git");
        ShellResult result = run(list_script(tree.path("root"), tools, "MARK", pruned));
        parser.feed(result.output);
        INFO(result.errors);
        CHECK(parser.is_whole());
        CHECK(parser.root().has_value());
        for (Problem& problem : read_tool_errors(result.errors)) found.add_problem(problem.path, problem.why);
        return found.finish(parser.server_time());
    }

    CommitReport commit(CommitBatch& batch, const std::string& content_directory) {
        fs::Fd root = fs::open_root(content_directory);
        Progress progress;
        WorkerPool workers(1);
        fs::RateLimiter limiter;
        SendQueue queue(batch.sent());
        TransferMeans means(workers, limiter);
        TarContent source({root.get()}, queue, [&] { return conclude(batch); }, means, progress);
        std::string stream;
        auto collect = [&]() -> Task<void> { return collect_all(source, stream); };
        run_task(collect());
        return commit_stream(stream);
    }
    CommitReport commit_stream(const std::string& stream) {
        ServerTools tools = inspect().tools;
        StageRef stage{".syncline-tmp-0123456789abcdef", ""};
        std::string script = commit_script({tree.path("root"), 0}, stage, {"token", "who"}, tools, "MARK");
        ShellResult result = run(script, stream);
        last_errors = result.errors;
        return read_commit_output(result.output, "MARK");
    }

    TempTree tree;
    ListRequest request;
    std::string last_errors;

  private:
    static Task<std::vector<TarContent::ControlFile>> conclude(CommitBatch& batch) { co_return batch.conclude(); }
    static Task<void> collect_all(TarContent& source, std::string& stream) {
        while (true) {
            std::string_view piece = co_await source.next();
            if (piece.empty()) co_return;
            stream += piece;
        }
    }

    Shell shell_;
    TempTree files_;
};

/// A directory with BusyBox's applets, and Perl where `with_perl` says so.
inline std::string busybox_path(const TempTree& directory, bool with_perl) {
    for (const char* applet : {"sh", "find", "stat", "xargs", "tar", "sha256sum", "readlink", "sed", "cat", "rm",
                               "mkdir", "ls", "env", "date", "printf", "echo", "df", "sync"}) {
        std::filesystem::create_symlink("/usr/bin/busybox", directory.path(applet));
    }
    if (with_perl) std::filesystem::create_symlink("/usr/bin/perl", directory.path("perl"));
    return directory.path();
}

inline bool has_busybox() { return std::filesystem::exists("/usr/bin/busybox"); }

inline const Shell debian{{"/bin/sh"}, "/usr/bin:/bin"};
inline const Shell bash{{"/bin/bash"}, "/usr/bin:/bin"};

inline std::string strange_name() { return "a\nb'\"$(x)\\ \xff*"; }

inline void fill(TempTree& tree) {
    tree.make_directory("root/empty");
    tree.write("root/b/file", "content");
    tree.write("root/b/" + strange_name(), "strange");
    tree.write("root/-dash", "dash");
    tree.link("root/link", "b/file\n");
    tree.make_fifo("root/pipe");
}

inline std::string paths(const Listing& listing) {
    std::string text;
    for (const Entry& entry : listing.tree.entries()) text += std::string(listing.tree.path(entry)) + "|";
    return text;
}

}  // namespace syncline::test
