// SFTP against OpenSSH's own server.
#include "ssh/sftp.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>

#include "async/deadline.hpp"
#include "async/nursery.hpp"
#include "large_data.hpp"
#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

SftpAttributes with_mode(uint32_t mode) {
    SftpAttributes attributes;
    attributes.mode = mode;
    return attributes;
}

TEST_CASE("directories, files and links are made, seen, renamed and removed", "[ssh]") {
    SshServer server({"ForceCommand internal-sftp"});
    TemporaryDirectory target;
    auto root = target.path().string();
    auto work = [&](Sftp& sftp) -> Task<void> {
        CHECK(sftp.has_posix_rename());
        CHECK(sftp.has_fsync());
        auto made = co_await sftp.mkdir(root + "/d", 0700);
        CHECK(made.ok());
        auto again = co_await sftp.mkdir(root + "/d", 0700);
        CHECK_FALSE(again.ok());
        CHECK((std::filesystem::status(root + "/d").permissions() & std::filesystem::perms::mask) ==
              std::filesystem::perms(0700));
        auto mode = with_mode(0600);
        constexpr uint32_t flags = sftp_open::write | sftp_open::create | sftp_open::exclusive;
        auto opened = co_await sftp.open(root + "/d/new", flags, mode);
        CHECK(opened.ok());
        auto written = co_await sftp.write(opened.value, 0, "hello");
        CHECK(written.ok());
        auto synced = co_await sftp.fsync(opened.value);
        CHECK(synced.ok());
        auto closed = co_await sftp.close(opened.value);
        CHECK(closed.ok());
        write_file(root + "/d/old", "old content");
        auto renamed = co_await sftp.rename(root + "/d/new", root + "/d/old");
        CHECK(renamed.ok());
        CHECK(read_file(root + "/d/old") == "hello");
        auto linked = co_await sftp.symlink(root + "/d/link", "old");
        CHECK(linked.ok());
        auto link = co_await sftp.readlink(root + "/d/link");
        CHECK(link.value == "old");
        auto seen = co_await sftp.lstat(root + "/d/link");
        CHECK(seen.value.is_symlink());
        auto missing = co_await sftp.lstat(root + "/none");
        CHECK(missing.status.not_found());
        auto space = co_await sftp.statvfs(root);
        CHECK(space.ok());
        CHECK(space.value.total_bytes > space.value.available_bytes / 2);
        auto listing = co_await sftp.list_directory(root + "/d", 100);
        CHECK(listing.ok());
        CHECK(listing.value.size() == 2);
        auto full = co_await sftp.rmdir(root + "/d");
        CHECK_FALSE(full.ok());
        co_await sftp.remove(root + "/d/link");
        co_await sftp.remove(root + "/d/old");
        auto empty = co_await sftp.rmdir(root + "/d");
        CHECK(empty.ok());
    };
    with_sftp(server.settings(), work);
}

