// Comparison: are two of source, target and baseline equal at a path? What cannot be told without reading a file is
// answered `unknown`, and the files to be read are collected.
#pragma once

#include "core/plan.hpp"

namespace syncline {

enum class Answer : uint8_t { no, yes, unknown };

/// One path in all three: absent ones are null.
struct Spot {
    std::string_view path;
    uint32_t source_index = Tree::none;
    uint32_t target_index = Tree::none;
    const Entry* source = nullptr;
    const Entry* target = nullptr;
    const BaselineEntry* baseline = nullptr;
};

class Comparison {
  public:
    Comparison(const PlanInput& input, Needs& needs) : input_(input), needs_(needs) {}

    // The entries that an answer is about must be there.
    Answer source_equals_target(const Spot& spot);
    Answer source_equals_baseline(const Spot& spot);
    Answer target_equals_baseline(const Spot& spot);

    /// Notes that the source's digest must be known; false when it is not yet.
    bool require_source_digest(const Spot& spot);
    /// Is this local file marked `@generated`?
    Answer target_is_generated(const Spot& spot);

  private:
    Answer equals_baseline(const Entry& entry, std::string_view link, const BaselineEntry& known, uint32_t index,
                           std::vector<uint32_t>& needed);

    const PlanInput& input_;
    Needs& needs_;
};

}  // namespace syncline
