// Exit status: the numbers that scripts rely on (design: exit status), and which of several is reported.
#pragma once

#include "base/error.hpp"

namespace syncline::cli {

enum ExitStatus : int {
    exit_ok = 0,       ///< all done and verified
    exit_failed = 1,   ///< network, authentication, timeout, disk, output that could not be written
    exit_usage = 2,    ///< bad command line or job file
    exit_halted = 3,   ///< refused by a guard
    exit_partial = 4,  ///< partly done, every failed path named
    exit_locked = 5,   ///< another run holds the job, or another engine the file
};

/// The one that is reported for both: 2 and 1 before 3, 5 and 4; 0 only for two zeros.
int worse_status(int a, int b);

/// What a command that ended with an error of this kind exits with.
int exit_status(Errc code);

}  // namespace syncline::cli
