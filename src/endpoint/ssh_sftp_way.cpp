// SftpSide's looks: whether what is asked for lies where it was listed, and whether what lies about is in use.
#include <algorithm>

#include "endpoint/local_item.hpp"
#include "endpoint/ssh_sftp.hpp"

namespace syncline {
namespace {

/// Longer than any run leaves a file in the making without writing to it (SftpSide::verify()).
constexpr uint32_t alive_seconds = 3600;

bool is_same_entry(const Entry& listed, const RemoteEntry& now) {
    if (listed.kind != now.kind) return false;
    if (listed.kind == Kind::directory || listed.kind == Kind::symlink) return true;
    return listed.stamp == now.stamp;
}

}  // namespace

Task<void> SftpSide::look_at_directory(std::string path, uint8_t& is_directory) {
    auto now = co_await sftp_.lstat(std::move(path));
    is_directory = now.ok() && now.value.is_directory() ? 1 : 0;
}

/// Whether the root and every directory on the way to `path` are directories, and none a symlink, at this moment. All
/// are asked for at once.
Task<bool> SftpSide::is_way_clear(std::string path) {
    std::vector<std::string> directories{root_};
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
        directories.push_back(absolute(std::string_view(path).substr(0, slash)));
    std::vector<uint8_t> are_directories(directories.size());
    auto body = [&, this](Nursery& nursery) -> Task<void> {
        for (size_t i = 0; i < directories.size(); ++i)
            nursery.spawn(look_at_directory(directories[i], are_directories[i]));
        return nothing_more();
    };
    co_await with_nursery(body);
    co_return std::ranges::count(are_directories, 0) == 0;
}

Task<bool> SftpSide::is_as_listed_now(const Entry* expected, std::string path) {
    bool is_clear = co_await is_way_clear(path);
    auto now = co_await sftp_.lstat(absolute(path));
    if (!is_clear) co_return false;
    if (!now.ok()) co_return expected == nullptr&& now.status.not_found();
    co_return expected != nullptr&& is_same_entry(*expected, to_remote_entry(now.value));
}

/// The file that was listed, when it is that still.
Task<std::optional<ssh::SftpAttributes>> SftpSide::entry_in_place(const Entry* listed, std::string path) {
    std::optional<ssh::SftpAttributes> found;
    bool is_clear = co_await is_way_clear(path);
    auto now = co_await sftp_.lstat(absolute(path));
    bool is_it = is_clear && now.ok() && now.value.is_regular() && is_same_entry(*listed, to_remote_entry(now.value));
    if (is_it) found = now.value;
    co_return found;
}

/// "" or why there is no digest.
Task<std::string> SftpSide::hash_of(ssh::SftpHandle file, uint64_t size, ssh::OutputSink& sink) {
    ssh::SftpReply<uint64_t> read = co_await sftp_.read_range(std::move(file), 0, size, sink);
    if (!read.ok()) co_return read.status.why();
    co_return read.value == size ? "" : "it ends early";
}

Task<std::optional<ssh::SftpAttributes>> SftpSide::look_at_new_file() {
    std::optional<ssh::SftpAttributes> found;
    std::string path = absolute(new_beginning("", owner_));
    ssh::SftpAttributes created;
    created.mode = 0600;
    auto file =
        co_await sftp_.open(path, ssh::sftp_open::write | ssh::sftp_open::create | ssh::sftp_open::exclusive, created);
    if (!file.ok()) co_return found;
    auto now = co_await sftp_.fstat(file.value);
    co_await sftp_.close(file.value);
    co_await sftp_.remove(path);
    if (now.ok()) found = now.value;
    co_return found;
}

Task<void> SftpSide::sweep(std::vector<std::string> leftovers) {
    if (leftovers.empty()) co_return;
    std::optional<ssh::SftpAttributes> fresh = co_await look_at_new_file();
    if (!fresh) co_return;  // what may not be written to is not swept either
    for (const std::string& path : leftovers) co_await sweep_one(path, *fresh);
}

/// What is somebody else's, and was written to lately, is theirs. A time in the future tells nothing.
Task<void> SftpSide::sweep_one(const std::string& path, const ssh::SftpAttributes& fresh) {
    auto found = co_await sftp_.lstat(absolute(path));
    bool is_clear = co_await is_way_clear(path);
    if (!found.ok() || !is_clear) co_return;
    uint32_t now = fresh.modification_time.value_or(0), then = found.value.modification_time.value_or(UINT32_MAX);
    bool is_own = is_beginning_of(path, owner_) && found.value.uid == fresh.uid;
    bool is_dead = is_own || (then < now && now - then > alive_seconds);
    if (!is_dead) co_return;
    bool may_go_on = found.value.is_regular() && found.value.uid == fresh.uid &&
                     found.value.size.value_or(0) >= KeptBeginnings::least_bytes;
    if (may_go_on) {
        kept_.add(path, *found.value.size);
        co_return;
    }
    auto status = co_await sftp_.remove(absolute(path));
    if (!status.ok()) co_await sftp_.rmdir(absolute(path));
}

Task<void> SftpSide::discard_kept() {
    std::vector<std::string> paths = kept_.take_all();
    for (const std::string& path : paths) co_await sftp_.remove(absolute(path));
}

}  // namespace syncline
