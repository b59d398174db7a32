// Endpoint: one side of a job. Every operation takes a whole batch, because an SSH or bucket endpoint that is asked
// file by file can never be fast. To add an endpoint, implement this and teach EndpointFactory's implementation
// (factory.cpp) its destination.
//
// Owned by one run; all members are called from the engine's thread, one at a time, and end early with Cancelled when
// the run is cancelled. Content always comes from, or lands in, a local directory: in a push from the job's root; in a
// pull from what fetch() brought. Per-path trouble is in the results; an exception is the end of the run.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "core/baseline.hpp"
#include "core/destination.hpp"
#include "core/filter.hpp"
#include "core/guards.hpp"
#include "core/listing_limits.hpp"
#include "core/plan.hpp"
#include "core/policy.hpp"
#include "core/taken_aside.hpp"
#include "core/tree.hpp"
#include "core/upload.hpp"
#include "endpoint/source_watch.hpp"

namespace syncline {

/// What a run is at.
enum class RunPhase : uint8_t { scanning, planning, transferring };

/// Counters that a run shows while it goes on. Written by workers, read by the terminal and the status.
struct Progress {
    std::atomic<RunPhase> phase{RunPhase::scanning};
    std::atomic<bool> connects{false};  ///< the far side was asked, and has not answered yet
    std::atomic<uint64_t> entries_scanned{0};
    std::atomic<uint64_t> bytes_hashed{0};
    std::atomic<uint64_t> files_done{0}, files_total{0};
    std::atomic<uint64_t> bytes_done{0}, bytes_total{0};
};

struct ListRequest {
    const Filter* filter = nullptr;   ///< null: everything is selected
    IgnoreSource* ignores = nullptr;  ///< null: no ignore files
    bool is_target = false;           ///< keep what is not selected, flagged
    bool descend_unselected = false;  ///< a target under delete_excluded
    bool wants_modes = false;         ///< `permissions = "preserve"`: modes are worth asking for
    SymlinkPolicy symlinks = SymlinkPolicy::copy;
    /// Where the other side is when it is local, too: symlinks that lead to it are not followed. "" otherwise.
    std::string other_local_root;
    /// What an endpoint with a costly round trip may use to hash, in the same trip, only what changed. May be null.
    const Baseline* baseline = nullptr;
    /// Sorted, none at or below another: only these paths, what is below them and the directories that lead there are
    /// asked for. An endpoint that cannot do so cheaply lists more. Empty: everything.
    std::span<const std::string> scope;
    uint64_t max_entries = default_max_entries;
};

struct Listing {
    Tree tree;
    std::vector<Problem> problems;
    std::vector<std::string> incomplete;   ///< directories ("" is the root) that are not listed whole, sorted
    std::vector<std::string> leftovers;    ///< temporary files of killed runs
    std::vector<std::string> taken_aside;  ///< what killed runs had taken away from its name
    std::vector<std::string> kept;         ///< what was kept for a person, whose name is never synced
    uint64_t ignored = 0;                  ///< entries, each with what is in it, that no rule selects; where it is told
    bool git_left_out = false;
    TimeNs started_at = 0;
};

/// A file whose content must be known.
struct DigestItem {
    uint32_t index = 0;  ///< in the tree that was listed
    Digest digest;
    Stamp stamp;  ///< of the content that was read
    bool generated = false;
    std::string error;  ///< "" or why it could not be read
};

/// A file that fetch() was to bring from elsewhere.
struct FetchedContent {
    Digest digest;      ///< verified: of what was written, and of what the source holds
    Stamp source;       ///< of the source's file with that content
    std::string error;  ///< "" or why it is not there
    // What a source whose listing does not tell them says of them with the content:
    std::optional<uint16_t> mode{};
    std::optional<TimeNs> mtime{};
};
using FetchedContents = std::map<std::string, FetchedContent, PathLess>;

/// A local directory from which commit() takes content. The root descriptor is the holder's and outlives the batch.
struct ContentSource {
    int root = -1;
    bool follow_symlinks = false;  ///< the tree was listed with symlinks = "follow"
    /// Not null: the directory is the source endpoint's own, nobody else writes to it, and the files may be renamed out
    /// of it. Lives as long as the root.
    const FetchedContents* fetched = nullptr;
};

/// One thing to be created or changed on the target. Parents come before what is in them.
struct CommitItem {
    Op op = Op::put;  ///< put, mkdir, symlink, chmod, or touch: time and mode of a file, whose content stays
    std::string_view path;
    uint16_t mode = 0;
    bool keep_existing_mode = false;  ///< a pull over a file that exists
    Stamp source;                     ///< put, touch: what the source was when it was listed
    std::optional<Digest> digest;     ///< put: the content that the plan is about; none: whatever is there now
    std::string_view link;            ///< symlink: its target
    const Entry* expected = nullptr;  ///< what the listing saw at this path on the target; null: nothing
    // Filled in by commit():
    std::string error;          ///< "" or why it was not done; then the target still holds what it held
    bool disk_trouble = false;  ///< the error is the disk's (full, quota, read-only, I/O): the run has failed
    Digest committed;           ///< put: the digest that was verified
    Stamp source_stamp;         ///< put: of the content that was read
    Stamp target_stamp;         ///< of what stands on the target now
    uint16_t target_mode = 0;
    /// chmod: the target was written anew, and has its mode from the baseline alone.
    bool records_mode = false;
};

/// Another spelling for the name of something on the target.
struct RenameItem {
    std::string from, to;  ///< in the same directory
    const Entry* expected = nullptr;
    // Filled in by rename():
    std::string error;
};

struct RemoveItem {
    Op op = Op::remove;  ///< remove or rmdir
    std::string_view path;
    const Entry* expected = nullptr;
    // Filled in by remove():
    std::string error;  ///< "" or why it still stands
};

/// How much one commit() or fetch() should be asked to do at most.
struct BatchLimits {
    size_t items = 4096;
    uint64_t bytes = uint64_t{256} << 20;
};

/// A project directory in the default layout (design: section 5), which ends by a policy of its own.
struct ProjectPlace {
    std::string host, user, hostname;  ///< the host's name, and where it is
    uint16_t port = 0;
    std::string host_key;  ///< fingerprint; "" while the server was not reached
    std::string path;
};

class Endpoint {
  public:
    virtual ~Endpoint() = default;

