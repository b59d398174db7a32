#include "async/inotify.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace syncline {
namespace {

class Directory {
  public:
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "syncline-inotify-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    const std::string& path() const { return path_; }
    void write(const std::string& name) const { std::ofstream(path_ + "/" + name) << "x"; }

  private:
    std::string path_;
};

size_t instances() {
    size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        if (std::filesystem::read_symlink(each.path(), error).string() == "anon_inode:inotify") ++count;
    }
    return count;
}

TEST_CASE("All inboxes share one instance, and each is told of what it watches by its own mask") {
    Directory one, other;
    {
        InotifyInbox a, b, c;
        CHECK(instances() == 1);
        int of_a = a.watch(one.path(), IN_CREATE);
        int of_b = b.watch(one.path(), IN_CREATE | IN_CLOSE_WRITE);
        CHECK(of_a == of_b);
        c.watch(other.path(), IN_CREATE);
        one.write("file");
        CHECK(a.take() == std::vector<InotifyEvent>{{of_a, IN_CREATE, "file"}});
        CHECK(b.take() == std::vector<InotifyEvent>{{of_b, IN_CREATE, "file"}, {of_b, IN_CLOSE_WRITE, "file"}});
        CHECK(c.take().empty());

        a.forget(of_a);
        one.write("more");
        CHECK(a.take().empty());
        CHECK(b.take().size() == 2);
        b.forget(of_b);
        CHECK(b.take().empty());
        CHECK(c.watch("/nowhere", IN_CREATE) == -1);
    }
    CHECK(instances() == 0);
}

TEST_CASE("Who watches is told without asking, and again after it took what came") {
    Directory directory;
    std::atomic<int> told = 0;
    InotifyInbox inbox([&] { ++told; });
    inbox.watch(directory.path(), IN_CREATE);
    auto wait_for = [&](int count) {
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (told < count && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        return told == count;
    };
    directory.write("a");
    CHECK(wait_for(1));
    CHECK(inbox.take().size() == 1);
    directory.write("b");
    CHECK(wait_for(2));
}

TEST_CASE("Writes without end to one file are one event, and an inbox that nobody empties has an end") {
    Directory directory;
    InotifyInbox inbox;
    inbox.watch(directory.path(), IN_MODIFY | IN_CREATE | IN_DELETE);
    int fd = ::open((directory.path() + "/log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (int i = 0; i < 10'000; ++i) REQUIRE(::write(fd, "x", 1) == 1);
    ::close(fd);
    CHECK(inbox.take().size() == 2);
    for (size_t i = 0; i < InotifyInbox::most_events; ++i) {
        std::string path = directory.path() + "/f" + std::to_string(i % 10);
        ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        ::unlink(path.c_str());
    }
    bool was_lost = false;
    auto events = inbox.take();
    for (const InotifyEvent& event : events) was_lost |= (event.mask & IN_Q_OVERFLOW) != 0;
    CHECK(was_lost);
    CHECK(events.size() <= InotifyInbox::most_events);
}

}  // namespace
}  // namespace syncline
