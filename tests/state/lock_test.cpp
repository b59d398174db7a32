#include "state/lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "fixture.hpp"

using namespace syncline;

namespace {

/// A child that holds the lock until it is told to end.
class Holder {
  public:
    explicit Holder(const std::string& path) {
        int ready[2], end[2];
        REQUIRE(::pipe(ready) == 0);
        REQUIRE(::pipe(end) == 0);
        pid_ = start_child([&] {
            ::close(end[1]);
            std::string holder;
            std::optional<FileLock> lock = FileLock::try_acquire(path, holder);
            if (!lock || ::write(ready[1], "x", 1) != 1) return 1;
            char byte;
            return ::read(end[0], &byte, 1) == 0 ? 0 : 1;
        });
        ::close(ready[1]), ::close(end[0]);
        char byte;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        ::close(ready[0]);
        end_ = end[1];
    }
    pid_t pid() const { return pid_; }
    int end() {
        ::close(end_);
        return wait_for(pid_);
    }
    int kill() {
        ::kill(pid_, SIGKILL);
        ::close(end_);
        return wait_for(pid_);
    }

  private:
    pid_t pid_ = 0;
    int end_ = -1;
};

bool can_lock(const std::string& path) {
    std::string holder;
    return FileLock::try_acquire(path, holder).has_value();
}

}  // namespace

TEST_CASE("a lock that another process holds is refused with its PID") {
    TempDirectory temp;
    const std::string path = temp / "state/locks/job-1.lock";
    Holder child(path);
    std::string holder;
    CHECK_FALSE(FileLock::try_acquire(path, holder));
    CHECK(holder == std::to_string(child.pid()));
    CHECK(child.end() == 0);
    CHECK(can_lock(path));
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    REQUIRE(::stat((temp / "state/locks").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
}

TEST_CASE("a lock dies with its holder, whatever the file says") {
    TempDirectory temp;
    const std::string path = temp / "a.lock";
    Holder child(path);
    CHECK(child.kill() == -SIGKILL);
    CHECK(can_lock(path));
    // A PID that lives, but does not hold the lock.
    std::ofstream(path) << ::getpid() << "\n";
    CHECK(can_lock(path));
    std::ofstream(path) << "garbage \x01 that is longer than any number could ever be, by far";
    CHECK(can_lock(path));
}

TEST_CASE("one process cannot hold a lock twice") {
    TempDirectory temp;
    std::string holder;
    std::optional<FileLock> first = FileLock::try_acquire(temp / "a.lock", holder);
    REQUIRE(first);
    CHECK_FALSE(can_lock(temp / "a.lock"));
    CHECK(can_lock(temp / "b.lock"));
    FileLock moved = std::move(*first);
    first.reset();
    CHECK_FALSE(can_lock(temp / "a.lock"));
    {
        FileLock gone = std::move(moved);
    }
    CHECK(can_lock(temp / "a.lock"));
}

TEST_CASE("a program that is started does not inherit the lock") {
    TempDirectory temp;
    const std::string path = temp / "a.lock";
    std::string holder;
    std::optional<FileLock> lock = FileLock::try_acquire(path, holder);
    REQUIRE(lock);
    int end[2], started[2];
    REQUIRE(::pipe(end) == 0);
    REQUIRE(::pipe(started) == 0);
    ::fcntl(end[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = start_child([&] {
        ::dup2(end[0], 0);
        ::dup2(started[1], 1);
        ::execlp("sh", "sh", "-c", "echo; cat", static_cast<char*>(nullptr));
        return 1;
    });
    char byte;
    REQUIRE(::read(started[0], &byte, 1) == 1);
    lock.reset();
    CHECK(can_lock(path));
    ::close(end[1]), ::close(end[0]), ::close(started[0]), ::close(started[1]);
    CHECK(wait_for(pid) == 0);
}

TEST_CASE("of many that try at once, one holds the lock at a time") {
    TempDirectory temp;
    const std::string path = temp / "a.lock", proof = temp / "proof";
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        children.push_back(start_child([&] {
            for (int round = 0; round < 100; ++round) {
                FileLock lock = FileLock::acquire(path, std::chrono::seconds(60));
                int fd = ::open(proof.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
                if (fd < 0) return 1;
                ::close(fd);
                ::unlink(proof.c_str());
            }
            return 0;
        }));
    }
    for (pid_t child : children) CHECK(wait_for(child) == 0);
}

TEST_CASE("waiting for a lock ends, and says who holds it") {
    TempDirectory temp;
    Holder child(temp / "a.lock");
    try {
        FileLock::acquire(temp / "a.lock", Duration(5));
        FAIL("acquired");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::state);
        CHECK(std::string(error.what()).find(std::to_string(child.pid())) != std::string::npos);
    }
    child.end();
}

TEST_CASE("a lock file that cannot be made is an error with its path") {
    TempDirectory temp;
    std::ofstream(temp / "file") << "x";
    std::filesystem::create_directory(temp / "directory.lock");
    std::filesystem::create_symlink(temp / "file", temp / "link.lock");
    for (const char* name : {"file/a.lock", "directory.lock", "link.lock"}) {
        std::string holder;
        try {
            FileLock::try_acquire(temp / name, holder);
            FAIL("acquired " << name);
        } catch (const Error& error) {
            CHECK(error.code() == Errc::state);
            CHECK(std::string(error.what()).find(temp.path()) != std::string::npos);
        }
    }
}

TEST_CASE("lock names tell jobs and engines apart, but not a push from a pull") {
    const PairKey key{"/a", "local:/b", Direction::push};
    const std::string path = job_lock_path("/s", key);
    CHECK(path == job_lock_path("/s", key));
    CHECK(path == job_lock_path("/s", {"/a", "local:/b", Direction::pull}));
    CHECK(path != job_lock_path("/s", {"/alocal:/", "b", Direction::push}));
    CHECK(path != job_lock_path("/s", {"/b", "local:/b", Direction::push}));
    CHECK(path.starts_with("/s/locks/job-"));
    CHECK(engine_lock_path("/s", "/a").starts_with("/s/locks/engine-"));
    CHECK(engine_lock_path("/s", "/a") != engine_lock_path("/s", "/b"));
}
