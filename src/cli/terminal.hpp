// Terminal: questions to the user on the controlling terminal, wherever standard input and output lead. Main thread
// only.
#pragma once

#include <optional>
#include <string>

#include "async/semaphore.hpp"
#include "async/task.hpp"
#include "cli/console.hpp"

namespace syncline::cli {

/// Whether there is a terminal with this process in its foreground: in the background, asking would stop it.
bool has_terminal();

/// Gives the terminal back the modes that a question or RawTerminal took: for the way out that runs no destructors.
void restore_terminal();

/// As long as this lives, what is typed on `fd` reaches the program as it is typed: Ctrl-C too.
class RawTerminal {
  public:
    explicit RawTerminal(int fd);
    ~RawTerminal() { restore_terminal(); }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
};

/// Shows `text` and waits for a line, as Terminal::ask does with an echo, for commands that run nothing else yet.
std::optional<std::string> ask_now(Console& console, const std::string& text);

class Terminal {
  public:
    /// `console` outlives it: its status line waits while somebody is asked.
    Terminal(asio::any_io_executor executor, Console& console) : turn_(std::move(executor), 1), console_(console) {}

    /// Shows `text` and waits for a line, one question at a time. nullopt when there is no terminal or the user gives
    /// up (end of file, an empty line counts as an answer).
    Task<std::optional<std::string>> ask(std::string text, bool echo);
    /// Whether anybody was.
    bool was_used() const { return was_used_; }

  private:
    bool was_used_ = false;
    Semaphore turn_;
    Console& console_;
};

}  // namespace syncline::cli
