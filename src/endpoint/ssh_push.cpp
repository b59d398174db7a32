#include "endpoint/ssh_push.hpp"

#include <sys/random.h>

#include <algorithm>
#include <asio/this_coro.hpp>
#include <set>
#include <utility>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "endpoint/ssh_lanes.hpp"
#include "endpoint/ssh_read_ahead.hpp"
#include "endpoint/ssh_ways.hpp"

namespace syncline {
namespace {

constexpr size_t tar_output_limit = size_t{1} << 30;
constexpr int read_attempts = 3;
constexpr size_t files_a_channel = 8;
constexpr uint64_t least_sparse_bytes = 1 << 20;
/// From here on a command of its own, whose stdin needs no pieces, is worth its start.
constexpr uint64_t enough_for_a_command = 32 << 20;

void fail(SentItem& sent, const std::string& what, const ssh::SftpStatus& status) {
    sent.state = SentItem::State::failed;
    sent.error = what + ": " + status.why();
    sent.disk_trouble = tells_of_disk_trouble(status.message);
}

/// Even, as some file systems know no odd ones.
uint32_t new_secret_time() {
    uint32_t random = 0;
    SYNCLINE_ASSERT(::getrandom(&random, sizeof random, 0) == sizeof random);
    return (random & 0x7ffffffeU) | 0x01000000U;
}

Task<void> give_room(ssh::Sftp& sftp, ssh::SftpHandle handle) {
    ssh::SftpAttributes empty;
    empty.size = 0;
    co_await sftp.fsetstat(std::move(handle), empty);
}

bool has_no_room(const std::vector<CommitItem*>& items) {
    return !items.empty() && std::ranges::all_of(items, [](const CommitItem* item) { return item->disk_trouble; });
}

void forget_trouble(CommitItem& item) {
    item.error.clear();
    item.disk_trouble = false;
}

/// Leaves in `items`, in their order, what makes up the smaller part of the bytes: all but the largest, if need be.
std::vector<CommitItem*> take_larger_half(std::vector<CommitItem*>& items) {
    auto size = [](const CommitItem* item) { return item->op == Op::put ? item->source.size : 0; };
    std::vector<CommitItem*> by_size = items;
    std::ranges::stable_sort(by_size, {}, size);
    uint64_t all = 0, bytes = 0;
    for (const CommitItem* item : items) all += size(item);
    size_t count = 0;
    do bytes += size(by_size[count++]);
    while (count + 1 < by_size.size() && bytes + size(by_size[count]) <= all / 2);
    std::set<CommitItem*> larger(by_size.begin() + static_cast<ptrdiff_t>(count), by_size.end());
    std::erase_if(items, [&](CommitItem* item) { return larger.contains(item); });
    return {by_size.begin() + static_cast<ptrdiff_t>(count), by_size.end()};
}

/// What is yet to be sent, and all.
std::pair<uint64_t, uint64_t> bytes_of(const std::vector<SentItem>& items) {
    uint64_t waiting = 0, all = 0;
    for (const SentItem& sent : items) {
        all += sent.item->source.size;
        if (sent.state == SentItem::State::waiting) waiting += sent.item->source.size;
    }
    return {waiting, all};
}

std::vector<std::string> names_of(const std::vector<SentItem>& items) {
    std::vector<std::string> names;
    for (const SentItem& sent : items) names.push_back(sent.name);
    return names;
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
    co_await commit_all(content, items);
    if (!has_no_room(items)) co_return;
    // Modes of directories come last, whatever did not fit.
    auto modes = std::stable_partition(items.begin(), items.end(),
                                       [](auto* item) { return item->op != Op::chmod && item->op != Op::touch; });
    std::vector<CommitItem*> last(modes, items.end());
    items.erase(modes, items.end());
    co_await commit_what_fits(content, std::move(items));
    for (CommitItem* item : last) forget_trouble(*item);
    co_await commit_all(content, std::move(last));
}

/// Of a batch for which there was no room, the smaller contents by themselves, and the larger ones only when those did
/// fit. False when nothing does.
Task<bool> Push::commit_what_fits(ContentSource content, std::vector<CommitItem*> items) {
    if (items.size() < 2) co_return false;
    std::vector<CommitItem*> larger = take_larger_half(items);
    for (CommitItem* item : items) forget_trouble(*item);
    co_await commit_all(content, items);
    bool fits = !has_no_room(items);
    if (!fits) fits = co_await commit_what_fits(content, items);
    if (!fits) co_return false;
    std::vector<CommitItem*> same = larger;
    for (CommitItem* item : larger) forget_trouble(*item);
    co_await commit_all(content, std::move(larger));
    if (has_no_room(same)) co_await commit_what_fits(content, std::move(same));
    co_return true;
}

Task<void> Push::commit_all(ContentSource content, std::vector<CommitItem*> items) {
    for (int attempt = 0; attempt < read_attempts && !items.empty(); ++attempt) {
        items = co_await commit_once(content, std::move(items));
    }
    for (CommitItem* item : items) item->error = "changes while it is read; it will be tried again at the next run";
}

Task<std::vector<CommitItem*>> Push::commit_once(ContentSource content, std::vector<CommitItem*> items) {
    CommitBatch batch(std::move(items), place_.tools.stat_fractions);
    for (SentItem& sent : batch.sent()) sent.kept = stage_.find(sent.name);
    std::vector<SentItem*> alone = choose_alone(content, batch.sent());
    std::optional<ssh::ScriptResult> trouble = co_await prepare_files(alone);
    if (trouble) co_return take_trouble(batch, *trouble);
    co_await send_files(content, alone);
    const auto [bytes, all_bytes] = bytes_of(batch.sent());
    auto executor = co_await asio::this_coro::executor;
    SendQueue queue(batch.sent());
    SideStreams sides(executor, place_);
    std::chrono::microseconds round_trip = place_.shell->lease().session().round_trip();
    size_t side_streams = bytes < enough_for_a_command ? 0 : side_streams_for(round_trip, bytes);
    if (side_streams > 0) trouble = co_await stage_.hold(place_);
    if (trouble) co_return take_trouble(batch, *trouble);
    StageRef stage = stage_.next();
    sides.fill(stage);
    for (size_t i = 0; i < side_streams; ++i) {
        sides.add(std::make_unique<TarContent>(content, queue, nullptr, means_, progress_));
    }
    TarContent::Conclude conclude_batch = [&] { return conclude(batch, sides); };
    TarContent source(content, queue, conclude_batch, means_, progress_);
    ssh::StringSink sink(tar_output_limit);
    std::string marker = new_marker();
    bool keeps_stage = stage_.holds_others_than(names_of(batch.sent()));
    ServerTools tools = place_.tools.for_bytes(all_bytes);
    std::string script = commit_script(place_.where(), stage, RemoteStage::owner(place_), tools, marker, keeps_stage);
    ssh::ScriptResult result = co_await run(std::move(script), source, sides, sink, bytes);
    CommitReport report = read_commit_output(sink.bytes(), marker);
    bool is_done = report.whole && report.verified;
    if (is_done && !keeps_stage) stage_.was_removed(stage);
    if (!is_done) co_await stage_.discard(place_, stage);
    if (sides.failure()) result = *sides.failure();
    if (report.whole && report.tar_status == 0 && !sides.failure()) co_return batch.take(report);
    co_return take_trouble(batch, result);
}

/// Of a script that did not get to its end: the batch's, or the run's.
std::vector<CommitItem*> Push::take_trouble(CommitBatch& batch, const ssh::ScriptResult& result) const {
    bool is_disk_trouble = tells_of_disk_trouble(result.errors);
    bool has_no_stage = result.exit.status == no_stage_status || result.exit.status == strange_stage_status;
    if (!is_disk_trouble && !has_no_stage) {
        std::string why = result.exit.status == 41 ? "it cannot be entered any more" : result.why();
        throw Error(Errc::failed, place_.shown + ": writing files: " + why);
    }
    batch.fail_all("cannot be written on the server: " + telling_line(result.errors), is_disk_trouble);
    return {};
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

/// Large files, and sparse ones: a tar stream would fill their holes.
std::vector<SentItem*> Push::choose_alone(ContentSource content, std::vector<SentItem>& items) const {
    std::chrono::microseconds round_trip = place_.shell->lease().session().round_trip();
    WayChooser chooser(wanted_, round_trip, items.size());
    std::vector<SentItem*> alone;
    for (SentItem& sent : items) {
        uint64_t kept_bytes = sent.kept == nullptr ? 0 : sent.kept->size;
        bool is_file = sent.item->op == Op::put;
        if (!is_file) continue;
        uint64_t size = sent.item->source.size;
        bool goes_alone = chooser.choose(size, kept_bytes) == Way::file ||
                          (size >= least_sparse_bytes && has_holes(content, sent.item->path));
        if (goes_alone) alone.push_back(&sent);
    }
    return alone;
}

/// SFTP goes by names alone, so what it is to write to is made by a script that knows the stage, with a time that
/// nobody else knows.
Task<std::optional<ssh::ScriptResult>> Push::prepare_files(const std::vector<SentItem*>& alone) {
    if (alone.empty()) co_return std::nullopt;
    std::optional<ssh::ScriptResult> trouble = co_await stage_.hold(place_);
    if (trouble) co_return trouble;
    std::string input;
    for (SentItem* sent : alone) {
        sent->secret_time = new_secret_time();
        input.append(sent->name).append(1, '\0').append(std::to_string(sent->secret_time)).append(1, '\0');
    }
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(tar_output_limit);
    std::string script = prepare_files_script(place_.where(), stage_.next());
    ssh::ScriptResult result = co_await place_.shell->run(std::move(script), &source, sink);
    if (result.ok()) co_return std::nullopt;
    co_return std::move(result);
}

Task<void> Push::send_files(ContentSource content, const std::vector<SentItem*>& alone) {
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
    sent.begins_anew = input.offset() == 0;
    std::string directory = place_.root + "/" + stage_.next().name;
    std::string path = directory + "/" + sent.name;
    auto opening = sftp.open(std::move(path), ssh::sftp_open::write, ssh::SftpAttributes());
    ssh::SftpReply<ssh::SftpHandle> handle = co_await std::move(opening);
    if (!handle.ok()) {
        syncline::fail(sent, "cannot open a file on the server", handle.status);
        co_return;
    }
    std::string strange = co_await why_not_ours(sftp, handle.value, sent);
    if (!strange.empty()) {
        co_await sftp.close(handle.value);
        sent.state = SentItem::State::failed;
        sent.error = std::move(strange);
        co_return;
    }
    ssh::SftpStatus written;
    auto executor = co_await asio::this_coro::executor;
    ReadAhead ahead(executor, input);
    uint64_t offset = input.offset();
    auto body = [&](Nursery& nursery) { return write_range(sftp, handle.value, offset, ahead, written, nursery); };
    co_await with_nursery(body);
    if (!written.ok()) {  // others may still fit
        written = co_await sftp.explain(std::move(written), directory);
        co_await give_room(sftp, handle.value);
    }
    ssh::SftpStatus closed = co_await sftp.close(handle.value);
    if (written.ok() && closed.ok()) co_return;
    if (written.ok()) written = co_await sftp.explain(std::move(closed), directory);
    syncline::fail(sent, "cannot write it on the server", written);
}

/// "", or why what was opened is not the file that was made for it. Somebody else may have put another directory in the
/// place of the stage, or a link.
Task<std::string> Push::why_not_ours(ssh::Sftp& sftp, ssh::SftpHandle handle, const SentItem& sent) {
    ssh::SftpReply<ssh::SftpAttributes> is = co_await sftp.fstat(handle);
    uint64_t size = sent.kept == nullptr ? 0 : sent.kept->size;
    bool is_ours = is.ok() && is.value.is_regular() && is.value.uid == stage_.user() && is.value.size == size &&
                   is.value.modification_time == sent.secret_time;
    if (!is_ours)
        co_return "the directory for new files was replaced on the server; somebody else writes into the root";
    bool begins_anew = size > 0 && sent.begins_anew;
    if (begins_anew) co_await give_room(sftp, handle);
    co_return "";
}

Task<void> Push::write_range(ssh::Sftp& sftp, ssh::SftpHandle handle, uint64_t offset, ReadAhead& ahead,
                             ssh::SftpStatus& status, Nursery& nursery) {
    ahead.work_in(nursery);
    ssh::SftpReply<uint64_t> written = co_await sftp.write_range(std::move(handle), offset, ahead, true);
    status = written.status;
    nursery.cancel();
}

}  // namespace syncline
