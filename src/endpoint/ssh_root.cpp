#include "endpoint/ssh_root.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/text.hpp"
#include "core/project_name.hpp"
#include "fs/hash.hpp"
#include "ssh/exec.hpp"

namespace syncline {
namespace {

constexpr size_t short_digits = 8;

std::string short_digest(std::string_view text) {
    fs::Hasher hasher;
    hasher.update(std::as_bytes(std::span(text)));
    return hasher.finish().hex().substr(0, short_digits);
}

bool begins_at_home(std::string_view directory) { return directory == "~" || directory.starts_with("~/"); }

}  // namespace

std::string default_layout_name(std::string_view root, std::string_view client) {
    return project_directory(root.substr(root.rfind('/') + 1), short_digest(root), client);
}

bool is_default_layout_name(std::string_view name, std::string_view client) {
    std::optional<ProjectName> parsed = parse_project_directory(name);
    return parsed && (client.empty() || parsed->client == client);
}

std::string client_id() {
    std::ifstream file("/etc/machine-id");
    std::string machine(std::istreambuf_iterator<char>(file), {});
    if (machine.empty()) {
        char name[256] = {};
        ::gethostname(name, sizeof name - 1);
        machine = name;
    }
    return short_digest("syncline " + machine + " " + std::to_string(::getuid()));
}

std::string normal_remote_directory(std::string_view directory) {
    bool is_absolute = directory.starts_with('/');
    std::string normal;
    while (!directory.empty()) {
        size_t slash = std::min(directory.find('/'), directory.size());
        std::string_view name = directory.substr(0, slash);
        directory.remove_prefix(std::min(slash + 1, directory.size()));
        if (name.empty() || name == ".") continue;
        if (!normal.empty()) normal += '/';
        normal += name;
    }
    if (is_absolute) return "/" + normal;
    if (normal.empty()) return "~";
    return begins_at_home(normal) ? normal : "~/" + normal;
}

std::string shell_word_of_directory(std::string_view directory) {
    std::string normal = normal_remote_directory(directory);
    if (!begins_at_home(normal)) return sh_quote(normal);
    return "\"$HOME\"" + (normal.size() == 1 ? "" : sh_quote(normal.substr(1)));
}

std::string sftp_path_of_directory(std::string_view directory) {
    std::string normal = normal_remote_directory(directory);
    if (!begins_at_home(normal)) return normal;
    return normal.size() == 1 ? "." : "./" + normal.substr(2);
}

}  // namespace syncline
