#include "state/baseline_row.hpp"

#include <algorithm>
#include <cstring>

#include "base/rel_path.hpp"
#include "state/hash64.hpp"

namespace syncline {
namespace {

constexpr uint8_t layout_version = 1;
constexpr uint8_t mode_unknown = 0, not_executable = 1, executable = 2;  // of the source
constexpr size_t head_size = 64;
constexpr size_t digest_size = sizeof(Digest::bytes);
constexpr size_t checksum_size = 8;

void append_u64(std::string& to, uint64_t value) {
    char bytes[8];
    for (char& byte : bytes) byte = static_cast<char>(value & 0xff), value >>= 8;
    to.append(bytes, sizeof bytes);
}

uint64_t checksum(uint64_t seed, std::string_view stored_path, std::string_view value) {
    return hash64(value, hash64(stored_path, seed));
}

bool decode_path(std::string_view stored, std::string& path) {
    if (stored.find('/') != std::string_view::npos) return false;
    path = stored;
    std::replace(path.begin(), path.end(), '\0', '/');
    return is_valid_path(path);
}

/// The bytes between the fixed head and the checksum.
size_t tail_size(Kind kind, uint64_t size) {
    if (kind == Kind::file) return digest_size;
    return kind == Kind::symlink ? static_cast<size_t>(size) : 0;
}

}  // namespace

uint64_t row_seed(std::string_view root, std::string_view destination, Direction direction) {
    return hash64(destination, hash64(root, static_cast<uint64_t>(direction)));
}

void encode_row_path(std::string_view path, std::string& stored) {
    stored = path;
    std::replace(stored.begin(), stored.end(), '/', '\0');
}

void encode_row_value(uint64_t seed, std::string_view stored_path, const BaselineEntry& entry, std::string_view link,
                      std::string& value) {
    const char head[8] = {static_cast<char>(layout_version),
                          static_cast<char>(entry.kind),
                          static_cast<char>(entry.mode & 0xff),
                          static_cast<char>(entry.mode >> 8),
                          static_cast<char>(entry.mount_point ? 1 : 0),
                          static_cast<char>(entry.found_there ? 1 : 0),
                          static_cast<char>(!entry.source_mode_known  ? mode_unknown
                                            : entry.source_executable ? executable
                                                                      : not_executable)};
    value.assign(head, sizeof head);
    append_u64(value, entry.kind == Kind::symlink ? link.size() : entry.size);
    for (TimeNs time : {entry.source_mtime, entry.source_ctime}) append_u64(value, static_cast<uint64_t>(time));
    append_u64(value, entry.source_inode);
    for (TimeNs time : {entry.target_mtime, entry.target_ctime}) append_u64(value, static_cast<uint64_t>(time));
    append_u64(value, entry.target_inode);
    if (entry.kind == Kind::file) {
        value.append(reinterpret_cast<const char*>(entry.digest.bytes.data()), digest_size);
    } else if (entry.kind == Kind::symlink) {
        value += link;
    }
    append_u64(value, checksum(seed, stored_path, value));
}

bool decode_row(uint64_t seed, std::string_view stored_path, std::string_view value, DecodedRow& row) {
    if (value.size() < head_size + checksum_size) return false;
    std::string_view body = value.substr(0, value.size() - checksum_size);
    if (read_u64(value.data() + body.size()) != checksum(seed, stored_path, body)) return false;
    if (static_cast<uint8_t>(body[0]) != layout_version ||
        static_cast<uint8_t>(body[1]) > static_cast<uint8_t>(Kind::special)) {
        return false;
    }
    BaselineEntry& entry = row.entry;
    entry.kind = static_cast<Kind>(body[1]);
    entry.mode = static_cast<uint16_t>(static_cast<uint8_t>(body[2]) | static_cast<uint8_t>(body[3]) << 8);
    entry.mount_point = body[4] != 0;
    entry.found_there = body[5] != 0;
    entry.source_mode_known = body[6] != mode_unknown;
    entry.source_executable = body[6] == executable;
    entry.size = read_u64(&body[8]);
    entry.source_mtime = static_cast<TimeNs>(read_u64(&body[16]));
    entry.source_ctime = static_cast<TimeNs>(read_u64(&body[24]));
    entry.source_inode = read_u64(&body[32]);
    entry.target_mtime = static_cast<TimeNs>(read_u64(&body[40]));
    entry.target_ctime = static_cast<TimeNs>(read_u64(&body[48]));
    entry.target_inode = read_u64(&body[56]);
    std::string_view tail = body.substr(head_size);
    if (tail.size() != tail_size(entry.kind, entry.size)) return false;
    entry.digest = {};
    row.link = {};
    if (entry.kind == Kind::file) std::memcpy(entry.digest.bytes.data(), tail.data(), digest_size);
    if (entry.kind == Kind::symlink) row.link = tail;
    return decode_path(stored_path, row.path);
}

}  // namespace syncline
