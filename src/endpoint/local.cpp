#include "endpoint/local.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/local_commit.hpp"
#include "endpoint/local_install.hpp"
#include "endpoint/local_names.hpp"
#include "endpoint/local_settle.hpp"
#include "endpoint/ssh_fetch_directory.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

constexpr unsigned threads_of_a_batch = 2;

Listing to_listing(fs::WalkResult&& walked) {
    Listing listing;
    listing.tree = std::move(walked.tree);
    listing.problems = std::move(walked.problems);
    listing.incomplete = std::move(walked.incomplete);
    listing.leftovers = std::move(walked.leftovers);
    listing.taken_aside = std::move(walked.taken_aside);
    listing.kept = std::move(walked.kept);
    listing.ignored = walked.ignored;
    listing.git_left_out = walked.git_left_out;
    listing.started_at = walked.started_at;
    return listing;
}

/// The directories above both roots, and these.
std::vector<fs::DirectoryId> directories_that_hold(const std::string& root, const std::string& other_root) {
    std::vector<fs::DirectoryId> all = fs::directories_up_from(resolve_path(root));
    if (other_root.empty()) return all;
    std::vector<fs::DirectoryId> others = fs::directories_up_from(resolve_path(other_root));
    all.insert(all.end(), others.begin(), others.end());
    return all;
}

/// Of what was made in `parent` a moment ago. Where nobody else may write it can belong to another user all the same: a
/// mount may give all that is in it one owner.
void require_ours(int parent, int directory, const std::string& path) {
    struct stat around{}, status{};
    if (::fstat(directory, &status) == 0 && status.st_uid == ::geteuid()) return;
    if (::fstat(parent, &around) == 0 && (around.st_mode & 0022) == 0) return;
    throw Error(Errc::failed, "another user put a directory in the place of the one that was made for " + escape(path) +
                                  "; choose a place where nobody else may write");
}

/// Removes it, or keeps it for the file that it may be the beginning of.
void sweep_leftover(int root, const std::string& path, KeptBeginnings* kept) {
    if (!fs::is_temporary_name(last_name(path))) return;
    fs::Fd directory = fs::open_directory(root, parent_path(path));
    std::string name(last_name(path));
    if (!directory) return;
    std::optional<Entry> found = entry_now(directory.get(), name);
    bool is_worth_it = found && found->kind == Kind::file && found->stamp.size >= KeptBeginnings::least_bytes;
    if (kept != nullptr && is_worth_it) return kept->add(path, found->stamp.size);
    // Another run, of another state or another machine, may have it in the making.
    fs::Fd lock;
    if (found && found->kind == Kind::file && is_in_use(directory.get(), name, lock)) return;
    if (::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
    remove_unused_directory(directory.get(), name);  // what a pull was bringing when it was killed
}

}  // namespace

LocalEndpoint::LocalEndpoint(std::string path, bool fsync, WorkerPool& workers, fs::HashPool& hashes,
                             fs::RateLimiter& limiter)
    : path_(std::move(path)), fsync_(fsync), workers_(workers), hashes_(hashes), limiter_(limiter) {}

std::string LocalEndpoint::shown() const { return escape(path_); }

std::string LocalEndpoint::identity_text() const { return "local:" + resolve_path(path_); }

std::string LocalEndpoint::root_text() const {
    std::filesystem::path path = std::filesystem::path(path_ + "/").lexically_normal().parent_path();
    return "local:" + (std::filesystem::path(resolve_path(path.parent_path())) / path.filename()).string();
}

bool LocalEndpoint::is_unsafe_for_mirror() const { return is_root_or_home(path_); }

int LocalEndpoint::root() {
    if (!root_) root_ = fs::open_root(path_);
    return root_.get();
}

/// From here on the run works on the directory that was looked at, whatever comes to stand under its path.
Task<std::optional<RootIdentity>> LocalEndpoint::inspect() {
    if (!root_) root_ = fs::Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (root_) co_return identify_root(root_.get(), path_);
    co_return identify_root(path_);
}

