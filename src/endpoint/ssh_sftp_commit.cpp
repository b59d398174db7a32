// SftpSide's commits: each file to a temporary name beside its place, read back, then renamed.
#include <unistd.h>

#include "base/rel_path.hpp"
#include "core/baseline.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_content.hpp"
#include "endpoint/ssh_sftp.hpp"

namespace syncline {
namespace {

void fail(CommitItem& item, const std::string& what, const ssh::SftpStatus& status) {
    item.error = what + ": " + status.why();
    item.disk_trouble = tells_of_disk_trouble(status.message);
}

ssh::SftpAttributes attributes_of(const CommitItem& item, TimeNs mtime) {
    ssh::SftpAttributes attributes;
    attributes.mode = mode_of(item);
    attributes.modification_time = static_cast<uint32_t>(std::clamp<TimeNs>(mtime / ns_per_second, 0, UINT32_MAX));
    attributes.access_time = attributes.modification_time;
    return attributes;
}

constexpr const char* replaced_directory =
    "its directory on the target was replaced since it was listed; left as it is";

/// Hashes what is read of a file, and tells from time to time that it is in use.
class LivingHashSink final : public ssh::OutputSink {
  public:
    LivingHashSink(ssh::Sftp& sftp, const ssh::SftpHandle& handle, const ssh::SftpAttributes& last_written)
        : sftp_(sftp), handle_(handle), last_written_(last_written) {}

    Task<void> take(std::string_view bytes) override {
        hasher_.update(std::as_bytes(std::span(bytes)));
        auto now = std::chrono::steady_clock::now();
        if (now < next_ || !last_written_.modification_time) co_return;
        next_ = now + interval;
        auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - begun_).count();
        ssh::SftpAttributes times;
        times.modification_time = *last_written_.modification_time + static_cast<uint32_t>(passed);
        times.access_time = times.modification_time;
        co_await sftp_.fsetstat(handle_, times);
    }
    Digest finish() { return hasher_.finish(); }

  private:
    static constexpr std::chrono::minutes interval{5};

    ssh::Sftp& sftp_;
    const ssh::SftpHandle& handle_;
    const ssh::SftpAttributes& last_written_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now(), next_ = begun_ + interval;
    fs::Hasher hasher_;
};

}  // namespace

Task<void> SftpSide::commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) {
    for (CommitItem& item : items) {
        if (item.op == Op::mkdir) co_await make_directory(item);
    }
    auto spawn_all = [&, this](Nursery& nursery) -> Task<void> {
        for (CommitItem& item : items) {
            if (item.op == Op::put) nursery.spawn(put_one(content, item, progress));
            if (item.op == Op::symlink) nursery.spawn(link_one(item));
        }
        return nothing_more();
    };
    co_await with_nursery(spawn_all);
    for (CommitItem& item : items) {
        if (item.op == Op::chmod || item.op == Op::touch) co_await change_mode(item);
    }
}

Task<void> SftpSide::put_one(ContentSource content, CommitItem& item, Progress& progress) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    Staged staged;
    staged.kept = kept_.take(item.path);
    bool uploaded = co_await upload(content, item, staged, progress);
    if (staged.kept) {
        std::string kept = absolute(staged.kept->path);
        co_await sftp_.remove(kept);
    }
    if (!uploaded && staged.kept_bytes > 0) {  // something else came after that beginning
        co_await sftp_.remove(staged.path);
        item.error.clear();
        item.disk_trouble = false;
        staged = Staged();
        uploaded = co_await upload(content, item, staged, progress);
    }
    if (uploaded) co_await install(item, staged);
    bool is_left = !item.error.empty() && !staged.path.empty();
    if (is_left) co_await sftp_.remove(staged.path);
    ++progress.files_done;
}

/// With a beginning to compare it may take long.
Task<bool> SftpSide::open_input(FileInput& input, uint64_t kept_bytes) {
    if (kept_bytes == 0) co_return input.open();
    auto open = [&input](std::stop_token) { return input.open(); };
    bool is_open = co_await offload(means_.workers, open);
    co_return is_open;
}