    /// The flush before a batch's renames costs the more the larger it is, and a cancelled batch may be lost; but each
    /// batch costs round trips.
    virtual BatchLimits batch_limits() const { return {}; }

    /// For messages: "/mnt/backup/thesis" or "cse:~/thesis", escaped.
    virtual std::string shown() const = 0;

    /// Finds out what identity_text() depends on beside the destination: the user of a host, as ssh_config has it. Asks
    /// no server, and comes before everything else.
    virtual Task<void> prepare() { co_return; }

    /// What a destination's baseline is bound to: for a local tree its resolved path; for one on a server its host's
    /// name in the job file, the user and the directory.
    virtual std::string identity_text() const = 0;

    /// The same for what inspect() found, or create_root() made, whatever the destination calls it: with `..` and links
    /// resolved by the server. "" where identity_text() says all, and where nothing is there.
    virtual std::string resolved_identity_text() const { return ""; }

    /// The absolute path of a local tree; "" for others.
    virtual std::string local_path() const { return ""; }

    /// The same as identity_text for a job's root: its path, resolved but for its last name, so that a directory which
    /// a symlink replaced is the same root with another identity, not another root. Only for local trees.
    virtual std::string root_text() const { return identity_text(); }

    /// Where the root lies, if that is in the default layout. After prepare().
    virtual std::optional<ProjectPlace> project_place() const { return std::nullopt; }

    /// Whether a mirror onto this root would be a catastrophe: `/`, a home directory, the root of all remote
    /// directories.
    virtual bool is_unsafe_for_mirror() const = 0;

    /// What is to be used in its place, once the server was asked what is there; null: itself. Before inspect().
    virtual Task<std::unique_ptr<Endpoint>> instead() { co_return nullptr; }

    /// Identity of the root, nullopt when nothing is there. Must not create it.
    virtual Task<std::optional<RootIdentity>> inspect() = 0;

    /// Whether the directory on which this run worked is still the one that is found under its path.
    virtual Task<bool> is_still_in_place() { co_return true; }

    /// Lists the tree; an absent root is an empty listing. The views in `request` outlive the call. Throws
    /// ListingTooLarge as soon as there is more than the request allows.
    virtual Task<Listing> list(ListRequest request, Progress& progress) = 0;

    /// Whether anything is selected in the tree, looked at no further than is needed for that.
    virtual Task<bool> selects_anything(ListRequest) { co_return true; }

    /// Reads the content of files of `tree`, as listed.
    virtual Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) = 0;

