// What doctor asks about directories. Looks only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace syncline::cli {

/// The directory itself when it is there, else the nearest one above it that is.
std::string nearest_existing(const std::string& directory);

/// "" when `directory` can be written, or created where it is missing; else why not.
std::string trouble_with_writing(const std::string& directory);
/// "" when it is a directory that can be listed; else why not.
std::string trouble_with_reading(const std::string& directory);

/// Bytes that this user may still write there.
std::optional<uint64_t> free_space(const std::string& directory);

/// Whether both lie on one file system.
bool share_file_system(const std::string& a, const std::string& b);

}  // namespace syncline::cli
