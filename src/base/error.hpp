// Errors: what ends a run (Error, thrown) and what concerns one path (Problem, collected).
//
// A bug is neither of them: see assert.hpp. Cancellation has a type of its own so that no retry swallows it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

/// Why a run or a command ended early. Each maps to one exit status (cli/exit_status.hpp).
enum class Errc {
    usage,        ///< the command line or the job file is wrong
    failed,       ///< disk, authentication, timeout: may succeed when tried again
    lost,         ///< the connection broke off in the middle: a new one may go on at once
    unreachable,  ///< no connection could be made
    locked,       ///< another run or engine holds the job or the file
    state,        ///< the state database cannot be used
};

/// Ends a run. `what()` is a whole sentence: what happened, to which path or host, why, and what to do next.
class Error : public std::runtime_error {
  public:
    Error(Errc code, const std::string& message) : std::runtime_error(message), code_(code) {}
    Errc code() const { return code_; }

  private:
    Errc code_;
};

/// The run was told to stop (signal, timeout, reload). Never retried, never turned into a Problem.
class Cancelled : public std::runtime_error {
  public:
    Cancelled() : std::runtime_error("cancelled") {}
};

/// Trouble with one path; the rest of the run goes on. `path` is relative to the tree's root ("" is the root itself).
struct Problem {
    std::string path;
    std::string why;

    bool operator==(const Problem&) const = default;
};

/// "Permission denied", for errno values.
std::string errno_text(int error_number);

/// An Error of code `failed` that reads "cannot OPERATION PATH: ERRNO TEXT".
[[nodiscard]] Error errno_error(std::string_view operation, std::string_view path, int error_number);

}  // namespace syncline
