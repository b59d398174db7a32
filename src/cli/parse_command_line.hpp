// From argv to CommandLine. The only place that knows the library which reads it.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace syncline::cli {

struct ParsedCommandLine {
    enum class Kind : uint8_t {
        command,  ///< `line` is to be run
        text,     ///< --help, --version: print `text`, exit with 0
        error,    ///< print `text` on standard error, exit with 2
    };
    Kind kind = Kind::error;
    CommandLine line;
    std::string text;  ///< ends with a newline
};

/// `arguments` without the program's name.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace syncline::cli
