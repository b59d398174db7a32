// Metrics: a snapshot in the text format that Prometheus scrapes (version 0.0.4). Pure.
#pragma once

#include <string>

#include "status/snapshot.hpp"

namespace syncline::status {

std::string metrics_text(const Snapshot& snapshot, TimeNs now);

}  // namespace syncline::status
