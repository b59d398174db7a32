// Throughput against a real sshd on loopback; run by hand: ssh_test '[bench]'.
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdio>

#include "async/nursery.hpp"
#include "base/text.hpp"
#include "large_data.hpp"
#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

class Sink final : public OutputSink {
  public:
    Task<void> take(std::string_view) override { co_return; }
};

class Zeros final : public InputSource {
  public:
    explicit Zeros(uint64_t size) : left_(size), piece_(256 * 1024, '\0') {}
    Task<std::string_view> next() override {
        auto bytes = std::string_view(piece_).substr(0, static_cast<size_t>(std::min<uint64_t>(left_, piece_.size())));
        left_ -= bytes.size();
        co_return bytes;
    }

  private:
    uint64_t left_;
    std::string piece_;
};

class Stopwatch {
  public:
    void lap(const char* what) {
        auto now = std::chrono::steady_clock::now();
        std::printf("%-40s %.2f s\n", what, std::chrono::duration<double>(now - began_).count());
        began_ = std::chrono::steady_clock::now();
    }

  private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

constexpr uint64_t gib = 1024 * 1024 * 1024;

Task<void> transfer(Session& session, std::string directory) {
    std::printf("%s\n", session.algorithms().c_str());
    Stopwatch watch;
    StringInput nothing("");
    Sink sink;
    Zeros up(gib);
    ScriptLimits limits;
    auto uploading = run_script(session, "cat >" + sh_quote(directory + "/a"), up, sink, limits);
    co_await std::move(uploading);
    watch.lap("1 GiB up by exec");
    auto downloading = run_script(session, "cat " + sh_quote(directory + "/a"), nothing, sink, limits);
    co_await std::move(downloading);
    watch.lap("1 GiB down by exec");
    auto sftp = co_await Sftp::start(session);
    watch.lap("sftp start");
    SftpAttributes none;
    auto target = co_await sftp->open(directory + "/b", sftp_open::write | sftp_open::create, none);
    Zeros again(gib);
    auto writing = sftp->write_range(target.value, 0, again);
    co_await std::move(writing);
    watch.lap("1 GiB up by sftp");
    auto source = co_await sftp->open(directory + "/a", sftp_open::read, none);
    auto reading = sftp->read_range(source.value, 0, gib, sink);
    co_await std::move(reading);
    watch.lap("1 GiB down by sftp");
}

Task<void> write_small(Sftp& sftp, Semaphore& places, std::string path) {
    auto place = places.acquire();
    auto permit = co_await std::move(place);
    SftpAttributes none;
    auto opened = co_await sftp.open(path, sftp_open::write | sftp_open::create, none);
    std::string content(4096, 'x');
    auto writing = sftp.write(opened.value, 0, content);
    co_await std::move(writing);
    co_await sftp.close(opened.value);
}

Task<void> small_files(Sftp& sftp, std::string directory) {
    auto executor = co_await asio::this_coro::executor;
    Stopwatch watch;
    Semaphore places(executor, 64);
    auto spawn_all = [&](Nursery& nursery) {
        for (int i = 1; i < 20'000; ++i) nursery.spawn(write_small(sftp, places, directory + "/s" + std::to_string(i)));
        return write_small(sftp, places, directory + "/s0");
    };
    co_await with_nursery(spawn_all);
    watch.lap("20,000 files of 4 KiB by sftp");
}

TEST_CASE("throughput", "[.bench]") {
    SshServer server;
    TemporaryDirectory target;
    auto directory = target.path().string();
    with_session(server.settings(), [&](Session& session) { return transfer(session, directory); });
    with_sftp(server.settings(), [&](Sftp& sftp) { return small_files(sftp, directory); });
}

}  // namespace
}  // namespace syncline::ssh
