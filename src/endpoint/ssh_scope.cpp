#include "endpoint/ssh_scope.hpp"

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// What a command line may hold is 128 KiB a word and 2 MiB in all; each directory on the way is asked of each entry.
constexpr size_t most_scope_bytes = size_t{128} << 10;
constexpr size_t most_scope_paths = 2000;

/// For find's -path, which takes patterns.
std::string as_pattern(std::string_view path) {
    std::string pattern;
    for (char byte : path) {
        if (std::string_view("*?[\\").find(byte) != std::string_view::npos) pattern += '\\';
        pattern += byte;
    }
    return pattern;
}

/// The directories on the way to `scope` and what is in it, each before what it holds: where find is to start. `way`
/// gets the patterns of those that are not descended into.
std::string starting_points(std::span<const std::string> scope, std::vector<std::string>& way) {
    std::string points = ".";
    way.emplace_back(".");
    std::string last;
    for (const std::string& path : scope) {
        for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            std::string directory = path.substr(0, slash);
            if (is_at_or_below(last, directory)) continue;
            points.append(" ").append(sh_quote("./" + directory));
            way.push_back(as_pattern("./" + directory));
            last = directory;
        }
        points.append(" ").append(sh_quote("./" + path));
        last = path;
    }
    return points;
}

}  // namespace

bool can_list_scope(const ServerTools& tools, std::span<const std::string> scope) {
    if (scope.empty() || !tools.find_printf || scope.size() > most_scope_paths) return false;
    size_t bytes = 0;
    for (const std::string& path : scope) bytes += path.size() + 8;
    return bytes <= most_scope_bytes;
}

std::string find_scope_command(std::span<const std::string> scope, std::span<const std::string> pruned) {
    std::vector<std::string> way;
    std::string points = starting_points(scope, way);
    std::string matches;
    for (const std::string& pattern : way)
        matches.append(matches.empty() ? "" : "-o ").append("-path ").append(sh_quote(pattern)).append(" ");
    for (const std::string& name : pruned) matches.append("-o -name ").append(name).append(" ");
    return "find " + points + R"( -printf '%y %m %s %T@ %C@ %i %D\0%p\0%l\0' )" + "-type d \\( " + matches +
           "\\) -prune\n";
}

}  // namespace syncline
