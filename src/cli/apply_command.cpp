// apply
#include "cli/commands.hpp"
namespace syncline::cli {
int apply_command(Session&) { throw Error(Errc::usage, "waiting for the engine"); }
}  // namespace syncline::cli
