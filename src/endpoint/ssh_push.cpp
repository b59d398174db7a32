#include "endpoint/ssh_push.hpp"

#include <asio/this_coro.hpp>
#include <utility>

#include "base/text.hpp"
#include "endpoint/ssh_lanes.hpp"
#include "endpoint/ssh_read_ahead.hpp"
#include "endpoint/ssh_ways.hpp"

namespace syncline {
namespace {

/// Of a script that could not make its directory.
constexpr int no_stage_status = 42;
constexpr size_t tar_output_limit = size_t{1} << 30;
constexpr int read_attempts = 3;
constexpr size_t files_a_channel = 8;
/// From here on a command of its own, whose stdin needs no pieces, is worth its start.
constexpr uint64_t enough_for_a_command = 32 << 20;

void fail(SentItem& sent, const std::string& what, const ssh::SftpStatus& status) {
    sent.state = SentItem::State::failed;
    sent.error = what + ": " + status.why();
    sent.disk_trouble = tells_of_disk_trouble(status.message);
}

/// Starts the side streams with the first piece of the main one: that one needs its channel most.
class MainStream final : public ssh::InputSource {
  public:
    MainStream(ReadAhead& ahead, SideStreams& sides, Nursery& nursery)
        : ahead_(ahead), sides_(sides), nursery_(nursery) {}

    Task<std::string_view> next() override {
        if (!std::exchange(is_begun_, true)) sides_.start(nursery_);
        return ahead_.next();
    }

  private:
    ReadAhead& ahead_;
    SideStreams& sides_;
    Nursery& nursery_;
    bool is_begun_ = false;
};

}  // namespace

Task<void> Push::commit(ContentSource content, std::vector<CommitItem*> items) {
    for (int attempt = 0; attempt < read_attempts && !items.empty(); ++attempt) {
        items = co_await commit_once(content, std::move(items));
    }
    for (CommitItem* item : items) item->error = "changes while it is read; it will be tried again at the next run";
}

Task<std::vector<CommitItem*>> Push::commit_once(ContentSource content, std::vector<CommitItem*> items) {
    CommitBatch batch(std::move(items), place_.tools.stat_fractions);
    for (SentItem& sent : batch.sent()) sent.kept = stage_.find(sent.name);
    co_await send_files(content, batch.sent());
    uint64_t bytes = 0, all_bytes = 0;
    for (const SentItem& sent : batch.sent()) {
        all_bytes += sent.item->source.size;
        if (sent.state == SentItem::State::waiting) bytes += sent.item->source.size;
    }
    auto executor = co_await asio::this_coro::executor;
    SendQueue queue(batch.sent());
    SideStreams sides(executor, place_, stage_.directory());
    std::chrono::microseconds round_trip = place_.shell->lease().session().round_trip();
    size_t side_streams = bytes < enough_for_a_command ? 0 : side_streams_for(round_trip, bytes);
    for (size_t i = 0; i < side_streams; ++i) {
        sides.add(std::make_unique<TarContent>(content, queue, nullptr, means_, progress_));
    }
    TarContent::Conclude conclude_batch = [&] { return conclude(batch, sides); };
    TarContent source(content, queue, conclude_batch, means_, progress_);
    ssh::StringSink sink(tar_output_limit);
    std::string marker = new_marker();
    std::vector<std::string> names;
    for (const SentItem& sent : batch.sent()) names.push_back(sent.name);
    bool keeps_stage = stage_.holds_others_than(names);
    ServerTools tools = place_.tools.for_bytes(all_bytes);
    std::string script = commit_script(place_.root, stage_.directory(), tools, marker, keeps_stage);
    ssh::ScriptResult result = co_await run(std::move(script), source, sides, sink, bytes);
    CommitReport report = read_commit_output(sink.bytes(), marker);
    bool is_done = report.whole && report.verified;
    if (is_done && !keeps_stage) stage_.was_removed();
    if (!is_done) co_await stage_.discard(place_);
    if (sides.failure()) result = *sides.failure();
    if (report.whole && report.tar_status == 0 && !sides.failure()) co_return batch.take(report);
    bool is_disk_trouble = tells_of_disk_trouble(result.errors);
    bool cannot_write_there = result.exit.status == no_stage_status;
    if (!is_disk_trouble && !cannot_write_there) fail(result);
    batch.fail_all("cannot be written on the server: " + telling_line(result.errors), is_disk_trouble);
    co_return std::vector<CommitItem*>();
}

/// The main stream ends only when the others have; where one of those failed, without what would install anything.
Task<std::vector<TarContent::ControlFile>> Push::conclude(CommitBatch& batch, SideStreams& sides) {
    co_await sides.finished();
    if (sides.failure()) co_return std::vector<TarContent::ControlFile>();
    for (SentItem& sent : batch.sent()) {
        sent.kept = nullptr;
        stage_.forget(sent.name);
    }
    co_return batch.conclude();
}

Task<ssh::ScriptResult> Push::run(std::string script, TarContent& source, SideStreams& sides, ssh::OutputSink& sink,
                                  uint64_t bytes) {
    if (bytes < enough_for_a_command) co_return co_await place_.shell->run(std::move(script), &source, sink);
    std::unique_ptr<ssh::Channel> channel = co_await open_channel();
    if (!channel) co_return co_await place_.shell->run(std::move(script), &source, sink);
    ssh::ScriptResult result;
    auto executor = co_await asio::this_coro::executor;
    ReadAhead ahead(executor, source);
    auto body = [&](Nursery& nursery) { return run_large(script, ahead, sides, sink, result, channel, nursery); };
    co_await with_nursery(body);
    co_return std::move(result);
}

/// Beside the shell's; null where the server allows one alone.
Task<std::unique_ptr<ssh::Channel>> Push::open_channel() {
    try {
        co_return co_await place_.shell->lease().session().open_channel();
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::refused) throw;
    }
    co_return nullptr;
}

