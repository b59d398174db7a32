#include "config/remote.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "config/names.hpp"
#include "config/paths.hpp"

namespace syncline {
namespace {

RemoteMeaning refused(std::string why) { return {std::nullopt, std::move(why), ""}; }

/// HOST or USER@HOST.
bool is_host(std::string_view name) {
    size_t at = name.rfind('@');
    if (at == std::string_view::npos) return is_server_name(name);
    return is_user_name(name.substr(0, at)) && is_server_name(name.substr(at + 1));
}

/// The host of "[ADDRESS]:DIR" or "USER@[ADDRESS]:DIR", without its brackets; "" where it is not written so.
std::string bracketed_address(const std::string& text) {
    size_t open = text.find('['), close = text.find("]:");
    bool is_bracketed = close != std::string::npos && open < close && text.find('/') > close &&
                        (open == 0 || text[open - 1] == '@') && text.find(':') > open;
    return is_bracketed ? text.substr(0, open) + text.substr(open + 1, close - open - 1) : "";
}

bool has_dot_component(std::string_view prefix) {
    while (!prefix.empty()) {
        size_t slash = std::min(prefix.find('/'), prefix.size());
        std::string_view name = prefix.substr(0, slash);
        if (name == "." || name == "..") return true;
        prefix.remove_prefix(std::min(slash + 1, prefix.size()));
    }
    return false;
}

}  // namespace

RemoteMeaning read_bucket_remote(const std::string& name, const std::string& prefix) {
    if (prefix.starts_with('/'))
        return refused("has a PREFIX that begins with '/': keys have no root, so leave it out");
    if (has_dot_component(prefix)) return refused("has a PREFIX with '.' or '..' in it, which keys do not resolve");
    return {Destination{Destination::Type::bucket, name, prefix}, "", ""};
}

namespace {

RemoteMeaning ssh_remote(const std::string& name, const std::string& directory,
                         const std::map<std::string, Host>& hosts, const std::map<std::string, Bucket>& buckets) {
    if (directory.starts_with("//")) return refused("is written HOST:DIR or BUCKET:PREFIX, not as a URL");
    if (!is_host(name)) {
        return refused("names the host \"" + escape(name) +
                       "\", which cannot be one; for a local path with ':' in it write \"./\" in front");
    }
    if (directory.starts_with('-')) return refused("has a directory that begins with '-': write \"./\" in front of it");
    if (has_control_byte(directory)) {
        return refused(
            "has a directory with a newline or another control character in its name; rename it there, or "
            "name it by a symlink without one");
    }
    if (directory.starts_with('~') && directory != "~" && !directory.starts_with("~/")) {
        std::string user = escape(directory.substr(0, directory.find('/')));
        return refused("begins with '" + user +
                       "', the home of another account, which only that server knows; write its " +
                       "absolute path (`ssh " + escape(name) + " echo " + user + "` prints it), or \"./" + user +
                       "\" for a directory of that name");
    }
    RemoteMeaning meaning{Destination{Destination::Type::ssh, name, directory}, "", ""};
    if (hosts.contains(name)) return meaning;
    std::vector<std::string> known;
    for (const auto& [host, table] : hosts) known.push_back(host);
    for (const auto& [bucket, table] : buckets) known.push_back(bucket);
    std::string near = name.size() > 64 ? "" : did_you_mean(name, known);
    if (!near.empty()) {
        meaning.warning = "names '" + escape(name) +
                          "', which is in neither [hosts] nor [buckets] and so a host of ssh_config; "
                          "did you mean '" +
                          near + "'?";
    }
    return meaning;
}

}  // namespace

RemoteMeaning read_remote(const std::string& text, const std::map<std::string, Host>& hosts,
                          const std::map<std::string, Bucket>& buckets, const std::string& directory,
                          const ParseEnvironment& environment) {
    std::string address = bracketed_address(text);
    size_t colon = address.empty() ? text.find(':') : text.find("]:") + 1;
    if (colon == std::string::npos || text.find('/') < colon) {
        return {Destination{Destination::Type::local, "", absolute_path(text, directory, environment)}, "", ""};
    }
    std::string name = address.empty() ? text.substr(0, colon) : address, path = text.substr(colon + 1);
    if (buckets.contains(name)) return read_bucket_remote(name, path);
    return ssh_remote(name, path, hosts, buckets);
}

}  // namespace syncline
