// ArchiveStore: the two objects of a tree that is kept as an archive: which archive is the tree's, how another one
// takes its place, and how those are removed that are nobody's any more.
//
// An archive never changes; the manifest, which names it, is put over the one that was read and over nothing else. So a
// reader has the old tree or the new one, and of two machines that push at once the second begins anew. Removed is only
// what this machine's journal or the replaced manifest names: others may be at work on theirs. Engine's thread.
#pragma once

#include <optional>
#include <string>

#include "endpoint/archive_manifest.hpp"
#include "endpoint/bucket_put.hpp"

namespace syncline {

struct FoundManifest {
    ArchiveManifest manifest;
    Entry object;  ///< the manifest's own
};

class ArchiveStore {
  public:
    /// All outlive it; `uploads` may be null. `shown` names the tree in messages.
    ArchiveStore(BucketMeans means, UploadJournal* uploads, std::string shown)
        : means_(means), putter_(means), uploads_(uploads), shown_(std::move(shown)) {}

    /// nullopt: no archive is there. Throws Error when its manifest cannot be read, ListingTooLarge when that has more
    /// than `max_entries`.
    Task<std::optional<FoundManifest>> find(uint64_t max_entries);

    /// Makes `next` the tree's, in the place of `old`, which may be null. Throws Error (lost) when somebody else was
    /// faster.
    Task<Entry> put(const ArchiveManifest& next, const FoundManifest* old);

    /// Removes what earlier runs of this machine left, and `replaced`, "" or an archive's name. `current` is kept.
    Task<void> clean_up(const std::string& current, const std::string& replaced);

  private:
    Task<void> remove(std::string name);

    BucketMeans means_;
    ObjectPutter putter_;
    UploadJournal* uploads_;
    std::string shown_;
};

}  // namespace syncline
