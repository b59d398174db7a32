// Diagnostics: what is wrong with a job file, each with its place. A value type and the list that collects them in one
// pass.
#pragma once

#include <string>
#include <vector>

#include "config/job.hpp"

namespace syncline {

struct Diagnostic {
    std::string file;     ///< as the user would name it
    int line = 0;         ///< from 1; 0 when it is about the file as a whole
    int column = 0;       ///< from 1, in code points
    std::string message;  ///< without a full stop; safe to print

    /// "jobs.toml:14:3: unknown key 'exlude' in [jobs.thesis]; did you mean 'exclude'?"
    std::string text() const;
    auto operator<=>(const Diagnostic&) const = default;
};

/// Collects the errors of one file in any order and gives them back by position, each once.
class Diagnostics {
  public:
    explicit Diagnostics(std::string file) : file_(std::move(file)) {}

    void add(Position position, std::string message);
    /// Whether no more are kept: a file with as many is not a job file.
    bool is_full() const;
    bool empty() const { return list_.empty(); }
    size_t size() const { return list_.size(); }
    std::vector<Diagnostic> take_sorted();

  private:
    std::string file_;
    std::vector<Diagnostic> list_;
};

}  // namespace syncline
