// Names on a local tree whose file system may not tell upper case from lower case. Blocks.
#pragma once

#include "endpoint/local_item.hpp"

namespace syncline {

/// Whether names in the directory `root` that differ only in case are one. Where nothing in it tells, and `may_write`,
/// by a file in the pattern of fs::is_temporary_name.
bool folds_names(int root, bool may_write);

/// Gives an entry another spelling of its name.
void respell_entry(int root, RenameItem& item, TouchedInodes& touched);

}  // namespace syncline
