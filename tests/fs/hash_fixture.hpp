// What the tests of HashPool share.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/hash.hpp"
#include "temp_tree.hpp"

namespace syncline::test {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline Digest digest_of(std::string_view content) {
    fs::Hasher hasher;
    hasher.update(bytes_of(content));
    return hasher.finish();
}

inline void write_at(int directory, const char* name, std::string_view content) {
    fs::Fd file(::openat(directory, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644));
    require(::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()), name);
}

/// Items and the paths that they point to.
struct HashFiles {
    std::deque<std::string> paths;
    std::vector<fs::HashItem> items;

    void add(const TempTree& tree, const std::string& path) {
        add_unseen(path);
        items.back().expected = tree.stamp(path);
    }
    /// Without a stamp from a scan.
    void add_unseen(const std::string& path) {
        paths.push_back(path);
        items.emplace_back().path = paths.back();
    }
    /// After a copy.
    void rebind() {
        for (size_t i = 0; i < items.size(); ++i) items[i].path = paths[i];
    }
};

}  // namespace syncline::test
