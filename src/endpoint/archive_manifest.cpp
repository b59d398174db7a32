#include "endpoint/archive_manifest.hpp"

#include <sys/random.h>

#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/zstd_stream.hpp"

namespace syncline {
namespace {

using Json = nlohmann::json;

constexpr std::string_view beginning = ".syncline-archive-", ending = ".tar.zst";
constexpr size_t name_digits = 16;
constexpr int version = 1;
// Far beyond what a tree of a million files needs.
constexpr uint64_t most_bytes = uint64_t{4} << 30;
constexpr size_t longest_line = size_t{1} << 20;

[[noreturn]] void refuse(const std::string& why) { throw Error(Errc::failed, why); }

/// JSON holds no bytes that are not UTF-8.
void put_bytes(Json& line, const std::string& key, std::string_view bytes) {
    if (is_utf8(bytes)) {
        line[key] = bytes;
        return;
    }
    std::string hex;
    for (char c : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        auto byte = static_cast<unsigned char>(c);
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    line[key + "_hex"] = hex;
}

const Json* find(const Json& line, const std::string& key, Json::value_t type) {
    auto found = line.find(key);
    return found != line.end() && found->type() == type ? &*found : nullptr;
}

std::string text_of(const Json& line, const std::string& key) {
    const Json* value = find(line, key, Json::value_t::string);
    return value == nullptr ? "" : value->get<std::string>();
}

std::string bytes_of(const Json& line, const std::string& key) {
    std::string hex = text_of(line, key + "_hex"), bytes;
    if (hex.empty()) return text_of(line, key);
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        if (std::sscanf(hex.substr(i, 2).c_str(), "%2x", &byte) != 1) return "";
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

uint64_t number_of(const Json& line, const std::string& key) {
    const Json* value = find(line, key, Json::value_t::number_unsigned);
    if (value == nullptr) refuse("it has a line without " + key);
    return value->get<uint64_t>();
}

Json line_of(const Tree& tree, const Entry& entry) {
    Json line;
    put_bytes(line, "path", tree.path(entry));
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(entry.mode));
    line["mode"] = mode;
    if (entry.kind == Kind::directory) {
        line["type"] = "directory";
    } else if (entry.kind == Kind::symlink) {
        line["type"] = "symlink";
        put_bytes(line, "target", tree.link(entry));
    } else {
        line["type"] = "file";
        line["size"] = entry.stamp.size;
        line["mtime"] = format_mtime(entry.stamp.mtime);
        line["sha256"] = entry.digest.hex();
    }
    return line;
}

/// Takes the lines one by one, and makes the tree of them.
class ManifestReader {
  public:
    explicit ManifestReader(uint64_t max_entries) : budget_(max_entries) {}

    void take(std::string_view bytes) {
        total_ += bytes.size();
        if (total_ > most_bytes) refuse("it is longer than any manifest");
        for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
            rest_ += bytes.substr(0, end);
            bytes.remove_prefix(end + 1);
            take_line();
            rest_.clear();
        }
        rest_ += bytes;
        if (rest_.size() > longest_line) refuse("it has a line that is too long");
    }

    ArchiveManifest finish() {
        bool is_whole = has_head_ && rest_.empty() && digests_.size() == entries_;
        if (!is_whole) refuse("it ends early");
        manifest_.tree = builder_.finish();
        for (size_t i = 0; i < digests_.size(); ++i) {
            if (manifest_.tree[i].kind == Kind::file) manifest_.tree.set_digest(i, digests_[i]);
        }
        return std::move(manifest_);
    }

  private:
    void take_line() {
        Json line = Json::parse(rest_, nullptr, false);
        if (!line.is_object()) refuse("it has a line that is no JSON object");
        has_head_ ? take_entry(line) : take_head(line);
    }

    void take_head(const Json& line) {
        uint64_t made_by = number_of(line, "version");
        if (made_by != version) {
            refuse("it is of version " + std::to_string(made_by) +
                   ", which this syncline does not know; install a newer one");
        }
        manifest_.archive = text_of(line, "archive");
        manifest_.archive_bytes = number_of(line, "archive_bytes");
        manifest_.archive_etag = text_of(line, "archive_etag");
        if (!is_archive_name(manifest_.archive)) refuse("it names no archive");
        entries_ = number_of(line, "entries");
        has_head_ = true;
    }

    void take_entry(const Json& line) {
        if (digests_.size() == entries_) refuse("it has more entries than it says");
        std::string path = bytes_of(line, "path");
        bool is_path = !path.empty() && is_valid_path(path) && !is_reserved_for_archives(path);
        if (!is_path) refuse("it names the impossible path '" + escape(path) + "'");
        bool is_in_order = digests_.empty() || compare_paths(last_path_, path) < 0;
        if (!is_in_order) refuse("'" + escape(path) + "' is out of order");
        enter_parent(path);
        Entry entry;
        std::string link = read_entry(line, path, entry);
        budget_.take(path.size() + link.size());
        builder_.add(path, entry, link);
        digests_.push_back(entry.digest);
        if (entry.kind == Kind::directory) open_.push_back(path);
        last_path_ = std::move(path);
    }

    void enter_parent(std::string_view path) {
        std::string_view parent = parent_path(path);
        while (!open_.empty() && open_.back() != parent) open_.pop_back();
        bool is_there = parent.empty() || !open_.empty();
        if (!is_there) refuse("it does not name the directory of '" + escape(path) + "'");
    }

    static std::string read_entry(const Json& line, const std::string& path, Entry& entry) {
        std::string type = text_of(line, "type"), mode = text_of(line, "mode");
        unsigned bits = 0;
        bool has_mode = std::sscanf(mode.c_str(), "%o", &bits) == 1 && bits <= 07777;
        if (!has_mode) refuse("'" + escape(path) + "' has no mode");
        entry.mode = static_cast<uint16_t>(bits);
        if (type == "directory") {
            entry.kind = Kind::directory;
            return "";
        }
        if (type == "symlink") {
            entry.kind = Kind::symlink;
            std::string target = bytes_of(line, "target");
            bool is_target = !target.empty() && target.find('\0') == std::string::npos;
            if (!is_target) refuse("the symlink '" + escape(path) + "' has no target");
            return target;
        }
        std::optional<Digest> digest = Digest::from_hex(text_of(line, "sha256"));
        if (type != "file" || !digest) refuse("'" + escape(path) + "' is nothing that an archive holds");
        entry.stamp.size = number_of(line, "size");
        entry.stamp.mtime = parse_mtime(text_of(line, "mtime")).value_or(0);
        entry.digest = *digest;
        return "";
    }

    ListingBudget budget_;
    ArchiveManifest manifest_;
    TreeBuilder builder_;
    std::vector<Digest> digests_;
    std::vector<std::string> open_;  ///< the directories that lead to the last path
    std::string rest_, last_path_;
    uint64_t total_ = 0, entries_ = 0;
    bool has_head_ = false;
};

}  // namespace

std::string new_archive_name() {
    uint64_t random = 0;
    SYNCLINE_ASSERT(::getrandom(&random, sizeof random, 0) == sizeof random);
    char digits[name_digits + 1];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random));
    return std::string(beginning) + digits + std::string(ending);
}

