#include "endpoint/ssh_sftp.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/baseline.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_prune.hpp"

namespace syncline {
namespace {

constexpr size_t longest_path_bytes = size_t{32} << 10;

}  // namespace

RemoteEntry to_remote_entry(const ssh::SftpAttributes& attributes) {
    RemoteEntry entry;
    entry.kind = attributes.is_directory() ? Kind::directory
                 : attributes.is_regular() ? Kind::file
                 : attributes.is_symlink() ? Kind::symlink
                                           : Kind::special;
    entry.mode = attributes.mode.value_or(0600) & 07777;
    entry.stamp.size = attributes.size.value_or(0);
    entry.stamp.mtime = attributes.modification_time.value_or(0) * ns_per_second;
    entry.stamp.ctime = entry.stamp.mtime;
    entry.stamp.inode = 1;
    return entry;
}

std::string SftpSide::absolute(std::string_view path) const {
    if (path.empty()) return root_;
    return root_ == "/" ? "/" + std::string(path) : root_ + "/" + std::string(path);
}

Task<RootReport> SftpSide::inspect(ssh::Sftp& sftp, std::string directory, std::string remote_root,
                                   std::optional<uint16_t> create_mode) {
    RootReport report;
    report.tools.has_shell = false;
    ssh::SftpReply<std::string> home = co_await sftp.realpath(".");
    report.home = home.value;
    for (size_t slash = directory.find('/', 1); create_mode; slash = directory.find('/', slash + 1)) {
        bool is_last = slash == std::string::npos;
        uint16_t mode = is_last ? *create_mode : 0700;
        ssh::SftpStatus made = co_await sftp.mkdir(directory.substr(0, slash), mode);
        if (!made.ok()) report.errors = made.why();
        if (is_last) break;
    }
    ssh::SftpReply<ssh::SftpAttributes> status = co_await sftp.stat(directory);
    ssh::SftpReply<ssh::SftpAttributes> own = co_await sftp.lstat(directory);
    if (!status.ok()) {
        report.state =
            own.ok() || status.status.not_found() ? RootReport::State::absent : RootReport::State::unreachable;
        co_return report;
    }
    report.state = RootReport::State::other;
    if (!status.value.is_directory()) co_return report;
    report.state = own.value.is_symlink() ? RootReport::State::link_to_directory : RootReport::State::directory;
    ssh::SftpReply<std::string> path = co_await sftp.realpath(directory);
    ssh::SftpReply<std::string> outer = co_await sftp.realpath(remote_root);
    report.path = path.value;
    report.remote_root = outer.ok() ? outer.value : "";
    report.inode = 1;
    if (sftp.has_statvfs()) {
        ssh::SftpReply<ssh::SftpSpace> space = co_await sftp.statvfs(report.path);
        if (space.ok()) report.file_system = std::to_string(space.value.file_system_id);
    }
    co_return report;
}

/// A server leaves out what it cannot look at: of a directory that may be read but not entered, all that is in it.
Task<void> SftpSide::tell_closed_from_empty(Directory& directory) {
    auto own = co_await sftp_.lstat(absolute(directory.path) + "/.");
    directory.is_listed = own.ok();
    if (!own.ok()) directory.error = "cannot be entered on the server: " + own.status.why();
}

Task<void> SftpSide::list_one(Directory& directory, ListingBudget& budget) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    std::function<void(const ssh::SftpName&)> told = [&](const ssh::SftpName& name) {
        budget.take(directory.path.size() + name.name.size());
    };
    auto reply = co_await sftp_.list_directory(absolute(directory.path), SIZE_MAX / 2, told);
    directory.is_listed = reply.ok();
    if (!reply.ok()) directory.error = reply.status.why();
    directory.names = std::move(reply.value);
    std::sort(directory.names.begin(), directory.names.end(),
              [](const ssh::SftpName& a, const ssh::SftpName& b) { return a.name < b.name; });
    for (const ssh::SftpName& name : directory.names) {
        if (!name.attributes.is_symlink()) continue;
        auto link = co_await sftp_.readlink(absolute(join_path(directory.path, name.name)));
        budget.take_bytes(link.value.size());
        directory.links.push_back(link.value);
    }
    if (reply.ok() && directory.names.empty()) co_await tell_closed_from_empty(directory);
    std::string inside = join_path(directory.path, "-");
    bool is_clear = co_await is_way_clear(std::move(inside));
    if (is_clear) co_return;
    directory.names.clear();
    directory.links.clear();
    directory.is_listed = false;
    directory.error = "was replaced while it was listed";
}

/// Level by level, as each level's directories can be asked for at once; then told depth first.
Task<Listing> SftpSide::list(ListRequest request, Progress& progress) {
    RemoteTree tree(request, &progress.entries_scanned);
    TimeNs begun_at = wall_clock_now();
    std::map<std::string, Directory, PathLess> all;
    std::vector<Directory> level(1);
    ListingBudget budget(request.max_entries);
    while (!level.empty()) {
        auto body = [this, &level, &budget](Nursery& nursery) -> Task<void> {
            for (Directory& directory : level) nursery.spawn(list_one(directory, budget));
            return nothing_more();
        };
        co_await with_nursery(body);
        std::vector<Directory> next;
        for (Directory& directory : level) {
            for (const ssh::SftpName& name : directory.names) {
                std::string path = join_path(directory.path, name.name);
                if (!name.attributes.is_directory() || path.size() > longest_path_bytes) continue;
                if (is_pruned(request, path)) continue;
                next.emplace_back().path = std::move(path);
            }
            std::string path = directory.path;
            all.emplace(std::move(path), std::move(directory));
        }
        level = std::move(next);
    }
    replay(tree, all, "");
    co_return tree.finish(begun_at);
}

