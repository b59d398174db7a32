// Recorder: gathers what a run verified and writes it to the baseline, never earlier than it is durable on the target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan.hpp"
#include "endpoint/endpoint.hpp"
#include "state/store.hpp"

namespace syncline {

class Recorder {
  public:
    Recorder(Store& store, PairId pair) : store_(store), pair_(pair) {}

    /// The times at which the trees were listed: stamps as young as that are not to be trusted later.
    void set_listed_at(TimeNs source, TimeNs target) { source_listed_at_ = source, target_listed_at_ = target; }

    /// What is recorded is recorded for this pair, too: the same sides the other way round, whose job put nothing.
    void record_reverse(PairId pair) { reverse_ = pair; }

    void add_equal(const Tree& source, const Tree& target, const EqualPair& pair);
    /// The same, once the target's mode or time was brought after the source's.
    void add_followed(const Tree& source, const Tree& target, const EqualPair& pair, const CommitItem& item);
    void add_committed(const Tree& source, const Action& action, const CommitItem& item);
    void add_row(BaselineChange row) { pending_.push_back(std::move(row)); }
    void add_removed(std::string_view path) { pending_removals_.emplace_back(path); }

    /// What was added until now is durable; what was settled before may be written to the store, once enough has
    /// gathered.
    void settle();
    /// Writes all that is settled.
    void write();

  private:
    Store& store_;
    PairId pair_;
    std::optional<PairId> reverse_;
    TimeNs source_listed_at_ = 0, target_listed_at_ = 0;
    std::vector<BaselineChange> pending_, settled_;
    std::vector<std::string> pending_removals_, settled_removals_;
};

}  // namespace syncline
