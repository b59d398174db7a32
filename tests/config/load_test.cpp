#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

ParseEnvironment environment_at(const std::string& directory, std::map<std::string, std::string> variables = {}) {
    ParseEnvironment environment = make_environment(std::move(variables));
    environment.current_directory = directory;
    environment.home = directory + "/home";
    return environment;
}

std::string load_error(const std::string& path, const ParseEnvironment& environment) {
    ParseOutcome outcome = load_job_file(path, environment);
    CHECK_FALSE(outcome.file);
    return joined(outcome.errors);
}

}  // namespace

TEST_CASE("a job file is named as the user would name it") {
    TempDirectory temp;
    temp.write("sub/jobs.toml", "version = 2\n");
    CHECK(load_error("sub/jobs.toml", environment_at(temp.path())).starts_with("sub/jobs.toml:1:11: "));
    CHECK(load_error("jobs.toml", environment_at(temp / "sub")).starts_with("jobs.toml:1:11: "));
    CHECK(load_error("../sub/jobs.toml", environment_at(temp / "home")).starts_with(temp / "sub/jobs.toml:1:11: "));
}

TEST_CASE("what is no job file is refused with the reason") {
    TempDirectory temp;
    ParseEnvironment environment = environment_at(temp.path());
    CHECK(load_error("none.toml", environment) ==
          "none.toml: the job file cannot be opened: No such file or directory; `syncline init` writes a new one");
    CHECK(load_error(".", environment).find("is a directory, not a job file") != std::string::npos);
    REQUIRE(::mkfifo((temp / "fifo").c_str(), 0600) == 0);
    CHECK(load_error("fifo", environment) == "fifo: the job file is not a regular file");
    temp.write("large.toml", std::string((4 << 20) + 1, '\n'));
    CHECK(load_error("large.toml", environment) ==
          "large.toml: the job file is larger than 4 MiB, which no job file is");
    temp.write("full.toml", "version = 1\n" + std::string((4 << 20) - 12, '\n'));
    CHECK(load_job_file("full.toml", environment).file);
}

TEST_CASE("the digest is that of the bytes") {
    TempDirectory temp;
    temp.write("jobs.toml", "version = 1\n");
    ParseOutcome outcome = load_job_file("jobs.toml", environment_at(temp.path()));
    REQUIRE(outcome.file);
    CHECK(outcome.file->path == temp / "jobs.toml");
    CHECK(outcome.file->sha256 == "dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1");
}

TEST_CASE("a literal password needs a file of its user alone") {
    TempDirectory temp;
    ParseEnvironment environment = environment_at(temp.path());
    std::string file = temp.write("jobs.toml", "version = 1\n[hosts.h]\npassword = \"hunter2\"\n");
    ::chmod(file.c_str(), 0600);
    CHECK(load_job_file("jobs.toml", environment).file);
    ::chmod(file.c_str(), 0640);
    std::string error = load_error("jobs.toml", environment);
    CHECK(error.starts_with("jobs.toml:3:1: [hosts.h] holds a password, but the file is not yours alone: `chmod 600 "));
    CHECK(error.find("hunter2") == std::string::npos);
    ::chmod(file.c_str(), 0600);
    if (::geteuid() == 0 && ::chown(file.c_str(), 12345, 12345) == 0) load_error("jobs.toml", environment);

    std::string open = temp.write("env.toml", "version = 1\n[hosts.h]\npassword = { env = \"X\" }\n");
    ::chmod(open.c_str(), 0644);
    CHECK(load_job_file("env.toml", environment).file);
}

TEST_CASE("the nearest job file is found, then the user's own") {
    TempDirectory temp;
    ParseEnvironment environment = environment_at(temp.path());
    std::filesystem::create_directories(temp / "a/b/c");
    std::filesystem::create_directories(temp / "a/b/jobs.toml");  // a directory is none
    CHECK(find_job_file(temp / "a/b/c", environment) == std::nullopt);

    std::string own = temp.write("home/.config/syncline/jobs.toml", "");
    CHECK(find_job_file(temp / "a/b/c", environment) == own);
    std::string xdg = temp.write("xdg/syncline/jobs.toml", "");
    CHECK(find_job_file(temp / "a/b/c", environment_at(temp.path(), {{"XDG_CONFIG_HOME", temp / "xdg"}})) == xdg);
    CHECK(find_job_file(temp / "a/b/c", environment_at(temp.path(), {{"XDG_CONFIG_HOME", "xdg"}})) == own);

    std::string above = temp.write("a/jobs.toml", "");
    CHECK(find_job_file(temp / "a/b/c", environment) == above);
    std::string here = temp.write("a/b/c/jobs.toml", "");
    CHECK(find_job_file(temp / "a/b/c", environment) == here);
}

TEST_CASE("a found job file must be its user's, and nobody else's to write") {
    TempDirectory temp;
    ParseEnvironment environment = environment_at(temp.path());
    std::string file = temp.write("jobs.toml", "version = 1\n");
    ::chmod(file.c_str(), 0644);
    CHECK_FALSE(check_found_job_file(file, environment));
    for (mode_t mode : {0664, 0646, 0666}) {
        ::chmod(file.c_str(), mode);
        REQUIRE(check_found_job_file(file, environment));
        CHECK(check_found_job_file(file, environment)
                  ->text()
                  .starts_with("jobs.toml: the job file was found here, but it can be written by"));
    }
    ::chmod(file.c_str(), 0644);
    if (::geteuid() == 0 && ::chown(file.c_str(), 12345, 12345) == 0) {
        CHECK(check_found_job_file(file, environment).value().message.find("belongs to another user (uid 12345)") !=
              std::string::npos);
    }
    CHECK(check_found_job_file(temp / "none", environment));
}
