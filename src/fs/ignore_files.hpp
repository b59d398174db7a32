// IgnoreFiles: reads the ignore files of a local tree, each when its directory is first asked for, and keeps them.
//
// One object serves one walk or one explain; files that change later are not read again. Any number of threads may ask.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/ignore.hpp"

namespace syncline::fs {

class IgnoreFiles : public IgnoreSource {
  public:
    /// `root` is absolute and need not exist. `names` are the ignore files' names, the strongest last; ".gitignore"
    /// among them brings info/exclude and the user's excludes with it. Without names nothing is ever read.
    IgnoreFiles(const std::string& root, std::vector<std::string> names);
    ~IgnoreFiles() override;

    IgnoreChain chain_for(std::string_view directory) override;

    std::vector<Problem> problems() const override;

    /// Absolute paths of the rule files that lie outside of the tree, or in a `.git`, and were asked for by now, there
    /// or not: a change of one changes what is selected.
    std::vector<std::string> files_outside() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::fs
