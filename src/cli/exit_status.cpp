#include "cli/exit_status.hpp"

namespace syncline::cli {
namespace {

int severity(int status) {
    switch (status) {
        case exit_ok: return 0;
        case exit_partial: return 1;
        case exit_locked: return 2;
        case exit_halted: return 3;
        case exit_failed: return 4;
        default: return 5;
    }
}

}  // namespace

int worse_status(int a, int b) { return severity(a) >= severity(b) ? a : b; }

int exit_status(Errc code) {
    switch (code) {
        case Errc::usage: return exit_usage;
        case Errc::locked: return exit_locked;
        case Errc::failed:
        case Errc::lost:
        case Errc::unreachable:
        case Errc::state: return exit_failed;
    }
    return exit_failed;
}

}  // namespace syncline::cli
