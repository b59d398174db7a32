// Baseline: what a job last verified as equal on both sides, per path, with the stamps that both sides had then.
//
// A side whose stamp is still the recorded one holds this content and need not be read: the baseline is the hash index
// too. Sorted like a Tree. Kept in memory for the length of one run; state/ stores it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tree.hpp"

namespace syncline {

struct BaselineEntry {
    uint64_t path_offset = 0;
    uint32_t path_size = 0;
    uint16_t mode = 0;  ///< the target's mode, 07777
    Kind kind = Kind::file;
    bool mount_point : 1 = false;  ///< the source directory was a mount point
    bool found_there : 1 = false;  ///< the target had it before this job put anything there: `synced` never deletes it
    bool source_mode_known : 1 = false;  ///< older versions did not record it
    bool source_executable : 1 = false;  ///< by its owner
    uint64_t size = 0;  ///< bytes of content; for a symlink the length of its target, stored behind the path
    Digest digest;      ///< of a file's content; zero for other kinds
    // The stamps' sizes are `size`; inode 0: not known (racy when it was recorded), but for the time.
    TimeNs source_mtime = 0, source_ctime = 0;
    uint64_t source_inode = 0;
    TimeNs target_mtime = 0, target_ctime = 0;
    uint64_t target_inode = 0;

    Stamp source_stamp() const { return {size, source_mtime, source_ctime, source_inode}; }
    Stamp target_stamp() const { return {size, target_mtime, target_ctime, target_inode}; }
    void set_source(const Stamp& stamp) {
        source_mtime = stamp.mtime, source_ctime = stamp.ctime, source_inode = stamp.inode;
    }
    void set_source_mode(uint16_t source_mode) {
        source_mode_known = true, source_executable = is_executable(source_mode);
    }
    static bool is_executable(uint16_t mode) { return (mode & 0100) != 0; }
    void set_target(const Stamp& stamp) {
        target_mtime = stamp.mtime, target_ctime = stamp.ctime, target_inode = stamp.inode;
    }
};

class Baseline {
  public:
    size_t size() const { return entries_.size(); }
    const BaselineEntry& operator[](size_t index) const { return entries_[index]; }
    std::span<const BaselineEntry> entries() const { return entries_; }

    std::string_view path(const BaselineEntry& entry) const { return {&names_[entry.path_offset], entry.path_size}; }
    std::string_view path(size_t index) const { return path(entries_[index]); }
    std::string_view link(const BaselineEntry& entry) const;
    /// The index of `path`, or Tree::none.
    uint32_t find(std::string_view path) const;

    void reserve(size_t entries, size_t name_bytes);
    /// Entries must be added in path order (an assertion). Path position is set here; `link` only counts for symlinks.
    void add(std::string_view path, BaselineEntry entry, std::string_view link = {});

  private:
    std::vector<BaselineEntry> entries_;
    std::string names_;
};

/// Fills in, on both trees, the digest of each file whose stamp is the recorded one.
void recall_digests(const Baseline& baseline, Tree& source, Tree& target);

/// Whether a file seen at `scanned_at` may have changed after it was looked at without its stamp showing it: its times
/// are not clearly older than the scan. Such a stamp is not recorded.
bool is_racy(const Stamp& stamp, TimeNs scanned_at);
/// The same of a file that was put there a moment before `now`, whose ctime is of that moment: whether a later edit
/// could have the mtime that it was given.
bool is_racy_when_written(const Stamp& stamp, TimeNs now);

}  // namespace syncline
