// What is known of content that an attempt which broke off left behind, on either side.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "endpoint/ssh_shell.hpp"

namespace syncline {

/// The first `bytes` of a file on the server.
struct PrefixItem {
    PrefixItem(std::string_view file_path, uint64_t file_inode, uint64_t prefix_bytes)
        : path(file_path), inode(file_inode), bytes(prefix_bytes) {}

    std::string_view path;
    uint64_t inode;
    uint64_t bytes;
    std::optional<Digest> digest;  ///< the answer; none when it could not be read
};

/// Hashes them on the server.
Task<void> digest_prefixes(RemotePlace place, std::vector<PrefixItem>& items);

}  // namespace syncline