void SftpSide::replay(RemoteTree& tree, const std::map<std::string, Directory, PathLess>& all,
                      const std::string& path) {
    auto found = all.find(path);
    if (found == all.end()) return;
    const Directory& directory = found->second;
    if (!directory.is_listed) tree.add_problem(path, directory.error);
    size_t next_link = 0;
    for (const ssh::SftpName& name : directory.names) {
        RemoteEntry entry = to_remote_entry(name.attributes);
        std::string link = entry.kind == Kind::symlink ? directory.links[next_link++] : "";
        std::string below = join_path(path, name.name);
        tree.add(below, entry, link);
        if (entry.kind == Kind::directory && tree.last_is_descended()) replay(tree, all, below);
    }
}

Task<void> SftpSide::digest_one(const Tree& tree, DigestItem& item, Progress& progress) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    const Entry& listed = tree[item.index];
    std::string path(tree.path(item.index));
    item.error = "changed on the server since it was listed; it will be tried again at the next run";
    std::optional<ssh::SftpAttributes> before = co_await entry_in_place(&listed, path);
    if (!before) co_return;
    std::string full = absolute(path);
    auto file = co_await sftp_.open(std::move(full), ssh::sftp_open::read, ssh::SftpAttributes());
    if (!file.ok()) {
        item.error = file.status.why();
        co_return;
    }
    HashSink sink;
    std::string why;
    auto opened = co_await sftp_.fstat(file.value);
    bool is_same = opened.ok() && is_same_file(*before, opened.value);
    if (is_same) why = co_await hash_of(file.value, listed.stamp.size, sink);
    co_await sftp_.close(file.value);
    if (!is_same) co_return;
    std::optional<ssh::SftpAttributes> after = co_await entry_in_place(&listed, path);
    if (!after || !is_same_file(*before, *after)) co_return;
    item.stamp = listed.stamp;
    item.digest = sink.finish();
    item.error = std::move(why);
    progress.bytes_hashed += item.stamp.size;
}

Task<void> SftpSide::digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) {
    auto spawn_all = [&, this](Nursery& nursery) -> Task<void> {
        for (DigestItem& item : items) nursery.spawn(digest_one(tree, item, progress));
        return nothing_more();
    };
    co_await with_nursery(spawn_all);
}

/// Nothing but reading it could tell its digest there, so it has to be what was listed before and after, below
/// directories that are none but such; what is opened has to be it, too.
Task<void> SftpSide::fetch_one(const Tree& tree, FetchedFile& file, FetchDirectory& directory, Progress& progress) {
    Semaphore::Permit permit = co_await under_way_.acquire();
    TimeNs begun_at = wall_clock_now();
    const Entry& listed = tree[file.index];
    std::string path(tree.path(file.index));
    FetchedContent& content = directory.contents[path];
    content.error = "changed on the server since it was listed; it will be tried again at the next run";
    file.seen = co_await entry_in_place(&listed, path);
    if (!file.seen) co_return;
    std::string full = absolute(path);
    co_await fetch_by_sftp(sftp_, full, tree, file, directory.fd(), means_, progress);
    std::optional<ssh::SftpAttributes> after = co_await entry_in_place(&listed, path);
    ++progress.files_done;
    if (!after || !is_same_file(*after, *file.seen)) {
        directory.remove_file(path);
        co_return;
    }
    content.error = !file.error.empty() ? file.error : file.arrived ? "" : "cannot be read on the server";
    content.digest = file.digest;
    content.source = is_racy(listed.stamp, begun_at) ? Stamp{} : listed.stamp;
    content.source.size = listed.stamp.size;
}

Task<void> SftpSide::fetch(const Tree& tree, std::vector<FetchedFile>& files, FetchDirectory& directory,
                           Progress& progress) {
    directory.contents.clear();
    auto spawn_all = [&, this](Nursery& nursery) -> Task<void> {
        for (FetchedFile& file : files) nursery.spawn(fetch_one(tree, file, directory, progress));
        return nothing_more();
    };
    co_await with_nursery(spawn_all);
}

Task<void> SftpSide::remove(std::vector<RemoveItem>& items, Progress& progress) {
    for (RemoveItem& item : items) {
        ++progress.files_done;
        std::string path = absolute(item.path), relative(item.path);
        bool as_listed = co_await is_as_listed_now(item.expected, std::move(relative));
        if (!as_listed) {
            auto now = co_await sftp_.lstat(path);
            if (!now.status.not_found()) item.error = "changed on the target since it was listed; kept";
            continue;
        }
        ssh::SftpStatus status;
        if (item.op == Op::rmdir) {
            status = co_await sftp_.rmdir(path);
        } else {
            status = co_await sftp_.remove(path);
        }
        if (!status.ok()) item.error = "cannot remove it: " + status.why();
    }
}

}  // namespace syncline