bool is_archive_name(std::string_view path) {
    if (path.size() != beginning.size() + name_digits + ending.size()) return false;
    std::string_view digits = path.substr(beginning.size(), name_digits);
    bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return path.starts_with(beginning) && path.ends_with(ending) && is_hex;
}

bool is_reserved_for_archives(std::string_view path) { return path == manifest_name || is_archive_name(path); }

std::string write_manifest(const ArchiveManifest& manifest) {
    Json head;
    head["version"] = version;
    head["archive"] = manifest.archive;
    head["archive_bytes"] = manifest.archive_bytes;
    head["archive_etag"] = manifest.archive_etag;
    head["entries"] = manifest.tree.size();
    ZstdWriter writer;
    std::string content;
    writer.add(head.dump() + "\n", content);
    for (const Entry& entry : manifest.tree.entries()) {
        writer.add(line_of(manifest.tree, entry).dump() + "\n", content);
    }
    writer.finish(content);
    return content;
}

ArchiveManifest read_manifest(std::string_view content, uint64_t max_entries) {
    ManifestReader reader(max_entries);
    ZstdReader stream;
    ZstdReader::Take take = [&](std::string_view bytes) { reader.take(bytes); };
    stream.feed(content, take);
    if (!stream.error().empty()) refuse(stream.error());
    if (!stream.is_whole()) refuse("it ends early");
    return reader.finish();
}

Stamp archive_stamp(const Entry& entry) {
    if (entry.kind != Kind::file) return entry.kind == Kind::symlink ? entry.stamp : Stamp{};
    uint64_t number = 0;
    std::memcpy(&number, entry.digest.bytes.data(), sizeof number);
    return {entry.stamp.size, 0, 0, number | 1};
}

}  // namespace syncline
