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
        if (item.op == Op::chmod) co_await change_mode(item);
    }
}

Task<void> SftpSide::put_one(ContentSource content, CommitItem& item, Progress& progress) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    std::optional<KeptBeginnings::Beginning> kept = kept_.take(item.path);
    std::string temporary = absolute(kept ? kept->path : new_beginning(item.path));
    bool uploaded = co_await upload(content, item, temporary, kept ? kept->size : 0, progress);
    if (!uploaded && kept) {  // something else came after that beginning
        co_await sftp_.remove(temporary);
        item.error.clear();
        item.disk_trouble = false;
        temporary = absolute(new_beginning(item.path));
        uploaded = co_await upload(content, item, temporary, 0, progress);
    }
    if (uploaded) co_await install(item, temporary);
    if (!item.error.empty()) co_await sftp_.remove(temporary);
    ++progress.files_done;
}

/// With a beginning to compare it may take long.
Task<bool> SftpSide::open_input(FileInput& input, uint64_t kept_bytes) {
    if (kept_bytes == 0) co_return input.open();
    auto open = [&input](std::stop_token) { return input.open(); };
    bool is_open = co_await offload(means_.workers, open);
    co_return is_open;
}

Task<bool> SftpSide::upload(ContentSource content, CommitItem& item, std::string temporary, uint64_t kept_bytes,
                            Progress& progress) {
    SentItem sent(&item);
    KeptFile kept{kept_bytes, 0, 0, std::nullopt};
    if (kept_bytes > 0) sent.kept = &kept;
    FileInput input(content, sent, means_, progress);
    bool is_open = co_await open_input(input, kept_bytes);
    if (!is_open) {
        item.error = sent.error;
        co_return false;
    }
    ssh::SftpAttributes created;
    created.mode = 0600;
    uint32_t flags = ssh::sftp_open::write;
    if (kept_bytes == 0) flags |= ssh::sftp_open::create | ssh::sftp_open::exclusive;
    if (input.offset() == 0) flags |= ssh::sftp_open::truncate;
    ssh::SftpReply<ssh::SftpHandle> handle = co_await sftp_.open(temporary, flags, created);
    if (!handle.ok()) {
        ssh::SftpStatus why = co_await sftp_.explain(handle.status, root_);
        fail(item, "cannot create a file on the server", why);
        co_return false;
    }
    ssh::SftpReply<uint64_t> written = co_await sftp_.write_range(handle.value, input.offset(), input);
    bool is_same = input.finish();
    ssh::SftpAttributes attributes = attributes_of(item, sent.mtime);
    co_await sftp_.fsetstat(handle.value, attributes);  // a server that refuses it still has the content
    ssh::SftpStatus closed = co_await sftp_.close(handle.value);
    if (!written.ok() || !closed.ok()) {
        ssh::SftpStatus why = co_await sftp_.explain(written.ok() ? closed : written.status, root_);
        fail(item, "cannot write it on the server", why);
        co_return false;
    }
    if (!is_same) {
        item.error = "changes while it is read; it will be tried again at the next run";
        co_return false;
    }
    Digest there;
    std::string why = co_await hash_of(temporary, input.size(), there);
    if (why.empty() && there != sent.digest) why = "what the server holds differs from what was sent";
    if (!why.empty()) item.error = "cannot be verified on the server: " + why;
    item.committed = sent.digest;
    item.source_stamp = sent.stamp;
    bool is_verified = item.error.empty();
    co_return is_verified;
}

Task<void> SftpSide::link_one(CommitItem& item) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    std::string temporary = absolute(join_path(parent_path(item.path), new_temporary_name()));
    ssh::SftpStatus made = co_await sftp_.symlink(temporary, std::string(item.link));
    if (!made.ok()) {
        fail(item, "cannot create the symlink", made);
        co_return;
    }
    co_await install(item, temporary);
    if (!item.error.empty()) co_await sftp_.remove(temporary);
}

Task<bool> SftpSide::is_expected(CommitItem& item) {
    bool as_listed = co_await is_as_listed_now(item.expected, absolute(item.path));
    if (!as_listed) item.error = "changed on the target since it was listed; left as it is";
    co_return as_listed;
}

Task<void> SftpSide::install(CommitItem& item, std::string temporary) {
    bool expected = co_await is_expected(item);
    if (!expected) co_return;
    std::string path = absolute(item.path);
    bool was_directory = item.expected != nullptr && item.expected->kind == Kind::directory;
    if (was_directory) co_await sftp_.rmdir(path);
    ssh::SftpStatus renamed = co_await sftp_.rename(temporary, path);
    if (!renamed.ok()) {
        fail(item, "cannot rename it into place", renamed);
        co_return;
    }
    ssh::SftpReply<ssh::SftpAttributes> now = co_await sftp_.lstat(path);
    if (now.ok()) item.target_stamp = to_remote_entry(now.value).stamp;
    item.target_mode = now.ok() ? to_remote_entry(now.value).mode : mode_of(item);
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
    ssh::SftpStatus changed = co_await sftp_.setstat(absolute(item.path), attributes);
    if (!changed.ok()) fail(item, "cannot set its mode", changed);
    item.target_mode = item.mode;
}

}  // namespace syncline
