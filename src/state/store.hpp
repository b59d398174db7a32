// Store: what syncline remembers between runs, in one SQLite file: baselines, roots' identities, run history, trusted
// job files.
//
// Opened by each process that needs it; WAL and a busy timeout let several work at once. Losing it loses speed, never
// data. Used by one thread at a time. Errors are Error{Errc::state} with the file's path and what to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "core/baseline.hpp"
#include "core/guards.hpp"
#include "core/policy.hpp"
#include "core/upload.hpp"

namespace syncline {

/// What binds a baseline: the resolved root, the destination's identity text (endpoint/factory.hpp: destination_id) and
/// direction.
struct PairKey {
    std::string root;
    std::string destination;
    Direction direction = Direction::push;

    bool operator==(const PairKey&) const = default;
};

/// Counts only within the Store that gave it, for as long as that lives.
using PairId = int64_t;

/// A row to write: the whole entry (its path position is ignored).
struct BaselineChange {
    std::string path;
    BaselineEntry entry;
    std::string link;
};

enum class Outcome : uint8_t { success, partial, halted, failed, cancelled };

/// "success", "partial", "halted", "failed", "cancelled".
std::string_view outcome_name(Outcome outcome);

/// One line of the run history.
struct RunRecord {
    std::string job;  ///< name, or "ad hoc"
    TimeNs started_at = 0, finished_at = 0;
    Outcome outcome = Outcome::success;
    uint64_t scanned = 0, put = 0, deleted = 0, bytes_sent = 0;
    bool adopted = false;           ///< its deletes do not count against later runs
    std::string detail;             ///< the error or the halt's codes; "" on success
    std::vector<Problem> problems;  ///< at most 100 are stored
};

/// What a run did with one path.
struct PathRun {
    TimeNs finished_at = 0;
    bool is_last_run = false;  ///< of its pair
    std::string deeds;         ///< as find_in_path_log() gives them
};

/// Identities of both roots, recorded by a whole sync.
struct WholeSync {
    TimeNs at = 0;
    std::optional<RootIdentity> source, target;
};

/// What is recorded of a pair.
struct PairRecord {
    std::optional<WholeSync> whole_sync;
    size_t baseline_rows = 0;
};

/// A server as a use of it saw it.
struct HostIdentity {
    std::string name;  ///< the job file's, or ssh_config's
    std::string user, hostname;
    uint16_t port = 0;
    std::string key;  ///< fingerprint of its key, "SHA256:..."; "" before it was reached

    bool operator==(const HostIdentity&) const = default;
};

/// Whether both are one server and account. Keys decide where both are known: a new machine under an old name is
/// another one.
bool is_same_host(const HostIdentity& recorded, const HostIdentity& now);

/// A directory in the default layout that was used. One row for each job that used it.
struct RemoteDirectory {
    HostIdentity host;
    std::string path;  ///< REMOTE_ROOT/NAME, as ssh_root.hpp's normal_remote_directory() has it
    std::string root;  ///< the local root, absolute
    std::string job;   ///< name, or "ad hoc"
    TimeNs last_used_at = 0;

    bool operator==(const RemoteDirectory&) const = default;
};

/// The last clean of one host.
struct CleanRecord {
    std::string host, user;
    TimeNs at = 0;
    uint64_t removed = 0, kept = 0, bytes_freed = 0;
    std::string quota_before, quota_after;  ///< for people (core/quota.hpp: describe)
    std::string error;                      ///< "" or why it broke off

    bool operator==(const CleanRecord&) const = default;
};

class Store {
  public:
    /// Opens or creates `directory`/state.db (directory 0700, file 0600). A damaged file is set aside as
    /// `state.db.damaged-TIME` and a new one begun (`set_aside()` then names it); one that proves damaged later, too. A
    /// newer version is refused, untouched. When the file was deleted or set aside by others, the next call begins or
    /// takes up a new one.
    explicit Store(const std::string& directory);
    ~Store();
    Store(Store&&) noexcept;

    /// "" or the path to which a damaged database was moved.
    const std::string& set_aside() const;

    /// Whether the file was deleted or set aside by others since this was asked last, and another one is in use now.
    bool take_lost();

    /// The row of a pair, made when it is new.
    PairId pair(const PairKey& key);
    /// The same without making one; nullopt when there is none.
    std::optional<PairRecord> find(const PairKey& key);
    /// All that were ever recorded, oldest first.
    std::vector<PairKey> pairs();

    /// In path order.
    Baseline load_baseline(PairId pair);
    /// Only of `scope` (sorted, none at or below another), what is below it and the directories that lead there; costs
    /// in proportion to that.
    Baseline load_baseline(PairId pair, const std::vector<std::string>& scope);
    /// Files of which the source had one of these inodes, and those of which it is not known which inode it had.
    std::vector<std::string> paths_with_inodes(PairId pair, const std::vector<uint64_t>& inodes);
    /// One transaction: upserts, then removals by path.
    void update_baseline(PairId pair, const std::vector<BaselineChange>& changes,
                         const std::vector<std::string>& removals);

    std::optional<WholeSync> whole_sync(PairId pair);
    void record_whole_sync(PairId pair, const WholeSync& sync);

    /// The newest 1,000 runs of a pair are kept, and those of the last hour and the newest of each outcome in any case.
    /// `path_log` is PathLog::bytes(); of those over 64 KiB only the newest of a pair is kept.
    void record_run(PairId pair, const RunRecord& run, std::string_view path_log = {});
    /// The newest run whose log names `path`.
    std::optional<PathRun> last_run_with(PairId pair, std::string_view path);
    /// Newest first.
    std::vector<RunRecord> history(PairId pair, size_t limit);
    std::optional<RunRecord> last_run(PairId pair, Outcome outcome);
    /// Deletes by runs that were not adopted and finished at or after `since`.
    uint64_t deletes_since(PairId pair, TimeNs since);

    /// Files that are sent to the pair's bucket in parts, by whatever run. What is recorded twice is replaced.
    std::vector<UploadRecord> uploads(PairId pair);
    std::vector<UploadPartRecord> upload_parts(PairId pair, const std::string& id);
    void record_upload(PairId pair, const UploadRecord& upload);
    void record_upload_part(PairId pair, const std::string& id, const UploadPartRecord& part);
    /// With its parts.
    void forget_upload(PairId pair, const std::string& id);

    /// `syncline trust`: the file's absolute path and the SHA-256 of its text (hex).
    void trust(const std::string& job_file, const std::string& sha256);
    bool is_trusted(const std::string& job_file, const std::string& sha256);

    /// Before the first remote action, while the use lasts, and after it. What has no host key leaves the recorded one.
    void record_use(const RemoteDirectory& directory);
    /// All, oldest first.
    std::vector<RemoteDirectory> remote_directories();
    /// Those of the same host, user and path that were not used later.
    void forget_remote_directories(const std::vector<RemoteDirectory>& gone);

    void record_clean(const CleanRecord& clean);
    /// The last one of each host and user.
    std::vector<CleanRecord> cleans();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// `$XDG_STATE_HOME/syncline`, else `$HOME/.local/state/syncline`. Throws Error{state} when neither variable is set.
std::string default_state_directory();

}  // namespace syncline