Task<bool> LocalEndpoint::is_still_in_place() {
    if (!root_) co_return true;
    std::optional<RootIdentity> now = identify_root(path_);
    bool is_same = now && *now == identify_root(root_.get(), path_);
    // Where inodes do not last they do so for as long as the directory is open.
    struct stat held{}, found{};
    bool is_found = ::fstat(root_.get(), &held) == 0 && ::stat(path_.c_str(), &found) == 0;
    co_return is_same&& is_found&& held.st_dev == found.st_dev&& held.st_ino == found.st_ino;
}

Task<Listing> LocalEndpoint::list(ListRequest request, Progress& progress) {
    if (!root_ && !identify_root(path_)) co_return Listing{};
    follows_symlinks_ = !request.is_target && request.symlinks == SymlinkPolicy::follow;
    fs::WalkOptions options;
    options.filter = request.filter;
    options.ignores = request.ignores;
    options.keep_unselected = request.is_target;
    options.descend_unselected = request.descend_unselected;
    options.symlinks = request.symlinks;
    // By name alone a listing cannot tell how a name is spelled.
    if (!folds_names_) options.scope = request.scope;
    options.max_entries = request.max_entries;
    if (follows_symlinks_) options.never_followed = directories_that_hold(path_, request.other_local_root);
    options.threads = options.scope.empty() ? threads_of_a_batch : 1;
    options.scanned = &progress.entries_scanned;
    int root_fd = root();
    auto work = [&](std::stop_token stop) { return to_listing(fs::walk(root_fd, options, std::move(stop))); };
    co_return co_await offload(workers_, work);
}

Task<bool> LocalEndpoint::selects_anything(ListRequest request) {
    fs::WalkOptions options;
    options.filter = request.filter;
    options.ignores = request.ignores;
    options.symlinks = request.symlinks;
    // What is selected stands in a directory that is selected, unless `include` asks for what is deep down.
    options.top_only = request.filter == nullptr || !request.filter->has_includes();
    int root_fd = root();
    auto work = [&](std::stop_token stop) { return !fs::walk(root_fd, options, std::move(stop)).tree.empty(); };
    co_return co_await offload(workers_, work);
}

Task<void> LocalEndpoint::digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) {
    int root_fd = root();
    auto work = [&](std::stop_token stop) {
        std::vector<fs::HashItem> batch(items.size());
        for (size_t i = 0; i < items.size(); ++i) {
            const Entry& entry = tree[items[i].index];
            batch[i].path = tree.path(entry);
            batch[i].expected = entry.stamp;
        }
        fs::Links links = follows_symlinks_ ? fs::Links::follow : fs::Links::refuse;
        hashes_.hash(root_fd, batch, std::move(stop), &progress.bytes_hashed, links);
        for (size_t i = 0; i < items.size(); ++i) {
            items[i].digest = batch[i].digest;
            items[i].stamp = batch[i].stamp;
            // Through FUSE a name that is read under the source's spelling can have an inode of its own.
            if (folds_names_ && batch[i].stamp.known()) items[i].stamp.inode = tree[items[i].index].stamp.inode;
            items[i].generated = batch[i].generated;
            items[i].error = std::move(batch[i].error);
        }
    };
    co_await offload(workers_, work);
}

Task<ContentSource> LocalEndpoint::fetch(const Tree&, std::vector<uint32_t>, Progress&) {
    co_return ContentSource{root(), follows_symlinks_};
}

