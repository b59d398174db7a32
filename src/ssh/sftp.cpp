// The channel: requests go out, replies come in and find who waits for them. The operations are in sftp_operations.cpp
// and sftp_range.cpp.
#include "ssh/sftp.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <cstring>

#include "async/event.hpp"
#include "base/assert.hpp"
#include "base/text.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t most_requests = 256;
constexpr size_t most_extensions = 64;
constexpr size_t incoming_bytes = 2 * (max_sftp_packet_bytes + 4);
constexpr size_t errors_bytes = 4096;
// A server's disk may be slow; that the server lives, keepalives find out. This is for one that lives and does not
// answer.
constexpr int reply_patience = 4;

/// Sets a flag while it lives.
class Raised {
  public:
    explicit Raised(bool& flag) : flag_(flag) { flag_ = true; }
    ~Raised() { flag_ = false; }
    Raised(const Raised&) = delete;
    Raised& operator=(const Raised&) = delete;

  private:
    bool& flag_;
};

}  // namespace

/// Lives in the frame that waits for the reply.
struct Sftp::Waiter {
    Waiter(Sftp& sftp, uint32_t request_id) : owner(sftp), id(request_id), wake(sftp.executor_) {
        owner.waiters_[id] = this;
    }
    /// Somebody else must read on from here, whatever ends this wait: a cancel may come just after it was told to read.
    ~Waiter() {
        if (!done) owner.waiters_[id] = nullptr;
        owner.wake_somebody();
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    Sftp& owner;
    uint32_t id;
    Event wake;
    SftpPacket reply;
    bool done = false;
};

/// Unless a whole batch gets out, the channel ends in the middle of a packet.
struct Sftp::Unfinished {
    explicit Unfinished(Sftp& sftp) : owner(sftp) {}
    ~Unfinished() {
        if (finished || !owner.broken_.empty()) return;
        owner.broken_ = "a request was interrupted";
        owner.wake_somebody();
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;

    Sftp& owner;
    bool finished = false;
};

Sftp::Sftp(Session& session, std::unique_ptr<Channel> channel, asio::any_io_executor executor)
    : session_(session),
      executor_(executor),
      channel_(std::move(channel)),
      in_flight_(executor, most_requests),
      incoming_(incoming_bytes) {}

Sftp::~Sftp() = default;

Task<std::unique_ptr<Sftp>> Sftp::start(Session& session) {
    auto executor = co_await asio::this_coro::executor;
    auto channel = co_await session.open_channel();
    co_await channel->start_subsystem("sftp");
    std::unique_ptr<Sftp> sftp(new Sftp(session, std::move(channel), executor));
    co_await sftp->greet();
    if (sftp->extensions_.count("limits@openssh.com")) co_await sftp->ask_limits();
    co_return sftp;
}

Task<void> Sftp::greet() {
    last_packet_at_ = steady_now();
    auto init = SftpWriter::init();
    auto writing = channel_->write(init);
    co_await std::move(writing);
    SftpPacket packet;
    while (true) {
        std::string_view bytes(incoming_.data(), incoming_end_);
        auto frame = take_sftp_packet(bytes, incoming_begin_, packet);
        if (frame == SftpFrame::complete) break;
        if (frame == SftpFrame::malformed) {
            fail(Failure::no_sftp, "does not speak SFTP; it began with: " +
                                       escape(bytes.substr(0, std::min<size_t>(bytes.find('\n'), 200))) +
                                       " (a login shell must print nothing when it is not interactive)");
        }
        co_await read_some();
    }
    SftpReader reader(packet.body);
    if (packet.type != sftp_type::version || reader.read_u32() < 3)
        fail(Failure::no_sftp, "does not speak SFTP version 3");
    for (size_t i = 0; i < most_extensions && reader.ok() && !reader.at_end(); ++i) {
        std::string name(reader.read_string());
        extensions_[name] = std::string(reader.read_string());
    }
    if (!reader.ok()) fail(Failure::protocol, "sent a malformed greeting");
    greeted_ = true;
}

void Sftp::check_usable() const {
    if (!usable()) throw SshError(Failure::lost, session_.shown() + ": the sftp channel is gone: " + broken_);
}

void Sftp::fail(Failure kind, const std::string& what) {
    SshError error(kind, session_.shown() + ": the sftp server " + what +
                             (errors_.empty() ? "" : "; it said: " + last_line(errors_)));
    if (broken_.empty()) broken_ = error.what();
    wake_somebody();
    throw error;
}

Task<SftpPacket> Sftp::request(std::string packet, uint32_t id) {
    auto place = in_flight_.acquire();
    auto permit = co_await std::move(place);
    check_usable();
    Waiter own(*this, id);
    outgoing_ += packet;
    if (!flushing_) co_await flush();
    co_await wait_for(own);
    co_return std::move(own.reply);
}

/// Sends what has gathered. One coroutine does it for all; the others' requests join while it has to wait.
Task<void> Sftp::flush() {
    Raised flushing(flushing_);
    while (!outgoing_.empty()) {
        auto batch = std::exchange(outgoing_, std::string());
        Unfinished unfinished(*this);
        auto writing = channel_->write(batch);
        bool taken = co_await std::move(writing);
        unfinished.finished = true;
        if (!taken) fail(ended(), "has ended");
    }
}

Task<void> Sftp::wait_for(Waiter& own) {
    while (!own.done) {
        check_usable();
        if (reading_) {
            co_await own.wake.wait();
            continue;
        }
        Raised reading(reading_);
        last_packet_at_ = steady_now();
        while (!own.done) co_await read_some();
    }
}

/// Somebody must go on reading when the one who did is done; all look again when the channel has failed.
void Sftp::wake_somebody() {
    if (reading_ && usable()) return;
    for (auto& [id, waiter] : waiters_) {
        if (!waiter || waiter->done) continue;
        waiter->wake.notify();
        if (usable()) return;
    }
}

Task<void> Sftp::read_some() {
    if (incoming_begin_ == incoming_end_) {
        incoming_begin_ = incoming_end_ = 0;
    } else if (incoming_.size() - incoming_end_ < incoming_.size() / 2) {
        std::memmove(incoming_.data(), incoming_.data() + incoming_begin_, incoming_end_ - incoming_begin_);
        incoming_end_ -= incoming_begin_;
        incoming_begin_ = 0;
    }
    auto waited = std::chrono::duration_cast<Duration>(steady_now() - last_packet_at_);
    auto patience = session_.settings().step_timeout * reply_patience - waited;
    // A greeting needs no disk, and a packet that has begun comes at some rate.
    if (!greeted_) patience = session_.settings().step_timeout - waited;
    auto begun_bytes = incoming_end_ - incoming_begin_;
    if (begun_bytes > 0 && !partial_since_) partial_since_ = steady_now();
    if (begun_bytes > 0) {
        auto since = std::chrono::duration_cast<Duration>(steady_now() - *partial_since_);
        patience = std::min(patience, session_.settings().step_timeout + Duration(begun_bytes) - since);
    }
    std::span<char> room(incoming_.data() + incoming_end_, incoming_.size() - incoming_end_);
    auto reading = channel_->read(room, patience);
    auto chunk = co_await std::move(reading);
    if (chunk.size == 0) fail(ended(), "has ended");
    if (chunk.from_stderr) {
        errors_.append(room.data(), chunk.size);
        if (errors_.size() > errors_bytes) errors_.erase(0, errors_.size() - errors_bytes);
        co_return;
    }
    incoming_end_ += chunk.size;
    if (greeted_) take_packets();
}

void Sftp::take_packets() {
    std::string_view bytes(incoming_.data(), incoming_end_);
    while (true) {
        SftpPacket packet;
        auto frame = take_sftp_packet(bytes, incoming_begin_, packet);
        if (frame == SftpFrame::malformed) fail(Failure::protocol, "sent a packet of an impossible size");
        if (frame == SftpFrame::partial) return;
        last_packet_at_ = steady_now();
        partial_since_.reset();
        deliver(std::move(packet));
    }
}

void Sftp::deliver(SftpPacket packet) {
    auto found = waiters_.find(packet.id);
    if (found == waiters_.end()) fail(Failure::protocol, "answered what nobody asked");
    auto* waiter = found->second;
    waiters_.erase(found);
    if (!waiter) return;
    waiter->reply = std::move(packet);
    waiter->done = true;
    waiter->wake.notify();
}

}  // namespace syncline::ssh