TEST_CASE("names of any bytes are listed, thousands of them", "[ssh]") {
    SshServer server;
    TemporaryDirectory target;
    std::set<std::string> names;
    for (int i = 1; i < 256; ++i) {
        if (i != '/') names.insert(std::string("x") + static_cast<char>(i));
    }
    for (int i = 0; i < 3000; ++i) names.insert(std::string(100, 'n') + std::to_string(i));
    for (const auto& name : names) write_file(target.path() / name, "");
    std::set<std::string> listed;
    auto work = [&](Sftp& sftp) -> Task<void> {
        auto listing = co_await sftp.list_directory(target.path().string(), 10'000);
        CHECK(listing.ok());
        for (const auto& entry : listing.value) listed.insert(entry.name);
        auto missing = co_await sftp.list_directory(target.path().string() + "/none", 10);
        CHECK(missing.status.not_found());
    };
    with_sftp(server.settings(), work);
    CHECK(listed == names);
}

Task<void> upload(Sftp& sftp, std::string path, PatternInput& input, uint64_t size) {
    constexpr uint32_t flags = sftp_open::write | sftp_open::create | sftp_open::truncate;
    auto mode = with_mode(0600);
    auto opened = co_await sftp.open(path, flags, mode);
    auto writing = sftp.write_range(opened.value, 0, input);
    auto written = co_await std::move(writing);
    CHECK(written.ok());
    CHECK(written.value == size);
    co_await sftp.close(opened.value);
}

Task<void> download(Sftp& sftp, std::string path, DigestSink& output, uint64_t size) {
    auto none = SftpAttributes();
    auto opened = co_await sftp.open(path, sftp_open::read, none);
    auto reading = sftp.read_range(opened.value, 0, size, output);
    auto read = co_await std::move(reading);
    CHECK(read.ok());
    co_await sftp.close(opened.value);
}

TEST_CASE("100 MB go up and down and arrive whole", "[ssh]") {
    SshServer server;
    TemporaryDirectory target;
    auto path = (target.path() / "large").string();
    constexpr uint64_t size = 100'000'123;
    auto work = [&](Sftp& sftp) -> Task<void> {
        PatternInput input(size);
        co_await upload(sftp, path, input, size);
        DigestSink output;
        co_await download(sftp, path, output, size);
        CHECK(output.size() == size);
        CHECK(output.digest() == input.digest());
        DigestSink whole;
        co_await download(sftp, path, whole, UINT64_MAX);
        CHECK(whole.size() == size);
        CHECK(sftp.usable());
        auto still = co_await sftp.lstat(path);
        CHECK(still.value.size == size);
    };
    with_sftp(server.settings(), work);
}

Task<void> write_small(Sftp& sftp, Semaphore& places, std::string path) {
    auto place = places.acquire();
    auto permit = co_await std::move(place);
    constexpr uint32_t flags = sftp_open::write | sftp_open::create | sftp_open::exclusive;
    auto mode = with_mode(0600);
    auto opened = co_await sftp.open(path, flags, mode);
    auto writing = sftp.write(opened.value, 0, path);
    auto written = co_await std::move(writing);
    CHECK((opened.ok() && written.ok()));
    co_await sftp.close(opened.value);
}

TEST_CASE("many small files are written at a time over one channel", "[ssh]") {
    SshServer server;
    TemporaryDirectory target;
    auto work = [&](Sftp& sftp) -> Task<void> {
        auto executor = co_await asio::this_coro::executor;
        Semaphore places(executor, 64);
        auto spawn_all = [&](Nursery& nursery) {
            for (int i = 1; i < 2000; ++i)
                nursery.spawn(write_small(sftp, places, (target.path() / std::to_string(i)).string()));
            return write_small(sftp, places, (target.path() / "0").string());
        };
        co_await with_nursery(spawn_all);
    };
    with_sftp(server.settings(), work);
    for (int i = 0; i < 2000; ++i) {
        auto path = (target.path() / std::to_string(i)).string();
        REQUIRE(read_file(path) == path);
    }
}

/// Looks at what is there, and then gives up what runs in `others`, in one go.
Task<void> look_and_cancel(Sftp& sftp, Nursery& others) {
    auto seen = co_await sftp.lstat("/");
    CHECK(seen.ok());
    others.cancel();
}

Task<void> open_for_reading(Sftp& sftp, std::string path) {
    auto opened = co_await sftp.open(std::move(path), sftp_open::read, {});
    CHECK_FALSE(opened.ok());  // it is cancelled before the answer comes
}

Task<void> look(Sftp& sftp, bool& was_seen) {
    auto seen = co_await sftp.lstat("/");
    was_seen = seen.ok();
}

Task<void> nothing() { co_return; }

/// Three requests wait: one that is answered at once and then cancels the second, which the server is stuck with, and a
/// third. The server goes on when the second has given up.
Task<void> look_behind_cancelled(Sftp& sftp, const std::string& fifo, int& writer, bool& was_seen, Nursery& all) {
    auto ask = [&](Nursery& others) {
        all.spawn(look_and_cancel(sftp, others));
        others.spawn(open_for_reading(sftp, fifo));
        all.spawn(look(sftp, was_seen));
        return nothing();
    };
    co_await with_nursery(ask);
    writer = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);  // sets the server free, now or when it comes to it
    CHECK(writer >= 0);
}

TEST_CASE("who waits for an answer gets it, though the one who was to read it is cancelled", "[ssh]") {
    SshServer server;
    TemporaryDirectory target;
    auto fifo = (target.path() / "fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    auto work = [&](Sftp& sftp) -> Task<void> {
        bool was_seen = false;
        int writer = -1;
        auto body = [&](Nursery& all) { return look_behind_cancelled(sftp, fifo, writer, was_seen, all); };
        auto limited =
            with_deadline(with_nursery(body), std::chrono::seconds(30), "looking behind a cancelled request");
        co_await std::move(limited);
        ::close(writer);
        CHECK(was_seen);
    };
    with_sftp(server.settings(), work);
}

TEST_CASE("a server without sftp, and one whose shell speaks first, are named", "[ssh]") {
    SshServer without({"Subsystem sftp /nonexistent/sftp-server"});
    SshServer noisy({"Subsystem sftp echo hello from the profile; cat"});
    auto nothing = [](Sftp&) -> Task<void> { co_return; };
    try {
        with_sftp(without.settings(), nothing);
        FAIL("nothing was thrown");
    } catch (const SshError& error) {
        CHECK(error.failure() == Failure::no_sftp);
    }
    CHECK_THROWS_WITH(with_sftp(noisy.settings(), nothing),
                      ContainsSubstring("does not speak SFTP") && ContainsSubstring("hello from the profile"));
}

}  // namespace
}  // namespace syncline::ssh
