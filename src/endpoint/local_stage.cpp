#include "endpoint/local_stage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/rel_path.hpp"

namespace syncline {
namespace {

constexpr int read_attempts = 3;
constexpr uint16_t mode_as_created = 0600;

/// Whether a file has another time than it was given, by more than FAT's 2 s. What lies before 1980 or beyond 2100 is
/// held by few file systems.
bool is_other_time(const timespec& given, const Stamp& made) {
    constexpr time_t year_1980 = 315532800, year_2100 = 4102444800;
    if (!made.known() || given.tv_sec < year_1980 || given.tv_sec > year_2100) return false;
    TimeNs difference = made.mtime - (given.tv_sec * ns_per_second + given.tv_nsec);
    return std::abs(difference) > 2 * ns_per_second;
}

}  // namespace

Stager::Stager(int target_root, ContentSource content, std::stop_token stop, Progress& progress,
               fs::RateLimiter& limiter, KeptBeginnings& kept)
    : content_(content),
      stop_(std::move(stop)),
      progress_(progress),
      sources_(content.root, content.follow_symlinks ? fs::Links::follow : fs::Links::refuse),
      targets_(target_root),
      copier_(limiter),
      kept_(kept) {}

bool Stager::is_kept_when_cut(const CommitItem& item, const ContentSource& content) {
    return item.op == Op::put && content.fetched == nullptr && item.source.size >= KeptBeginnings::least_bytes;
}

void Stager::stage(CommitItem& item, Staged& staged) {
    std::string& temporary = staged.name;
    int directory = targets_.open(parent_path(item.path));
    if (directory < 0) return fail(item, "cannot open its directory on the target", errno);
    temporary = new_temporary_name();
    if (is_kept_when_cut(item, content_)) temporary = last_name(new_beginning(item.path));
    bool is_symlink = item.op == Op::symlink;
    if (is_symlink ? stage_symlink(item, directory, temporary) : stage_file(item, directory, temporary)) {
        staged.stamp = finished_;
        staged.lock = std::move(lock_);
        return;
    }
    ::unlinkat(directory, temporary.c_str(), 0);
    temporary.clear();
}

bool Stager::stage_symlink(CommitItem& item, int directory, const std::string& name) {
    if (::symlinkat(std::string(item.link).c_str(), directory, name.c_str()) != 0) {
        fail(item, "cannot create the symlink", errno);
        return false;
    }
    timespec times[2] = {{0, UTIME_OMIT}, to_timespec(item.source.mtime)};
    ::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW);  // a link's own time is a nicety
    Entry made;
    finished_ = fs::read_entry(directory, name.c_str(), made) ? made.stamp : Stamp{};
    return true;
}

bool Stager::stage_file(CommitItem& item, int directory, std::string& name) {
    if (content_.fetched == nullptr) return stage_copy(item, directory, name);
    auto found = content_.fetched->find(std::string(item.path));
    bool is_there = found != content_.fetched->end() && found->second.error.empty();
    if (is_there) return stage_fetched(item, found->second, directory, name);
    item.error = found == content_.fetched->end() ? "was not fetched" : found->second.error;
    return false;
}

/// It was verified when it came: it only has to move.
bool Stager::stage_fetched(CommitItem& item, const FetchedContent& content, int directory, std::string& name) {
    fs::Fd file = open_source(item);
    if (!file) return false;
    int parent = sources_.open(parent_path(item.path));
    if (::renameat(parent, std::string(last_name(item.path)).c_str(), directory, name.c_str()) != 0) {
        if (errno == EXDEV) return stage_copy(item, directory, name);
        fail(item, "cannot move it from where it was fetched to", errno);
        return false;
    }
    item.committed = content.digest;
    item.source_stamp = content.source;
    source_mtime_ = to_timespec(content.mtime.value_or(item.source.mtime));
    return finish_file(item, file.get());
}

/// Gives `target`, which is new, the bytes that a run which broke off had brought, and removes those. Another process
/// may still have that file open, so it is only read.
bool Stager::begin_with(int target, int directory, const std::string& beginning) {
    fs::Fd begun;
    struct stat status{};
    if (is_in_use(directory, beginning, begun) || !begun || ::fstat(begun.get(), &status) != 0) return false;
    bool is_ours = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == ::geteuid();
    bool is_taken = is_ours && fs::share_or_copy(begun.get(), target, stop_);
    // A part of it would stand where holes are to be.
    if (!is_taken && ::ftruncate(target, 0) != 0) return false;
    if (is_ours) ::unlinkat(directory, beginning.c_str(), 0);
    return is_taken;
}

