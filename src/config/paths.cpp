#include "config/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr int max_symlinks = 40;  // as the kernel's own limit

bool is_variable_name(std::string_view name) {
    auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (name.empty() || !letter(name[0])) return false;
    for (char c : name) {
        if (!letter(c) && !(c >= '0' && c <= '9')) return false;
    }
    return true;
}

std::string without_trailing_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

std::string lexically_normal(std::string_view path) {
    return without_trailing_slash(std::filesystem::path(path).lexically_normal().string());
}

std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        size_t slash = path.find('/');
        std::string_view name = path.substr(0, slash);
        path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
        if (name.empty() || name == ".") continue;
        out += '/';
        out += name;
    }
    return out.empty() ? "/" : out;
}

/// The content of the symlink `path`; nullopt when it is none.
std::optional<std::string> read_link(const std::string& path) {
    char buffer[PATH_MAX];
    ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
    if (size < 0) return std::nullopt;
    return std::string(buffer, static_cast<size_t>(size));
}

}  // namespace

ParseEnvironment ParseEnvironment::of_process() {
    ParseEnvironment environment;
    environment.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = ::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    };
    environment.home = environment.variable("HOME").value_or("");
    std::error_code ignored;
    environment.current_directory = std::filesystem::current_path(ignored).string();
    environment.resolve = resolve_symlinks;
    return environment;
}

Expansion expand_variables(std::string_view text, const ParseEnvironment& environment) {
    Expansion out;
    while (!text.empty()) {
        size_t start = text.find("${");
        out.text += text.substr(0, start);
        if (start == std::string_view::npos) break;
        size_t end = text.find('}', start);
        if (end == std::string_view::npos) {
            out.error = "has a '${' without a '}'";
            return out;
        }
        std::string name(text.substr(start + 2, end - start - 2));
        text.remove_prefix(end + 1);
        if (!is_variable_name(name)) {
            out.error = "has '${" + escape(name) + "}', which is not the name of a variable";
            return out;
        }
        std::string value = environment.variable ? environment.variable(name).value_or("") : "";
        if (value.empty()) {
            out.error = "uses ${" + name + "}, which is not set in the environment";
            return out;
        }
        out.text += value;
        out.variables.push_back(name);
    }
    return out;
}

Expansion expand_path(std::string_view text, const ParseEnvironment& environment) {
    if (!text.starts_with('~')) return expand_variables(text, environment);
    std::string_view rest = text.substr(1);
    if (!rest.empty() && rest[0] != '/') {
        return {"", "begins with '~NAME'; only '~' and '~/' are known, so write that home directory in full", {}};
    }
    if (!environment.home.starts_with('/')) return {"", "begins with '~', but HOME is not set", {}};
    Expansion out = expand_variables(rest, environment);
    out.text.insert(0, environment.home);
    return out;
}

std::string absolute_path(std::string_view path, std::string_view directory, const ParseEnvironment& environment) {
    std::string joined = path.starts_with('/') ? std::string(path) : std::string(directory) + "/" + std::string(path);
    std::string plain = without_dots(joined);
    std::string normal = lexically_normal(plain);
    // "link/.." is the parent of what the link leads to; only elsewhere may it be dropped.
    bool same = normal == plain || !environment.resolve || environment.resolve(normal) == environment.resolve(plain);
    return same ? normal : plain;
}

std::string resolve_symlinks(const std::string& path) {
    std::string resolved, rest = path;
    int links = 0;
    while (!rest.empty()) {
        size_t slash = rest.find('/');
        std::string name = rest.substr(0, slash);
        rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
        if (name.empty() || name == ".") continue;
        if (name == "..") {
            resolved.erase(resolved.empty() ? 0 : resolved.rfind('/'));
            continue;
        }
        std::string next = resolved + "/" + name;
        auto link = links < max_symlinks ? read_link(next) : std::nullopt;
        if (!link) {
            resolved = std::move(next);
            continue;
        }
        ++links;
        if (link->starts_with('/')) resolved.clear();
        rest = *link + "/" + rest;
    }
    return resolved.empty() ? "/" : resolved;
}

bool is_beneath(std::string_view path, std::string_view ancestor) {
    if (ancestor == "/") return path.starts_with('/');
    return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace syncline
