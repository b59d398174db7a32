// Any bytes as a glob and as an ignore file, held against any path: nothing may crash or hang. The input is a path up
// to its first newline, and behind that the pattern.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/rel_path.hpp"
#include "core/glob.hpp"
#include "core/ignore.hpp"

using namespace syncline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    size_t end = input.find('\n');
    if (end == std::string_view::npos) return 0;
    std::string_view path = input.substr(0, end), pattern = input.substr(end + 1);

    std::string why;
    std::optional<Glob> glob = Glob::compile(pattern, why);
    if (glob.has_value() == !why.empty()) std::abort();
    // What matches by itself also matches as a path.
    if (glob && glob->matches_entry(path, true) && !glob->matches(path, true)) std::abort();

    IgnoreRules rules("fuzz", pattern);
    const IgnoreRule* rule = rules.last_match(path, last_name(path), false);
    if (rule != nullptr && rule->line == 0) std::abort();
    return 0;
}
