// PathLog: what one run did with each path that it did not leave as it was, packed into bytes for the state.
//
// An entry is a letter, its detail, NUL, the path, NUL; the letter stands for what was done and the detail for the
// reason. A run with nothing to do has no bytes.
#pragma once

#include <string>
#include <string_view>

#include "core/plan.hpp"

namespace syncline {

class PathLog {
  public:
    void add_done(std::string_view path, Op op, Reason reason);
    void add_problem(const Problem& problem);
    void add_note(const Problem& note);

    const std::string& bytes() const { return bytes_; }

  private:
    void add(char letter, std::string_view detail, std::string_view path);
    std::string bytes_;
};

/// What the log in `bytes` says of `path`, as the end of a sentence that begins with the run: "put it on the target:
/// content differs"; several things are joined by ", then ". "" when it says nothing, as bytes that are no log do.
std::string find_in_path_log(std::string_view bytes, std::string_view path);

}  // namespace syncline
