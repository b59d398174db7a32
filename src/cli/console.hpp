// Console: standard output and standard error, and the one status line that lives below what was printed.
//
// One for the process; used by the main thread, and by log sinks through the same thread. Writing never throws and
// never raises SIGPIPE (main ignores it): the first failure is remembered, what follows is dropped.
#pragma once

#include <string>
#include <string_view>

namespace syncline::cli {

class Console {
  public:
    /// Descriptors stay the caller's. Colours only on a terminal that is not "dumb", and not when NO_COLOR is set and
    /// not empty.
    Console(int output, int errors);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    bool colours_output() const { return output_.has_colours; }
    bool colours_errors() const { return errors_.has_colours; }
    /// Whether draw_status shows anything.
    bool has_status_line() const { return errors_.is_smart; }

    /// Whole lines, for results.
    void print(std::string_view lines);
    /// Whole lines, for errors, warnings and logs.
    void complain(std::string_view lines);

    /// Shows `line` below everything, cut to the width that the terminal has now. Printing wipes it; "" does so too.
    void draw_status(std::string_view line);
    /// Wipes it and shows none until told otherwise: somebody is asked something on the terminal.
    void pause_status(bool pauses);
    /// Columns of the terminal, asked anew at each call.
    size_t width() const;
    /// Of these, what a status line may take.
    size_t status_width() const;

    /// "" or why standard output could not be written; "closed" when its reader went away.
    const std::string& output_error() const { return output_.error; }

  private:
    struct Stream {
        int fd = -1;
        bool is_smart = false;  ///< a terminal that knows escape sequences
        bool has_colours = false;
        std::string error;
    };
    static Stream make_stream(int fd);
    static void write(Stream& stream, std::string_view text);
    void wipe_status();

    Stream output_, errors_;
    bool status_shown_ = false;
    bool status_paused_ = false;
};

/// Columns that `text` takes; wide characters count as two. `text` is UTF-8 without control characters.
size_t display_width(std::string_view text);

/// The longest start of `text` that takes at most `columns`; ends with "…" when something was cut and there is room for
/// it.
std::string cut_to_width(std::string_view text, size_t columns);

}  // namespace syncline::cli
