// The program: one command line, one exit status.
#pragma once

namespace syncline::cli {

int run_program(int argc, char** argv);

}  // namespace syncline::cli
