// BaselineRow: one baseline entry as the two byte strings that the database holds. Pure.
//
// The path has NUL for '/', so that the database's order of bytes is the order of paths. The value ends in a checksum
// over the pair's key, the path and the value: a row that was damaged, or that belongs to another pair, is no row.
// SQLite itself does not notice a flipped bit, and a wrong row would be a false proof of what both sides hold.
//
// Value, little endian: layout version (1), kind (1), mode (2), mount point (1), found there (1), whether the source's
// owner may execute it (1: 1 no, 2 yes, 0 not recorded), zero (1), size (8),
// source mtime, ctime and inode (24), target mtime, ctime and inode (24), a file's digest (32) or a symlink's target
// (size), checksum (8). Rows from before "found there" was kept have zero in its place and count as put by the job.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/baseline.hpp"
#include "core/policy.hpp"

namespace syncline {

/// What binds rows to their pair.
uint64_t row_seed(std::string_view root, std::string_view destination, Direction direction);

/// Both write into a string that is used again from row to row.
void encode_row_path(std::string_view path, std::string& stored);
void encode_row_value(uint64_t seed, std::string_view stored_path, const BaselineEntry& entry, std::string_view link,
                      std::string& value);

struct DecodedRow {
    std::string path;
    BaselineEntry entry;
    std::string_view link;  ///< into the value
};

/// False when the row is damaged or of another layout; it then counts as absent.
bool decode_row(uint64_t seed, std::string_view stored_path, std::string_view value, DecodedRow& row);

}  // namespace syncline
