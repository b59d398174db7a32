// Which directories of a server need not be listed, as what is in them is not wanted. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "endpoint/endpoint.hpp"

namespace syncline {

/// Whether what is in the directory `path` is of no interest. The directories above it are of some.
bool is_pruned(const ListRequest& request, std::string_view path);

/// Names of directories that a lister had better leave out wherever they are: those that are known to grow large and
/// that are not selected in the root. A rule further down may select one all the same: RemoteTree::missed_some().
std::vector<std::string> names_to_prune(const ListRequest& request);

}  // namespace syncline
