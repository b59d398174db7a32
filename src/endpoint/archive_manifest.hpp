// ArchiveManifest: what a tree that is kept as one archive holds, so that nobody has to read the archive to know. Pure.
//
// Below the prefix lie two objects: the manifest under one name, and the archive, a zstd-compressed tar, under a name
// of its own that the manifest tells. The manifest is zstd-compressed JSON, an object a line: the first tells of the
// archive and how many follow, the others of one entry each, in path order. What it says is believed no more than any
// other listing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/listing_limits.hpp"
#include "core/tree.hpp"

namespace syncline {

inline constexpr std::string_view manifest_name = ".syncline-archive.jsonl.zst";

struct ArchiveManifest {
    std::string archive;  ///< its name below the prefix
    uint64_t archive_bytes = 0;
    std::string archive_etag;
    /// Stamps are sizes and times of modification; every file has its digest.
    Tree tree;
};

/// A name for a new archive that nobody else uses.
std::string new_archive_name();
/// Whether a path is that of an archive, whoever made it.
bool is_archive_name(std::string_view path);
/// Whether a path is kept for archives and their manifest: no file of a tree may have it.
bool is_reserved_for_archives(std::string_view path);

/// The object's content.
std::string write_manifest(const ArchiveManifest& manifest);
/// Throws Error when it is damaged, hostile or of a newer version; the sentence begins with what is wrong.
ArchiveManifest read_manifest(std::string_view content, uint64_t max_entries = default_max_entries);

/// The stamp by which an entry of an archive is known again: its content's.
Stamp archive_stamp(const Entry& entry);

}  // namespace syncline
