// Beginnings of files that an attempt which broke off left, in a local tree or on a server without a shell. Any thread.
//
// The name of a file in the making tells for which path it was begun, so that the next attempt can go on with it. What
// it holds is verified with the rest, once that is there.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

/// Where the content of `path` is made: beside it, in the pattern of fs::is_temporary_name. Nobody else uses the name.
/// Where no lock can tell whether a name is in use, `owner`, 8 hex digits, tells whose it is.
std::string new_beginning(std::string_view path, std::string_view owner = "");
/// Whether the temporary name at the end of `path` is one of `owner`.
bool is_beginning_of(std::string_view path, std::string_view owner);

class KeptBeginnings {
  public:
    /// Smaller ones are sooner sent again.
    static constexpr uint64_t least_bytes = 1 << 20;

    struct Beginning {
        std::string path;
        uint64_t size = 0;
    };

    void add(std::string path, uint64_t size);

    /// The one that was begun for `path`, which is not kept any more.
    std::optional<Beginning> take(std::string_view path);

    /// All that nobody had a use for.
    std::vector<std::string> take_all();
    bool is_empty() const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, uint64_t> sizes_;
};

}  // namespace syncline
