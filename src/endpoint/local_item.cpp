#include "endpoint/local_item.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/assert.hpp"
#include "core/own_names.hpp"
#include "fs/fd.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

constexpr size_t digits_of_made = 8;

std::string random_digits() {
    uint64_t random = 0;
    SYNCLINE_ASSERT(::getrandom(&random, sizeof random, 0) == sizeof random);
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random));
    return digits;
}

}  // namespace

timespec to_timespec(TimeNs time) {
    TimeNs seconds = time / ns_per_second;
    TimeNs rest = time % ns_per_second;
    if (rest < 0) {
        rest += ns_per_second;
        --seconds;
    }
    return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

bool is_unknown_rename(int error_number) {
    return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP || error_number == ENOTTY ||
           error_number == EXDEV;
}

void TouchedInodes::add(uint64_t inode) {
    std::lock_guard lock(mutex_);
    inodes_.insert(inode);
}

bool TouchedInodes::contains(uint64_t inode) const {
    std::lock_guard lock(mutex_);
    return inodes_.contains(inode);
}

bool is_as_listed(const Entry* listed, const Entry* now, const TouchedInodes& touched) {
    if (listed == nullptr || now == nullptr) return listed == now;
    if (listed->kind != now->kind || listed->stamp.inode != now->stamp.inode) return false;
    if (listed->kind == Kind::directory) return true;  // its times change with what is in it
    Stamp seen = listed->stamp;
    if (listed->kind == Kind::symlink) seen.size = now->stamp.size;
    if (touched.contains(seen.inode)) seen.ctime = now->stamp.ctime;
    return seen == now->stamp;
}

std::optional<Entry> entry_now(int directory, const std::string& name, uint32_t* link_count) {
    struct statx status{};
    if (::statx(directory, name.c_str(), fs::statx_flags, fs::statx_mask | STATX_NLINK, &status) != 0)
        return std::nullopt;
    if (link_count != nullptr) *link_count = status.stx_nlink;
    return fs::to_entry(status);
}

std::string new_temporary_name() { return std::string(fs::temporary_prefix) + random_digits(); }

std::string new_aside_name(std::string_view name) { return aside_name(name, random_digits()); }

std::string new_aside_name(std::string_view name, const Digest& made) {
    return aside_name(name, made.hex().substr(0, digits_of_made) + random_digits().substr(digits_of_made));
}

bool is_made_for(std::string_view aside, const Digest& content) {
    return aside_tail(aside).starts_with(content.hex().substr(0, digits_of_made));
}

bool rename_if_free(int directory, const std::string& from, const std::string& to) {
    if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (!is_unknown_rename(errno)) return false;
    struct stat status{};
    if (::fstatat(directory, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return errno = EEXIST, false;
    return errno == ENOENT && ::renameat(directory, from.c_str(), directory, to.c_str()) == 0;
}

std::string keep_beside(int directory, const std::string& aside, std::string_view name) {
    std::string kept = kept_name(name, random_digits().substr(0, 8));
    return rename_if_free(directory, aside, kept) ? kept : "";
}

bool is_in_use(int directory, const std::string& name, fs::Fd& lock) {
    lock = fs::Fd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

uint16_t process_umask() {
    static const uint16_t mask = [] {
        mode_t now = ::umask(077);
        ::umask(now);
        return static_cast<uint16_t>(now);
    }();
    return mask;
}

bool is_disk_trouble(int error_number) {
    return error_number == ENOSPC || error_number == EDQUOT || error_number == EROFS || error_number == EIO;
}

bool concerns_one_file(int error_number) {
    bool lacks_means = error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
    return !lacks_means && !is_disk_trouble(error_number);
}

void fail(CommitItem& item, const std::string& what, int error_number) {
    item.error = what + ": " + errno_text(error_number);
    item.disk_trouble = is_disk_trouble(error_number);
}

void fail_changed(CommitItem& item) { item.error = "changed on the target since it was listed; left as it is"; }

}  // namespace syncline
