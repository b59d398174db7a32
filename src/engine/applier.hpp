// Applier: carries out a plan that passed its guards, batch by batch, and tells the recorder what was verified.
//
// Made for one run. Deletes wait until everything else is done, and where something failed nothing in its directory or
// below is deleted.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rel_path.hpp"
#include "engine/recorder.hpp"
#include "engine/run.hpp"

namespace syncline {

struct Sides {
    Endpoint& source;
    Endpoint& target;
    const Tree& source_tree;
    const Tree& target_tree;
};

class Applier {
  public:
    /// `failed`: what could not even be read, and withholds deletes as a failed put does.
    Applier(const Plan& plan, Sides sides, const Policy& policy, Recorder& recorder, RunReport& report,
            Progress& progress, FailedPaths failed = {});

    /// Nothing is removed unless `watch`, which may be null, proves that it told of everything.
    void set_watch(SourceWatch* watch) { relies_on_watch_ = true, watch_ = watch; }

    Task<void> run();

    /// "" or the trouble with the target's disk that makes the whole run a failure.
    const std::string& disk_trouble() const { return disk_trouble_; }

  private:
    Task<void> take_steps();
    Task<void> commit(Phase phase);
    void take_back();
    Task<void> commit_batch(std::span<const Action> actions);
    Task<void> move();
    void say_what_would_make_room();
    Task<void> prune();
    Task<bool> may_prune();

    void take_fetched_modes(const FetchedContents& fetched, std::vector<CommitItem>& items) const;
    CommitItem to_item(const Action& action) const;
    void record(const Action& action, const CommitItem& item);
    void take_result(const Action& action, const CommitItem& item);
    bool is_withheld(std::string_view path);
    void add_problem(std::string_view path, std::string why);
    std::span<const Action> actions_of(Phase phase) const;

    const Plan& plan_;
    Sides sides_;
    const Policy& policy_;
    Recorder& recorder_;
    RunReport& report_;
    Progress& progress_;
    FailedPaths failed_;
    std::set<std::string, std::less<>> reported_;
    std::string disk_trouble_;
    std::string withheld_path_;  ///< the largest file whose delete is withheld
    uint64_t withheld_bytes_ = 0;
    bool relies_on_watch_ = false;
    SourceWatch* watch_ = nullptr;
};

}  // namespace syncline
