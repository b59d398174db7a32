// RunSteps: the state of one run and its steps, in the order in which they are taken. Used by run_job alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/name_folding.hpp"
#include "engine/applier.hpp"
#include "engine/recorder.hpp"
#include "engine/remote_use.hpp"
#include "engine/run.hpp"
#include "engine/store_uploads.hpp"
#include "state/lock.hpp"

namespace syncline {

class RunSteps {
  public:
    RunSteps(const Job& job, RunOptions options, RunContext& context, Progress& progress);

    Task<RunReport> run();

  private:
    Task<void> take_steps();
    Task<void> take_locked_steps();
    Task<void> open_sides();
    void lock();
    Task<void> look_at_roots();
    bool settle_destination();
    void lock_as_well(const std::string& destination);
    void look_at_everything_if_target_is_gone();
    void look_at_other_names();
    Task<void> list_sides();
    Task<void> claim_target();
    void fold_names();
    void record_respelled_rows();
    Task<void> settle_what_was_taken_aside();
    void note_settled(const TakenAside& item);
    void note_listings();
    void note_own_names();
    std::optional<WholeSync> last_whole_sync();
    Task<void> inspect_roots();
    Task<void> read_local_side();
    Task<void> inspect_remote_root();
    static Task<void> nothing_more();
    Task<void> list_side(Endpoint& endpoint, bool is_target, Listing& listing);
    Task<void> load_baseline();
    void refuse_unknown_paths();
    void find_incomplete_directories();
    PullLinks pull_links() const;
    Task<void> make_the_plan();
    Task<void> read_what_is_needed();
    Task<void> read_side(Endpoint& endpoint, Tree& tree, const std::vector<uint32_t>& digests,
                         const std::vector<uint32_t>& markers);
    bool halted_by(std::vector<Halt> halts);
    void withhold_beside_what_failed();
    void withhold_what_nobody_saw_go();
    Task<void> fill_guard_facts_of_listings();
    Task<void> fill_guard_facts_of_scope();
    std::string place_of_remote() const;
    void tell_of_changed_default();
    void report_plan();
    void report_conflicts();
    Task<void> apply();
    void begin_where_it_was_cut();
    Task<void> require_roots_in_place();
    PairId reverse_pair();
    Task<void> record_whole_sync();
    void finish(Outcome outcome);
    void record_history();
    Outcome outcome_of_apply() const;
    void note_unselected_root();
    void note_listing_problems(const Listing& listing, Endpoint& endpoint);

    bool is_push() const { return job_.policy.direction == Direction::push; }
    /// Of a push only the paths in question are looked at.
    bool is_scoped() const {
        // Of names that fold, all in a directory have to be known.
        return is_push() && !folds_names_ && !options_.paths.empty() && !options_.paths.front().empty();
    }
    ListRequest list_request(bool is_target);
    bool is_to_bucket() const { return is_push() && job_.remote.type == Destination::Type::bucket; }
    bool is_limited() const { return !options_.paths.empty() || options_.narrowed; }
    Endpoint& source() { return *(is_push() ? local_ : remote_); }
    Endpoint& target() { return *(is_push() ? remote_ : local_); }
    Listing& local_listing() { return is_push() ? source_listing_ : target_listing_; }
    Listing& remote_listing() { return is_push() ? target_listing_ : source_listing_; }

    const Job& job_;
    RunOptions options_;
    RunContext& context_;
    Progress& progress_;
    RunReport report_;
    Policy policy_;  ///< the job's, as it holds for this run
    Filter filter_;
    StoreUploads uploads_;
    std::unique_ptr<Endpoint> local_, remote_;
    std::unique_ptr<IgnoreSource> ignores_;
    PairKey key_;
    std::string spelled_;  ///< the destination as the job names it, which may be another spelling of the key's
    PairId pair_ = 0;
    std::vector<FileLock> locks_;
    std::optional<RemoteUse> use_;  ///< of a remote directory in the default layout
    GuardFacts facts_;
    Listing source_listing_, target_listing_;
    bool lists_local_early_ = false;
    size_t reverse_rows_ = 0;  ///< of the baseline of the runs the other way, when those were the last
    std::vector<std::string> source_incomplete_;
    std::vector<std::string> unjudged_;  ///< directories whose ignore files cannot be read
    FailedPaths failed_;                 ///< what could not be read
    bool folds_names_ = false;           ///< the target does
    FoldedSides folded_;
    std::vector<std::string> given_back_;  ///< left alone in this run
    Baseline baseline_;
    Plan plan_;
    std::optional<Recorder> recorder_;
    std::string disk_trouble_;
    bool history_wanted_ = false;  ///< a lock was had: from here on the run counts
};

}  // namespace syncline
