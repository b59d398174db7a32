#include "endpoint/ssh_root.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/text.hpp"
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

bool is_short_digest(std::string_view text) {
    auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == short_digits && std::all_of(text.begin(), text.end(), is_digit);
}

bool begins_at_home(std::string_view directory) { return directory == "~" || directory.starts_with("~/"); }

}  // namespace

std::string default_layout_name(std::string_view root, std::string_view client) {
    // A name on the server has 255 bytes at most; PROJECT tells apart what is cut short.
    constexpr size_t longest_name = 255 - 2 * (short_digits + 1);
    std::string_view name = root.substr(root.rfind('/') + 1);
    if (name.size() > longest_name) {
        size_t end = longest_name;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // within a character
        name = name.substr(0, end);
    }
    return std::string(name.empty() ? "root" : name) + "-" + short_digest(root) + "-" + std::string(client);
}

bool is_default_layout_name(std::string_view name, std::string_view client) {
    constexpr size_t tail = 2 * (short_digits + 1);
    if (name.size() <= tail || name.find('/') != std::string_view::npos) return false;
    std::string_view rest = name.substr(name.size() - tail);
    if (rest[0] != '-' || rest[short_digits + 1] != '-') return false;
    std::string_view of_client = rest.substr(short_digits + 2);
    return is_short_digest(rest.substr(1, short_digits)) && is_short_digest(of_client) &&
           (client.empty() || of_client == client);
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
