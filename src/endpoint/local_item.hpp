// Small things that staging, installing and removing on a local tree have in common.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "endpoint/endpoint.hpp"

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

/// The process's umask, which takes bits from what is created.
uint16_t process_umask();

/// The errors that end a run as failed: the disk is full, over quota, read-only or broken.
bool is_disk_trouble(int error_number);

void fail(CommitItem& item, const std::string& what, int error_number);
void fail_changed(CommitItem& item);

}  // namespace syncline
