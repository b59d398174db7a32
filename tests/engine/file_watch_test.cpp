#include "engine/file_watch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "fake_engine.hpp"

using namespace syncline;
using namespace std::chrono_literals;
namespace files = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// Watches a file in a directory of its own and counts what is seen.
struct Watching {
    TemporaryDirectory directory;
    TestLoop loop;
    int changes = 0;
    std::string in(const std::string& name) const { return directory.path() + "/" + name; }

    Task<void> count(std::string path) {
        auto executor = co_await asio::this_coro::executor;
        FileWatch watch(executor, path);
        while (true) {
            auto change = watch.changed();
            co_await std::move(change);
            ++changes;
        }
    }
    void start(const std::string& name) {
        loop.start(count(in(name)));
        loop.settle();
    }
    /// Whether a change comes within a generous time.
    bool sees_change() {
        int before = changes;
        auto give_up = std::chrono::steady_clock::now() + 5s;
        loop.context.restart();
        while (changes == before && std::chrono::steady_clock::now() < give_up) loop.context.run_one_for(5s);
        return changes > before;
    }
    ~Watching() {
        loop.cancel();
        loop.context.restart();
        loop.context.run();
    }
};

}  // namespace

TEST_CASE("a file saved in place, renamed over, removed and made again is noticed each time") {
    Watching watching;
    write(watching.in("jobs.toml"), "1");
    watching.start("jobs.toml");
    write(watching.in("jobs.toml"), "2");
    CHECK(watching.sees_change());
    write(watching.in("new"), "3");
    files::rename(watching.in("new"), watching.in("jobs.toml"));
    CHECK(watching.sees_change());
    files::remove(watching.in("jobs.toml"));
    CHECK(watching.sees_change());
    write(watching.in("jobs.toml"), "4");
    CHECK(watching.sees_change());
    CHECK(watching.changes == 4);
}

TEST_CASE("other files in the directory wake nobody") {
    Watching watching;
    write(watching.in("jobs.toml"), "1");
    watching.start("jobs.toml");
    write(watching.in("other"), "1");
    write(watching.in("jobs.toml"), "2");
    CHECK(watching.sees_change());
    CHECK(watching.changes == 1);
}

TEST_CASE("a symlinked file is followed, also to where it leads later") {
    Watching watching;
    for (auto name : {"one", "two", "etc"}) files::create_directory(watching.in(name));
    write(watching.in("one/jobs.toml"), "1");
    write(watching.in("two/jobs.toml"), "2");
    files::create_symlink("../one/jobs.toml", watching.in("etc/jobs.toml"));
    watching.start("etc/jobs.toml");
    write(watching.in("one/jobs.toml"), "3");
    CHECK(watching.sees_change());
    files::create_symlink("../two/jobs.toml", watching.in("etc/fresh"));
    files::rename(watching.in("etc/fresh"), watching.in("etc/jobs.toml"));
    CHECK(watching.sees_change());
    write(watching.in("two/jobs.toml"), "4");
    CHECK(watching.sees_change());
}

TEST_CASE("a link to a directory on the way may be replaced") {
    Watching watching;
    for (auto name : {"v1", "v2"}) {
        files::create_directory(watching.in(name));
        write(watching.in(std::string(name) + "/jobs.toml"), name);
    }
    files::create_symlink("v1", watching.in("data"));
    files::create_symlink("data/jobs.toml", watching.in("jobs.toml"));
    watching.start("jobs.toml");
    files::create_symlink("v2", watching.in("data.new"));
    files::rename(watching.in("data.new"), watching.in("data"));
    CHECK(watching.sees_change());
}

TEST_CASE("so may a link above the file's own directory") {
    Watching watching;
    for (auto name : {"v1", "v2"}) {
        files::create_directory(watching.in(name));
        write(watching.in(std::string(name) + "/jobs.toml"), name);
    }
    files::create_symlink("v1", watching.in("current"));
    watching.start("current/jobs.toml");
    files::create_symlink("v2", watching.in("current.new"));
    files::rename(watching.in("current.new"), watching.in("current"));
    CHECK(watching.sees_change());
    write(watching.in("v2/jobs.toml"), "more");
    CHECK(watching.sees_change());
}