/// A new file, below directories that are none but such before and after. Nothing was written to it yet.
Task<bool> SftpSide::create(CommitItem& item, Staged& staged) {
    std::string relative = new_beginning(item.path, owner_), path = absolute(relative);
    bool is_clear = co_await is_way_clear(relative);
    if (!is_clear) {
        item.error = replaced_directory;
        co_return false;
    }
    ssh::SftpAttributes attributes;
    attributes.mode = 0600;
    uint32_t flags = ssh::sftp_open::read | ssh::sftp_open::write | ssh::sftp_open::create | ssh::sftp_open::exclusive;
    ssh::SftpReply<ssh::SftpHandle> handle = co_await sftp_.open(path, flags, attributes);
    if (!handle.ok()) {
        ssh::SftpStatus why = co_await sftp_.explain(handle.status, root_);
        fail(item, "cannot create a file on the server", why);
        co_return false;
    }
    staged.path = std::move(path);
    staged.handle = std::move(handle.value);
    auto created = co_await sftp_.fstat(staged.handle);
    if (created.ok()) staged.created = created.value;
    is_clear = co_await is_way_clear(relative);
    if (!is_clear) item.error = replaced_directory;
    co_return is_clear;
}

/// Copies what an attempt before left, on the server: somebody may have that file open still. Where the server cannot
/// do so, it is begun anew.
Task<void> SftpSide::take_beginning(Staged& staged) {
    if (!staged.kept || !sftp_.has_copy_data()) co_return;
    std::string path = absolute(staged.kept->path);
    auto old = co_await sftp_.open(std::move(path), ssh::sftp_open::read, ssh::SftpAttributes());
    if (!old.ok()) co_return;
    auto seen = co_await sftp_.fstat(old.value);
    constexpr uint32_t permission_bits = 07777;
    bool is_ours = seen.ok() && seen.value.is_regular() && seen.value.uid == staged.created.uid &&
                   (seen.value.mode.value_or(0) & permission_bits) == 0600 &&
                   seen.value.size.value_or(0) >= staged.kept->size;
    bool is_copied = false;
    if (is_ours) {
        ssh::SftpStatus copied = co_await sftp_.copy_data(old.value, staged.kept->size, staged.handle);
        is_copied = copied.ok();
    }
    if (is_copied) staged.kept_bytes = staged.kept->size;
    co_await sftp_.close(old.value);
}

Task<bool> SftpSide::upload(ContentSource content, CommitItem& item, Staged& staged, Progress& progress) {
    bool is_ready = co_await create(item, staged);
    if (is_ready) co_await take_beginning(staged);
    SentItem sent(&item);
    KeptFile kept{staged.kept_bytes, 0, 0, std::nullopt};
    if (staged.kept_bytes > 0) sent.kept = &kept;
    FileInput input(content, sent, means_, progress);
    if (is_ready) {
        is_ready = co_await open_input(input, staged.kept_bytes);
        if (!is_ready) item.error = sent.error;
    }
    if (is_ready) is_ready = co_await send(item, staged, input, sent);
    if (staged.path.empty()) co_return false;
    ssh::SftpStatus closed = co_await sftp_.close(staged.handle);
    if (is_ready && !closed.ok()) {
        ssh::SftpStatus why = co_await sftp_.explain(closed, root_);
        fail(item, "cannot write it on the server", why);
        is_ready = false;
    }
    item.committed = sent.digest;
    item.source_stamp = sent.stamp;
    co_return is_ready;
}

/// Writes the rest, reads back the whole, and gives it its mode and time at the very end: until then its time tells
/// that it is in use.
Task<bool> SftpSide::send(CommitItem& item, Staged& staged, FileInput& input, SentItem& sent) {
    bool begins_anew = input.offset() == 0 && staged.kept_bytes > 0;
    ssh::SftpAttributes empty;
    empty.size = 0;
    if (begins_anew) co_await sftp_.fsetstat(staged.handle, empty);
    ssh::SftpReply<uint64_t> written = co_await sftp_.write_range(staged.handle, input.offset(), input, true);
    bool is_same = input.finish();
    if (!written.ok()) {
        ssh::SftpStatus why = co_await sftp_.explain(written.status, root_);
        fail(item, "cannot write it on the server", why);
        co_return false;
    }
    if (!is_same) {
        item.error = "changes while it is read; it will be tried again at the next run";
        co_return false;
    }
    Digest there;
    std::string why = co_await verify(staged, input.size(), there);
    if (why.empty() && there != sent.digest) why = "what the server holds differs from what was sent";
    ssh::SftpAttributes attributes = attributes_of(item, sent.mtime);
    co_await sftp_.fsetstat(staged.handle, attributes);  // a server that refuses it still has the content
    auto finished = co_await sftp_.fstat(staged.handle);
    if (finished.ok()) staged.finished = finished.value;
    if (why.empty() && finished.value.size != input.size()) why = "it has another size than was sent";
    if (!why.empty()) item.error = "cannot be verified on the server: " + why;
    bool is_verified = why.empty();
    co_return is_verified;
}

