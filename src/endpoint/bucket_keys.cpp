#include "endpoint/bucket_keys.hpp"

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

constexpr size_t longest_key = 1024;

}  // namespace

BucketKeys::BucketKeys(std::string_view prefix) : prefix_(prefix) {
    while (prefix_.ends_with('/')) prefix_.pop_back();
    beginning_ = prefix_.empty() ? "" : prefix_ + "/";
}

std::string BucketKeys::why_no_key(std::string_view key) {
    if (key.size() > longest_key) {
        return "its key would be of " + std::to_string(key.size()) + " bytes, and a bucket takes " +
               std::to_string(longest_key) + "; shorten the path";
    }
    if (!is_utf8(key)) return "its name is not UTF-8, as keys in a bucket must be; rename it or exclude it";
    return "";
}

std::optional<BucketKeys::Place> BucketKeys::place_of(std::string_view key) const {
    if (!key.starts_with(beginning_)) return std::nullopt;
    std::string_view rest = key.substr(beginning_.size());
    if (rest.empty()) return Place{rest, true};
    bool is_directory = rest.ends_with('/');
    if (is_directory) rest.remove_suffix(1);
    if (rest.empty() || !is_valid_path(rest)) return std::nullopt;
    return Place{rest, is_directory};
}

}  // namespace syncline
