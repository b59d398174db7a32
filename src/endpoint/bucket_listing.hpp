// ObjectTree: makes a Listing of the objects of a bucket, as its pages name them. Pure. Keys come in any order.
//
// What a stamp is here: the size and the ETag, which another content changes. An ETag that has the form of an MD5 is in
// the stamp whole, so that it can be had back. When an object was last modified is no part of it, as no put tells; only
// where a server gives no ETag does it stand in for one. A stamp thus never gets racy.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/bucket_keys.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline {

/// `modified` only counts without an ETag; with neither, nothing is known.
Stamp object_stamp(uint64_t size, std::string_view etag, TimeNs modified = 0);
/// The ETag, when it has the form of an MD5: 32 hex digits; else "".
std::string etag_of(const Stamp& stamp);
/// The same as 16 raw bytes.
std::string md5_of(const Stamp& stamp);

class ObjectTree {
  public:
    /// `keys` outlives it.
    explicit ObjectTree(const BucketKeys& keys) : keys_(&keys) {}

    void add(std::string_view key, const Stamp& stamp);
    /// Whether there is any object at or below the prefix.
    bool is_empty() const { return seen_.empty() && problems_.empty() && !has_root_marker_; }
    size_t size() const { return seen_.size(); }

    /// Before the following: sorts, and takes from the request's baseline what symlinks and modes it knows.
    void settle(const ListRequest& request);
    /// Indices of objects of which only their metadata tell enough: those of the size of a symlink's, and, where modes
    /// are kept, the directories of a source (its files tell theirs with their content).
    const std::vector<size_t>& unclear() const { return unclear_; }
    std::string_view path(size_t index) const { return path(seen_[index]); }
    bool is_directory(size_t index) const { return seen_[index].kind == Kind::directory; }
    const Stamp& stamp(size_t index) const { return seen_[index].stamp; }
    void set_link(size_t index, std::string target);
    void set_mode(size_t index, uint16_t mode);

    /// Directories that have no marker of their own.
    const std::vector<std::string>& implied_directories() const { return implied_; }

    /// `request` as the endpoint got it. Keys that are no paths, objects that are in the way of others and markers with
    /// content are among the problems, and the listing is whole all the same.
    Listing finish(const ListRequest& request, std::atomic<uint64_t>* scanned);

  private:
    struct Seen {
        uint64_t path_offset = 0;
        uint32_t path_size = 0;
        uint16_t mode = 0;
        Kind kind = Kind::file;
        bool mode_known = false;
        uint32_t link = 0;  ///< index into links_ and one more
        Stamp stamp;
    };

    std::string_view path(const Seen& seen) const { return {names_.data() + seen.path_offset, seen.path_size}; }
    void refuse(std::string_view path, std::string why);
    bool is_in_the_way(size_t index);
    void recall(const Baseline& baseline);

    const BucketKeys* keys_;
    std::vector<Seen> seen_;
    std::string names_;
    std::vector<std::string> links_, implied_;
    std::vector<size_t> unclear_;
    std::vector<Problem> problems_;
    bool has_root_marker_ = false;
};

}  // namespace syncline
