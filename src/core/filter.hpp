// Filter: which paths a job selects. Pure: the text of ignore files comes from an IgnoreSource (fs/ignore_files.hpp
// reads them).
//
// Three sources decide, in this order: `.git` (never selected unless include_git), the job's and the command line's
// exclude globs, the ignore files with git's semantics; at last `include`, when given, narrows what is left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/glob.hpp"
#include "core/ignore.hpp"

namespace syncline {

/// A glob of `exclude` or `include`. `base` is the directory that it is relative to (path from the root; "" is the root
/// itself), `origin` what `explain` names: "jobs.toml:14" or "--exclude". A glob may instead be relative to a directory
/// above the root: `prefix` is then the way from there to the root, with a slash at its end.
struct GlobRule {
    Glob glob;
    std::string base;
    std::string origin;
    std::string prefix{};
};

struct FilterSpec {
    std::vector<GlobRule> exclude;
    std::vector<GlobRule> include;
    bool include_git = false;
};

struct Verdict {
    enum class Choice : uint8_t {
        selected,
        unselected,  ///< a directory is not descended into
        passage,     ///< a directory that is selected only if something below it is (`include` was given)
    };
    Choice choice = Choice::selected;
    std::string because;  ///< "" when no rule decided; filled only by explain()
};

/// Immutable after construction, so any number of threads may ask it.
class Filter {
  public:
    explicit Filter(FilterSpec spec = {});

    /// Judges an entry whose parent directories were all judged `selected` or `passage`. `chain` is that of its
    /// directory and may be null.
    Verdict::Choice judge(const IgnoreChain& chain, std::string_view path, bool is_directory) const;

    /// Judges `path` from the root down, asking `ignores` for every directory on the way, and names the file, line and
    /// rule; of an unselected directory above it also that directory.
    Verdict explain(IgnoreSource& ignores, std::string_view path, bool is_directory) const;

    /// The rule that leaves out whatever is in the root, as far as no other rule makes an exception of its name; ""
    /// when there is none.
    std::string explain_empty_root(IgnoreSource& ignores) const;

    bool has_includes() const { return !spec_.include.empty(); }

  private:
    struct Decision;
    Decision decide(const IgnoreChain& chain, std::string_view path, bool is_directory) const;
    std::string explain(const Decision& decision) const;

    FilterSpec spec_;
};

}  // namespace syncline
