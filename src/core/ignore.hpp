// Ignore files with git's semantics (gitignore(5)): nested, negated, anchored, ended at the border of a nested
// repository.
//
// A chain is the list of all ignore rules that hold in one directory, innermost first. Chains are immutable and share
// their tails, so a walk hands them to its threads freely. Where several names of ignore files are in use, each is a
// layer of its own: the strongest is asked at all levels before the next one is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/wildcard.hpp"

namespace syncline {

struct IgnoreRule {
    Wildcard wildcard;
    bool negated = false;
    bool directory_only = false;
    bool name_only = false;  ///< held against the last name, not the path from the file's directory
    uint32_t line = 0;
    std::string text;  ///< as written, without the trailing spaces that do not count
};

/// The rules of one file.
class IgnoreRules {
  public:
    /// Takes any bytes. `file` is what explain calls the file.
    /// `folds_case`: git's core.ignoreCase.
    IgnoreRules(std::string file, std::string_view text, bool folds_case = false);

    /// The last rule that matches, which is the one that counts, or null. `path` begins at the directory that the rules
    /// are relative to, `name` is its last component.
    const IgnoreRule* last_match(std::string_view path, std::string_view name, bool is_directory) const;

    const std::string& file() const { return file_; }
    bool empty() const { return rules_.empty(); }
    /// Whether the path is looked at, not only the name.
    bool needs_path() const { return needs_path_; }

  private:
    void add(std::string_view line, uint32_t line_number);

    std::string file_;
    std::vector<IgnoreRule> rules_;  ///< last line first
    bool needs_path_ = false;
    bool folds_case_ = false;
};

using IgnoreRulesPtr = std::shared_ptr<const IgnoreRules>;

struct IgnoreFrame;
/// Null: no rules.
using IgnoreChain = std::shared_ptr<const IgnoreFrame>;

/// The rules that begin to hold in one directory. Directories that add none share the frame of their parent.
struct IgnoreFrame {
    IgnoreChain outer;
    std::string directory;  ///< from the root; "" too for directories above the root
    std::string above;      ///< for a directory above the root the way from there to the root, with a '/' at its end
    std::vector<IgnoreRulesPtr> layers;  ///< strongest first, as many in each frame of a chain; null: no such file here
    std::optional<size_t> border;        ///< a repository begins here: the layer in which outer frames have no say
    std::vector<IgnoreRulesPtr> repository;  ///< what comes last in that layer: info/exclude, then the user's excludes
    bool folds_case = false;                 ///< core.ignoreCase, of the repository in which the directory lies
};

struct IgnoreMatch {
    const IgnoreRules* rules = nullptr;  ///< null: no rule decides
    const IgnoreRule* rule = nullptr;

    bool ignored() const { return rule != nullptr && !rule->negated; }
};

/// The rule that decides on `path` (from the root; `name` is its last component), whose directory has `chain`. Says
/// nothing of rules that decide on a directory above it.
IgnoreMatch find_ignore_rule(const IgnoreChain& chain, std::string_view path, std::string_view name, bool is_directory);
IgnoreMatch find_ignore_rule(const IgnoreChain& chain, std::string_view path, bool is_directory);

/// Gives the chain that holds in a directory of the root ("" is the root). Implementations are safe to call from many
/// threads.
class IgnoreSource {
  public:
    virtual ~IgnoreSource() = default;
    virtual IgnoreChain chain_for(std::string_view directory) = 0;
    /// Ignore files that are there and could not be read, sorted; asked when the walk is done. The path is that of the
    /// file, or
    /// "" (the root) where the file lies outside of the root; the directory that holds the path is not known whole.
    virtual std::vector<Problem> problems() const { return {}; }
};

}  // namespace syncline