    /// Brings the content of `indices` of `tree` into a local directory under their own paths. A local endpoint hands
    /// out its own root and copies nothing. Files that could not be fetched are simply not there; commit() reports
    /// them.
    virtual Task<ContentSource> fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) = 0;

    /// Creates the root when it is missing, with these permission bits, and its parents with 0700; a no-op otherwise.
    virtual Task<void> create_root(uint16_t mode) = 0;

    /// Whether commit() knows Op::touch.
    virtual bool can_touch() const { return false; }

    /// Applies `items`. Each put goes to a temporary name, is verified by digest, flushed where the endpoint was told
    /// so, and renamed into place only while the target still is what `expected` says.
    virtual Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) = 0;

    /// Removes `items` in the order given, each only while it still is what `expected` says.
    virtual Task<void> remove(std::vector<RemoveItem>& items, Progress& progress) = 0;

    /// Keeps other runs away from the target while this object lives, whatever state they have and, where that can be
    /// told, on whichever machine they are. A no-op while there is no root. Throws Error{locked}. Returns "", or why
    /// others cannot be kept away.
    virtual Task<std::string> claim() { co_return ""; }

    /// After commit(): what is worth a word about the target, each once.
    virtual std::vector<std::string> remarks() const { return {}; }

    /// Whether the target holds names that differ only in case for one. `may_write`: by trying, where nothing else
    /// tells.
    virtual Task<bool> folds_names(bool) { co_return false; }

    /// Gives entries another spelling, in the order given, each only while it still is what `expected` says. Only where
    /// names are folded.
    virtual Task<void> rename(std::vector<RenameItem>&) { co_return; }

    /// Settles what a killed run had taken aside: removes what holds nothing that is not known, gives the rest back to
    /// its name while that is free, or keeps it beside that. Comes before all other changes; what cannot be settled
    /// stays, and says why.
    virtual Task<void> settle(std::vector<TakenAside>&) { co_return; }

    /// Removes temporary files that runs which broke off left; failing is no error. Before flush() it may keep those
    /// with which commit() can go on; flush() removes what of them had no use.
    virtual Task<void> sweep(std::vector<std::string> leftovers) = 0;

    /// Whether nothing of what commit() and remove() did can be seen before flush() has returned.
    virtual bool commits_at_flush() const { return false; }

    /// Returns when all that was committed and removed is durable (nothing to do without `fsync`).
    virtual Task<void> flush() = 0;
};

/// Remembers what is sent in parts, so that a run can go on with it and none stays behind. Outlives the endpoint.
class UploadJournal {
  public:
    virtual ~UploadJournal() = default;
    /// Of this destination, by whatever run.
    virtual std::vector<UploadRecord> uploads() = 0;
    virtual std::vector<UploadPartRecord> parts(const std::string& id) = 0;
    virtual void add(const UploadRecord& upload) = 0;
    virtual void add_part(const std::string& id, const UploadPartRecord& part) = 0;
    virtual void forget(const std::string& id) = 0;
};

/// What an endpoint has to know of the job beside its destination.
struct EndpointOptions {
    EndpointOptions() = default;
    EndpointOptions(bool reaches_disk) : fsync(reaches_disk) {}  // NOLINT: often the only thing to say

    bool fsync = false;           ///< commits reach the disk
    std::string local_root;       ///< the job's root: names the default layout, and holds what a pull brings
    std::string state_directory;  ///< whose run it is, where several push to one place
    Transfer transfer = Transfer::automatic;
    Direction direction = Direction::push;       ///< whether the job's root is the source, or what is far
    UploadJournal* uploads = nullptr;            ///< null: nothing is remembered
    uint64_t max_entries = default_max_entries;  ///< of what is listed before list() is asked to
};

/// Makes the endpoints of a run, so that the engine knows nothing of what is behind them. Outlives them.
class EndpointFactory {
  public:
    virtual ~EndpointFactory() = default;

    /// Throws Error where a kind of destination is not built yet.
    virtual std::unique_ptr<Endpoint> open(const Destination& destination, const EndpointOptions& options) = 0;

    /// The ignore files of the local tree at `root`, the strongest name last. The object serves one run.
    virtual std::unique_ptr<IgnoreSource> ignore_files(const std::string& root,
                                                       const std::vector<std::string>& names) = 0;

    /// A watch of a local tree, not started.
    virtual std::unique_ptr<SourceWatch> watch(SourceWatchOptions options) = 0;

    /// Whether something is mounted on the local directory `path`.
    virtual bool is_mount_point(const std::string& path) = 0;
};

}  // namespace syncline