bool Stager::stage_copy(CommitItem& item, int directory, const std::string& name) {
    fs::Fd source = open_source(item);
    if (!source) return false;
    bool is_large = is_kept_when_cut(item, content_);
    std::optional<KeptBeginnings::Beginning> kept;
    if (is_large) kept = kept_.take(item.path);
    for (int attempt = 0; attempt < read_attempts; ++attempt) {
        fs::Fd target(
            ::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_as_created));
        if (!target) {
            fail(item, "cannot create a file on the target", errno);
            return false;
        }
        if (is_large) ::flock(target.get(), LOCK_EX | LOCK_NB);  // some file systems have no locks
        bool is_begun = kept && attempt == 0 && begin_with(target.get(), directory, std::string(last_name(kept->path)));
        Outcome outcome = copy(item, source.get(), target.get(), is_begun);
        bool is_done = outcome == Outcome::done && finish_file(item, target.get());
        if (is_done && is_large) lock_ = std::move(target);
        if (outcome != Outcome::changed) return is_done;
        ::unlinkat(directory, name.c_str(), 0);
    }
    item.error = "changes while it is read; it will be tried again at the next run";
    return false;
}

Stager::Outcome Stager::copy(CommitItem& item, int source, int target, bool is_begun) {
    Entry before, after;
    if (!fs::read_entry(source, "", before)) return fail(item, "cannot read it", errno), Outcome::failed;
    TimeNs started_at = wall_clock_now();
    std::atomic<uint64_t>& bytes_done = progress_.bytes_done;
    Digest digest = copier_.copy(source, target, before.stamp.size, is_begun, stop_, bytes_done);
    if (!fs::read_entry(source, "", after)) return fail(item, "cannot read it", errno), Outcome::failed;
    if (before.stamp != after.stamp) return Outcome::changed;
    if (!copier_.error().empty()) {
        item.error = copier_.error();
        item.disk_trouble = is_disk_trouble(copier_.error_number());
        return Outcome::failed;
    }
    bool racy = is_racy(before.stamp, started_at);
    // A write that began before the first look shows in no stamp: a file as young as that is read twice.
    if (racy && copier_.hash(source, before.stamp.size, stop_) != digest) return Outcome::changed;
    item.committed = digest;
    item.source_stamp = racy ? Stamp{} : before.stamp;
    item.source_stamp.size = before.stamp.size;
    source_mtime_ = to_timespec(item.op == Op::touch ? item.source.mtime : before.stamp.mtime);
    // Nanoseconds in 64 bits end in 2262; file systems go further.
    struct stat status{};
    bool far_away = before.stamp.mtime == INT64_MAX || before.stamp.mtime == INT64_MIN;
    if (far_away && ::fstat(source, &status) == 0) source_mtime_ = status.st_mtim;
    return Outcome::done;
}

bool Stager::finish_file(CommitItem& item, int target) {
    bool keeps_mode = item.keep_existing_mode && item.expected != nullptr && item.expected->kind == Kind::file;
    uint16_t mode = keeps_mode ? item.expected->mode & 0777 : item.mode;
    bool umask_spares_owner = (process_umask() & 0600) == 0;
    if ((mode != mode_as_created || !umask_spares_owner) && ::fchmod(target, mode) != 0) {
        fail(item, "cannot set its mode", errno);
        return false;
    }
    // exFAT through FUSE takes both times or none.
    timespec times[2] = {to_timespec(wall_clock_now()), source_mtime_};
    if (::futimens(target, times) != 0) {
        fail(item, "cannot set its modification time", errno);
        return false;
    }
    Entry made;
    finished_ = fs::read_entry(target, "", made) ? made.stamp : Stamp{};
    loses_times_ = loses_times_ || is_other_time(source_mtime_, finished_);
    item.target_mode = mode;
    return true;
}

fs::Fd Stager::open_source(CommitItem& item) {
    int directory = sources_.open(parent_path(item.path));
    std::string name(last_name(item.path));
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (content_.follow_symlinks ? 0 : O_NOFOLLOW);
    fs::Fd source(directory < 0 ? -1 : ::openat(directory, name.c_str(), flags));
    Entry entry;
    if (!source || !fs::read_entry(source.get(), "", entry)) {
        item.error = "cannot read the source: " + errno_text(errno);
        return {};
    }
    if (entry.kind != Kind::file) {
        item.error = "the source is no file any more, but a " + std::string(kind_name(entry.kind));
        return {};
    }
    return source;
}

}  // namespace syncline