Task<std::string> SftpSide::verify(Staged& staged, uint64_t size, Digest& digest) {
    // Its last write is the freshest that is known of the server's clock.
    auto now = co_await sftp_.fstat(staged.handle);
    if (now.ok()) staged.created.modification_time = now.value.modification_time;
    LivingHashSink sink(sftp_, staged.handle, staged.created);
    std::string why = co_await hash_of(staged.handle, size, sink);
    digest = sink.finish();
    co_return why;
}

Task<void> SftpSide::link_one(CommitItem& item) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    Staged staged;
    std::string relative = new_beginning(item.path, owner_), link(item.link);
    bool is_clear = co_await is_way_clear(relative);
    if (!is_clear) {
        item.error = replaced_directory;
        co_return;
    }
    staged.path = absolute(relative);
    ssh::SftpStatus made = co_await sftp_.symlink(staged.path, std::move(link));
    if (!made.ok()) {
        fail(item, "cannot create the symlink", made);
        co_return;
    }
    auto finished = co_await sftp_.lstat(staged.path);
    if (finished.ok()) staged.finished = finished.value;
    co_await install(item, staged);
    if (!item.error.empty()) co_await sftp_.remove(staged.path);
}

Task<bool> SftpSide::is_expected(CommitItem& item) {
    std::string path(item.path);
    bool as_listed = co_await is_as_listed_now(item.expected, std::move(path));
    if (!as_listed) item.error = "changed on the target since it was listed; left as it is";
    co_return as_listed;
}

/// What stands there after the rename is recorded as ours only when it is what was made ready.
Task<void> SftpSide::install(CommitItem& item, const Staged& staged) {
    bool expected = co_await is_expected(item);
    if (!expected) co_return;
    std::string path = absolute(item.path);
    bool was_directory = item.expected != nullptr && item.expected->kind == Kind::directory;
    if (was_directory) co_await sftp_.rmdir(path);
    ssh::SftpStatus renamed = co_await sftp_.rename(staged.path, path);
    if (!renamed.ok()) {
        fail(item, "cannot rename it into place", renamed);
        co_return;
    }
    ssh::SftpReply<ssh::SftpAttributes> now = co_await sftp_.lstat(path);
    std::string relative(item.path);
    bool is_clear = co_await is_way_clear(std::move(relative));
    bool is_ours = is_clear && now.ok() && is_same_file(staged.finished, now.value);
    if (is_ours) item.target_stamp = to_remote_entry(now.value).stamp;
    item.target_mode = is_ours ? to_remote_entry(now.value).mode : mode_of(item);
    if (!is_clear) item.error = "its directory on the target was replaced while it was put into place";
}

Task<void> SftpSide::make_directory(CommitItem& item) {
    std::string path = absolute(item.path);
    bool expected = co_await is_expected(item);
    if (!expected) {
        auto now = co_await sftp_.lstat(path);
        if (!now.ok() || !now.value.is_directory() || item.expected != nullptr) co_return;
        item.error.clear();  // somebody made it
    } else {
        if (item.expected != nullptr) co_await sftp_.remove(path);
        ssh::SftpStatus made = co_await sftp_.mkdir(path, item.mode);
        if (!made.ok()) {
            fail(item, "cannot create the directory", made);
            co_return;
        }
    }
    item.target_mode = item.mode;
}

Task<void> SftpSide::change_mode(CommitItem& item) {
    bool is_own_directory = item.expected == nullptr;
    bool expected = is_own_directory;
    if (!expected) expected = co_await is_expected(item);
    if (!expected) co_return;
    ssh::SftpAttributes attributes;
    attributes.mode = item.mode;
    if (item.op == Op::touch) attributes = attributes_of(item, item.source.mtime);
    ssh::SftpStatus changed = co_await sftp_.setstat(absolute(item.path), attributes);
    if (!changed.ok()) fail(item, item.op == Op::touch ? "cannot set its time" : "cannot set its mode", changed);
    item.target_mode = item.mode;
}

}  // namespace syncline
