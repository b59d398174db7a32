// CommitBatch: what one commit script is told to do, and what its answer means for each item. Pure: sending is
// TarContent's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "endpoint/ssh_content.hpp"
#include "endpoint/ssh_stage_scripts.hpp"

namespace syncline {

class CommitBatch {
  public:
    /// The items outlive the batch.
    CommitBatch(std::vector<CommitItem*> items, bool has_fractions);

    /// What is to be sent, each under its name in the stage.
    std::vector<SentItem>& sent() { return sent_; }

    /// The files that end the stream, once all content was read.
    std::vector<TarContent::ControlFile> conclude();

    /// Fills in the items' results. Returns those that have to be sent again, as they changed while they were read or
    /// came damaged.
    std::vector<CommitItem*> take(const CommitReport& report);

    /// All items failed for the same reason.
    void fail_all(const std::string& why, bool disk_trouble);

  private:
    struct Step {
        CommitItem* item;
        SentItem* sent;  ///< null for what is no content
    };

    void add_steps(Op op);
    std::vector<CommitItem*> unsent() const;
    std::vector<CommitItem*> take_damage(const CommitReport& report);
    void take_failures(const CommitReport& report);
    void take_stamps(const CommitReport& report);

    std::vector<CommitItem*> items_;
    bool has_fractions_;
    std::vector<SentItem> sent_;
    std::vector<Step> steps_;  ///< in the order of the ops
};

}  // namespace syncline
