// Settling what a killed run had taken aside on a local tree. Blocks.
#pragma once

#include <stop_token>

#include "core/taken_aside.hpp"

namespace syncline {

/// As Endpoint::settle says, of one of them. `root` is the target's descriptor. Throws Cancelled.
void settle_local(int root, TakenAside& item, const std::stop_token& stop);

}  // namespace syncline
