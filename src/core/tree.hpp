// Tree: a sorted, immutable listing of one side of a job.
//
// Built once by a TreeBuilder, read by one thread at a time. A million entries must fit in little memory, so an entry
// is 80 bytes and all names lie in one string that the entries point into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/units.hpp"

namespace syncline {

enum class Kind : uint8_t { file, directory, symlink, special };

/// "file", "directory", "symlink", "special file".
std::string_view kind_name(Kind kind);

/// What tells that a file's content is still the same without reading it. All zero: nothing is known.
struct Stamp {
    uint64_t size = 0;  ///< bytes; for a symlink the length of its target
    TimeNs mtime = 0;
    TimeNs ctime = 0;
    uint64_t inode = 0;

    bool known() const { return inode != 0; }
    bool operator==(const Stamp&) const = default;
};

/// Facts about an entry beside its stamp.
enum EntryFlag : uint8_t {
    has_digest = 1,     ///< `digest` is the SHA-256 of the content that `stamp` describes
    unselected = 2,     ///< excluded, ignored or `.git`: in the tree only because it stands in the way of others
    pinned = 4,         ///< `.git`: never removed, not even by `delete_excluded`
    mount_point = 8,    ///< a directory on which another file system is mounted
    unreadable = 16,    ///< its content could not be read in this run; a Problem says why
    generated = 32,     ///< carries `@generated` in its first 4 KiB; known only when looked for
    marker_known = 64,  ///< whether it is `generated` was looked for
};

struct Entry {
    uint64_t path_offset = 0;
    uint32_t path_size = 0;
    uint16_t mode = 0;  ///< permission bits, 07777
    Kind kind = Kind::file;
    uint8_t flags = 0;
    Stamp stamp;
    Digest digest;

    bool has(EntryFlag flag) const { return (flags & flag) != 0; }
};

class Tree {
  public:
    static constexpr uint32_t none = UINT32_MAX;

    size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    const Entry& operator[](size_t index) const { return entries_[index]; }
    std::span<const Entry> entries() const { return entries_; }

    /// Relative to the root; the root itself is not an entry.
    std::string_view path(const Entry& entry) const { return {&names_[entry.path_offset], entry.path_size}; }
    std::string_view path(size_t index) const { return path(entries_[index]); }
    /// The target of a symlink, as it was read; "" for other kinds.
    std::string_view link(const Entry& entry) const;

    /// The index of `path`, or `none`.
    uint32_t find(std::string_view path) const;
    /// The half-open range of indices of what lies below `directory`, without itself; "" is the whole tree.
    std::pair<size_t, size_t> range_below(std::string_view directory) const;

    void set_digest(size_t index, const Digest& digest);
    void set_stamp(size_t index, const Stamp& stamp) { entries_[index].stamp = stamp; }
    void set_flag(size_t index, EntryFlag flag) { entries_[index].flags |= flag; }
    /// It has to be read again, whatever its stamp says.
    void forget_digest(size_t index) { entries_[index].flags &= static_cast<uint8_t>(~has_digest); }

  private:
    friend class TreeBuilder;
    std::vector<Entry> entries_;
    std::string names_;
};

/// Collects entries in any order. Paths must be valid (is_valid_path) and each may be added once.
class TreeBuilder {
  public:
    /// `name_bytes` counts paths and symlink targets.
    void reserve(size_t entries, size_t name_bytes);

    /// The path is `parent`/`name`. Digest and path position of `entry` are ignored; `link` only counts for symlinks,
    /// whose stamp gets the link's length as its size.
    void add(std::string_view parent, std::string_view name, Entry entry, std::string_view link = {});
    void add(std::string_view path, Entry entry, std::string_view link = {}) { add({}, path, entry, link); }

    /// Sorts where the entries did not come in order. A path that was added twice is an assertion.
    Tree finish();

  private:
    Tree tree_;
};

}  // namespace syncline