Task<void> Push::run_large(std::string script, ReadAhead& ahead, SideStreams& sides, ssh::OutputSink& sink,
                           ssh::ScriptResult& result, std::unique_ptr<ssh::Channel>& channel, Nursery& nursery) {
    ahead.work_in(nursery);
    MainStream stream(ahead, sides, nursery);
    ssh::ScriptLimits limits;
    result = co_await ssh::run_script(place_.shell->lease().session(), std::move(script), stream, sink, limits,
                                      std::move(channel));
    nursery.cancel();
}

void Push::fail(const ssh::ScriptResult& result) const {
    std::string why = result.exit.status == 41 ? "it cannot be entered any more" : result.why();
    throw Error(Errc::failed, place_.shown + ": writing files: " + why);
}

Task<void> Push::send_files(ContentSource content, std::vector<SentItem>& items) {
    std::chrono::microseconds round_trip = place_.shell->lease().session().round_trip();
    WayChooser chooser(wanted_, round_trip, items.size());
    std::vector<SentItem*> alone;
    for (SentItem& sent : items) {
        uint64_t kept_bytes = sent.kept == nullptr ? 0 : sent.kept->size;
        bool is_file = sent.item->op == Op::put;
        if (is_file && chooser.choose(sent.item->source.size, kept_bytes) == Way::file) alone.push_back(&sent);
    }
    SftpLanes::Work work = [&](ssh::Sftp& sftp, size_t i) { return send_file(sftp, content, *alone[i]); };
    SftpLanes lanes(host_, *place_.shell);
    try {
        co_await lanes.run(alone.size(), files_a_channel, work);
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::no_sftp) throw;
        // Then they go with the others.
    }
}

Task<void> Push::send_file(ssh::Sftp& sftp, ContentSource content, SentItem& sent) {
    FileInput input(content, sent, means_, progress_);
    auto open = [&input](std::stop_token) { return input.open(); };
    bool is_open = co_await offload(means_.workers, open);
    if (!is_open) co_return;
    co_await write_file(sftp, input, sent);
    bool is_same = input.finish();
    if (sent.state == SentItem::State::failed) co_return;
    sent.state = is_same ? SentItem::State::sent : SentItem::State::changed;
    sent.needs_touch = true;
    if (is_same) ++progress_.files_done;
}

Task<void> Push::write_file(ssh::Sftp& sftp, FileInput& input, SentItem& sent) {
    bool is_there = input.offset() == input.size() && input.size() > 0;
    if (is_there) co_return;
    std::string directory = place_.root + "/" + stage_.directory();
    co_await sftp.mkdir(directory, 0700);  // mostly it is there
    ssh::SftpAttributes created;
    created.mode = 0600;
    uint32_t flags = ssh::sftp_open::write | ssh::sftp_open::create;
    if (input.offset() == 0) flags |= ssh::sftp_open::truncate;
    ssh::SftpReply<ssh::SftpHandle> handle = co_await sftp.open(directory + "/" + sent.name, flags, created);
    if (!handle.ok()) {
        syncline::fail(sent, "cannot create a file on the server", handle.status);
        co_return;
    }
    ssh::SftpStatus written;
    auto executor = co_await asio::this_coro::executor;
    ReadAhead ahead(executor, input);
    uint64_t offset = input.offset();
    auto body = [&](Nursery& nursery) { return write_range(sftp, handle.value, offset, ahead, written, nursery); };
    co_await with_nursery(body);
    ssh::SftpStatus closed = co_await sftp.close(handle.value);
    if (written.ok() && closed.ok()) co_return;
    ssh::SftpStatus why = co_await sftp.explain(written.ok() ? closed : written, directory);
    syncline::fail(sent, "cannot write it on the server", why);
}

Task<void> Push::write_range(ssh::Sftp& sftp, ssh::SftpHandle handle, uint64_t offset, ReadAhead& ahead,
                             ssh::SftpStatus& status, Nursery& nursery) {
    ahead.work_in(nursery);
    ssh::SftpReply<uint64_t> written = co_await sftp.write_range(std::move(handle), offset, ahead);
    status = written.status;
    nursery.cancel();
}

}  // namespace syncline