/// One component at a time, by descriptors: in a directory that others may write, what was made must be what is
/// entered.
Task<void> LocalEndpoint::create_root(uint16_t mode) {
    if (root_ || identify_root(path_)) co_return;
    fs::Fd at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    bool is_made = false;
    for (const std::filesystem::path& part : std::filesystem::path(path_).relative_path()) {
        if (part.empty()) continue;
        is_made = ::mkdirat(at.get(), part.c_str(), 0700) == 0;
        if (!is_made && errno != EEXIST) throw errno_error("create the directory", path_, errno);
        int no_follow = is_made ? O_NOFOLLOW : 0;
        fs::Fd next(::openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | no_follow));
        if (!next) throw errno_error("create the directory", path_, errno);
        if (is_made) require_ours(at.get(), next.get(), path_);
        at = std::move(next);
    }
    constexpr uint16_t mode_when_made = 0700;
    if (!is_made || mode == mode_when_made) co_return;
    std::string by_descriptor = "/proc/self/fd/" + std::to_string(at.get());
    if (::chmod(by_descriptor.c_str(), mode) != 0) throw errno_error("set the mode of the directory", path_, errno);
}

Task<void> LocalEndpoint::commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) {
    int root_fd = root();
    LocalCommit::Options options{fsync_, threads_of_a_batch, &loses_times_};
    auto work = [&](std::stop_token stop) {
        LocalCommit(root_fd, content, options, std::move(stop), progress, touched_, limiter_, kept_).run(items);
    };
    co_await offload(workers_, work);
}

Task<void> LocalEndpoint::remove(std::vector<RemoveItem>& items, Progress& progress) {
    int root_fd = root();
    auto work = [&](std::stop_token stop) {
        Installer installer(root_fd, touched_);
        for (RemoveItem& item : items) {
            if (stop.stop_requested()) throw Cancelled();
            installer.remove(item);
            ++progress.files_done;
        }
    };
    co_await offload(workers_, work);
}

/// By a lock on the directory itself, which leaves nothing in it and ends with the process.
Task<std::string> LocalEndpoint::claim() {
    if (!root_ && !identify_root(path_)) co_return "";
    if (::flock(root(), LOCK_EX | LOCK_NB) == 0) co_return "";
    if (errno == EWOULDBLOCK) {
        throw Error(Errc::locked, "another run, of another state or another machine, works on " + shown() +
                                      "; wait for that one to end");
    }
    co_return "its file system has no locks, so that nothing tells whether another machine works on it too; see that "
              "none does";
}

Task<bool> LocalEndpoint::folds_names(bool may_write) {
    int root_fd = root();
    auto work = [&](std::stop_token) { return syncline::folds_names(root_fd, may_write); };
    folds_names_ = co_await offload(workers_, work);
    co_return folds_names_;
}

Task<void> LocalEndpoint::rename(std::vector<RenameItem>& items) {
    int root_fd = root();
    auto work = [&](std::stop_token) {
        for (RenameItem& item : items) respell_entry(root_fd, item, touched_);
    };
    co_await offload(workers_, work);
}

std::vector<std::string> LocalEndpoint::remarks() const {
    if (!loses_times_) return {};
    return {"its file system does not keep the modification times that files are given; contents are compared instead"};
}

Task<void> LocalEndpoint::settle(std::vector<TakenAside>& items) {
    int root_fd = root();
    auto work = [&](std::stop_token stop) {
        for (TakenAside& item : items) settle_local(root_fd, item, stop);
    };
    co_await offload(workers_, work);
}

Task<void> LocalEndpoint::sweep(std::vector<std::string> leftovers) {
    if (leftovers.empty()) co_return;
    int root_fd = root();
    auto work = [&](std::stop_token) {
        KeptBeginnings* kept = is_flushed_ ? nullptr : &kept_;
        for (const std::string& path : leftovers) sweep_leftover(root_fd, path, kept);
    };
    co_await offload(workers_, work);
}

Task<void> LocalEndpoint::flush() {
    if (!root_) co_return;
    is_flushed_ = true;
    auto work = [&](std::stop_token) {
        for (const std::string& path : kept_.take_all()) sweep_leftover(root_.get(), path, nullptr);
        if (fsync_ && ::syncfs(root_.get()) != 0) throw errno_error("flush the file system of", path_, errno);
    };
    co_await offload(workers_, work);
}

}  // namespace syncline
