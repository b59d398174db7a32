// Ignore files with git's semantics (gitignore(5)): nested, negated, anchored, ended at the border of a nested repository.
//
// A chain is the list of all ignore rules that hold in one directory, innermost first. Chains are immutable and share their
// tails, so a walk hands them to its threads freely.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

class IgnoreFrame;
/// Null: no rules.
using IgnoreChain = std::shared_ptr<const IgnoreFrame>;

/// Gives the chain that holds in a directory of the root ("" is the root). Implementations are safe to call from many threads.
class IgnoreSource {
  public:
    virtual ~IgnoreSource() = default;
    virtual IgnoreChain chain_for(std::string_view directory) = 0;
};

}  // namespace syncline
