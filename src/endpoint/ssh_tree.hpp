// RemoteTree: makes a Listing of the entries that a server names, one by one. Pure: whether a shell or SFTP told of
// them does not matter here. Nothing that a server says is believed: impossible names, names that come twice, and
// entries of directories that are none make the listing incomplete, and never reach the tree.
//
// Used by one thread, once.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "endpoint/endpoint.hpp"

namespace syncline {

/// What a server says of one entry.
struct RemoteEntry {
    Kind kind = Kind::file;
    uint16_t mode = 0;  ///< permission bits
    Stamp stamp;
    uint64_t device = 0;  ///< 0 where the server does not tell
};

class RemoteTree {
  public:
    /// What `request` points to outlives the tree. `scanned` counts entries; may be null.
    explicit RemoteTree(const ListRequest& request, std::atomic<uint64_t>* scanned = nullptr);

    /// The root itself, before everything else.
    void set_root(const RemoteEntry& root) { open_.front().device = root.device; }

    /// Depth first: each directory comes before what is in it, and nothing else comes between. `link` counts for
    /// symlinks. Throws ListingTooLarge.
    void add(std::string_view path, const RemoteEntry& entry, std::string_view link);

    /// Takes from what the listing may hold for what is remembered outside of it.
    void take_bytes(uint64_t bytes) { budget_.take_bytes(bytes); }

    /// What is in the directory that was added last, and below, is not wanted: it need not be listed.
    bool last_is_descended() const { return last_is_descended_; }

    /// What is in directories of these names has not been listed.
    void set_pruned(std::vector<std::string> names) { pruned_ = std::move(names); }
    /// Something in one of them is wanted after all: all has to be listed anew, without leaving them out.
    bool missed_some() const { return missed_some_; }

    /// `path` ("" is the root) is not known whole. A path that is impossible counts as the root.
    void add_problem(std::string_view path, std::string why);

    /// `started_at` by the server's clock, whose times it is compared with.
    Listing finish(TimeNs started_at);

  private:
    /// A directory whose entries may still come.
    struct Open {
        size_t path_size = 0;
        Verdict::Choice choice = Verdict::Choice::selected;
        bool descended = true;   ///< else what is in it is dropped
        bool is_in_tree = true;  ///< a passage waits until something below it is selected
        bool chain_known = false;
        uint64_t device = 0;
        RemoteEntry entry;
        IgnoreChain chain;
        std::unordered_set<uint64_t> names;  ///< hashes of those that came
    };

    bool find_parent(std::string_view path);
    Verdict::Choice judge(std::string_view path, const RemoteEntry& entry);
    void keep(std::string_view path, const RemoteEntry& entry, Verdict::Choice choice, std::string_view link);
    void open(std::string_view path, const RemoteEntry& entry, Verdict::Choice choice, bool descended, bool is_in_tree);
    void close_last();
    void add_passages();
    void put(const Open& parent, std::string_view path, const RemoteEntry& said, uint8_t flags, std::string_view link);
    void refuse(std::string why);

    const ListRequest& request_;
    std::atomic<uint64_t>* scanned_;
    std::vector<Open> open_;  ///< the root first
    std::string path_;        ///< of the innermost open directory
    TreeBuilder builder_;
    Listing listing_;
    size_t entries_ = 0;
    ListingBudget budget_;
    bool last_is_descended_ = true;
    std::vector<std::string> pruned_;
    bool missed_some_ = false;
};

}  // namespace syncline
