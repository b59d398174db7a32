// Small things that staging, installing and removing on a local tree have in common.
#pragma once

#include <time.h>

#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "endpoint/endpoint.hpp"
#include "fs/fd.hpp"

namespace syncline {

/// Inodes with several names, one of which this run replaced or removed: their ctime changed by our own hand.
class TouchedInodes {
  public:
    void add(uint64_t inode);
    bool contains(uint64_t inode) const;

  private:
    mutable std::mutex mutex_;
    std::unordered_set<uint64_t> inodes_;
};

/// Whether what stands at a path now (`now`; null: nothing) is what the listing saw there.
bool is_as_listed(const Entry* listed, const Entry* now, const TouchedInodes& touched);

/// What stands at `name` now; nullopt and errno when nothing does or it cannot be seen.
std::optional<Entry> entry_now(int directory, const std::string& name, uint32_t* link_count = nullptr);

/// A name in the pattern of fs::is_temporary_name that nobody else uses.
std::string new_temporary_name();

/// A name under which what stands at `name` is taken aside. With `made`, the content that is to stand there instead,
/// what lies there may also be that: eight of its digits are in the name, so that it is known again.
std::string new_aside_name(std::string_view name);
std::string new_aside_name(std::string_view name, const Digest& made);
/// Whether `content` is what new_aside_name was told of.
bool is_made_for(std::string_view aside, const Digest& content);

/// The errors of file systems that do not know renameat2's flags. EXDEV: overlayfs, of what lies in its lower layer.
bool is_unknown_rename(int error_number);

/// Renames within a directory unless something has that name. False and errno: EEXIST when something has.
bool rename_if_free(int directory, const std::string& from, const std::string& to);
/// What is nobody's but a person's to decide about goes beside `name`. Its name there; "" and errno when that failed.
std::string keep_beside(int directory, const std::string& aside, std::string_view name);

/// Whether another process holds a lock on a file. While it is not, `lock` holds one, as far as the file can be opened
/// and locked at all.
bool is_in_use(int directory, const std::string& name, fs::Fd& lock);

/// A file or symlink that was made beside its place, verified and with its times.
struct Staged {
    std::string name;  ///< "" when none is in the making
    Stamp stamp;       ///< as it was left; ctime is nothing to go by, since a rename changes it
    fs::Fd lock;       ///< of a large file: held until it is in its place, so that no other run takes it for abandoned
};

timespec to_timespec(TimeNs time);

/// The process's umask, which takes bits from what is created.
uint16_t process_umask();

/// The errors that end a run as failed: the disk is full, over quota, read-only or broken.
bool is_disk_trouble(int error_number);

/// Whether the error says nothing of other files: a name that the file system cannot hold is one, a full disk is none.
bool concerns_one_file(int error_number);

void fail(CommitItem& item, const std::string& what, int error_number);
void fail_changed(CommitItem& item);

}  // namespace syncline
