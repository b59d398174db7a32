#include "endpoint/ssh_tar.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

#include "endpoint/ssh_listing.hpp"

namespace syncline {
namespace {

constexpr size_t max_extension_bytes = size_t{1} << 20;

/// POSIX.1-1988, "ustar".
struct Header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2];
    char user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(Header) == tar_block_bytes);

template <size_t n>
void write_octal(char (&field)[n], uint64_t value) {
    for (size_t i = n - 1; i-- > 0; value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

/// GNU's base-256 for what octal digits cannot hold; two's complement for negative times.
template <size_t n>
void write_number(char (&field)[n], int64_t value) {
    uint64_t limit = uint64_t{1} << (3 * (n - 1));
    if (value >= 0 && static_cast<uint64_t>(value) < limit) return write_octal(field, static_cast<uint64_t>(value));
    for (size_t i = n; i-- > 1; value >>= 8) field[i] = static_cast<char>(value & 0xff);
    field[0] = static_cast<char>(value < 0 ? 0xff : 0x80);
}

template <size_t n>
int64_t read_number(const char (&field)[n]) {
    auto byte = [&](size_t i) { return static_cast<unsigned char>(field[i]); };
    int64_t value = 0;
    if (byte(0) & 0x80) {
        value = byte(0) == 0xff ? -1 : 0;
        for (size_t i = std::max<size_t>(1, n - 8); i < n; ++i) {
            value = static_cast<int64_t>((static_cast<uint64_t>(value) << 8) | byte(i));
        }
        return value;
    }
    for (char c : field) {
        if (c >= '0' && c <= '7') value = value * 8 + (c - '0');
        if (c == '\0' && value != 0) break;
    }
    return value;
}

template <size_t n>
std::string_view text_of(const char (&field)[n]) {
    return {field, ::strnlen(field, n)};
}

unsigned checksum_of(const Header& header) {
    Header copy = header;
    std::memset(copy.checksum, ' ', sizeof copy.checksum);
    unsigned sum = 0;
    for (unsigned char byte : std::string_view(reinterpret_cast<const char*>(&copy), sizeof copy)) sum += byte;
    return sum;
}

void append_header(std::string& out, char type, std::string_view path, std::string_view link, uint64_t size,
                   uint16_t mode, TimeNs mtime) {
    Header header{};
    path.copy(header.name, sizeof header.name);
    link.copy(header.link, sizeof header.link);
    write_octal(header.mode, mode);
    write_octal(header.uid, 0);
    write_octal(header.gid, 0);
    write_number(header.size, static_cast<int64_t>(size));
    TimeNs seconds = mtime / ns_per_second - (mtime % ns_per_second < 0 ? 1 : 0);
    write_number(header.mtime, seconds);
    header.type = type;
    std::memcpy(header.magic, "ustar", 6);
    std::memcpy(header.version, "00", 2);
    std::snprintf(header.checksum, sizeof header.checksum, "%06o", checksum_of(header));
    header.checksum[7] = ' ';
    out.append(reinterpret_cast<const char*>(&header), sizeof header);
}

void append_extension(std::string& out, char type, std::string_view content) {
    append_header(out, type, type == 'x' ? "./PaxHeaders/m" : "././@LongLink", "", content.size(), 0600, 0);
    out.append(content).append(tar_padding(content.size()), '\0');
}

std::string pax_mtime(TimeNs mtime) {
    TimeNs whole = mtime / ns_per_second, rest = mtime % ns_per_second;
    bool is_negative = mtime < 0;
    char text[48];
    int size = std::snprintf(text, sizeof text, " mtime=%s%lld.%09lld\n", is_negative ? "-" : "",
                             static_cast<long long>(is_negative ? -whole : whole),
                             static_cast<long long>(is_negative ? -rest : rest));
    // The number in front counts itself; the record is always 20 to 99 bytes long.
    std::string record = std::to_string(size + 2);
    record.append(text, static_cast<size_t>(size));
    return record;
}

bool is_zero(std::string_view block) { return block.find_first_not_of('\0') == std::string_view::npos; }

std::string without_nul(const std::string& text) { return text.substr(0, text.find('\0')); }

}  // namespace

size_t tar_padding(uint64_t size) { return (tar_block_bytes - size % tar_block_bytes) % tar_block_bytes; }

void append_tar_header(std::string& out, const TarMember& member) {
    bool is_directory = member.type == TarMember::Type::directory;
    std::string path = is_directory ? member.path + "/" : member.path;
    if (path.size() > sizeof Header::name) append_extension(out, 'L', path + '\0');
    if (member.link.size() > sizeof Header::link) append_extension(out, 'K', member.link + '\0');
    if (member.mtime % ns_per_second != 0) append_extension(out, 'x', pax_mtime(member.mtime));
    char type = is_directory ? '5' : member.type == TarMember::Type::symlink ? '2' : '0';
    append_header(out, type, path, member.link, member.size, member.mode, member.mtime);
}

void append_tar_end(std::string& out) { out.append(2 * tar_block_bytes, '\0'); }

void TarReader::feed(std::string_view bytes) {
    while (!bytes.empty() && state_ != State::ended && state_ != State::failed) bytes.remove_prefix(take(bytes));
}

size_t TarReader::take(std::string_view bytes) {
    if (state_ == State::header) {
        size_t count = std::min(bytes.size(), tar_block_bytes - block_.size());
        block_ += bytes.substr(0, count);
        if (block_.size() == tar_block_bytes) {
            std::string block = std::move(block_);
            block_.clear();
            take_header(block);
        }
        return count;
    }
    size_t count = static_cast<size_t>(std::min<uint64_t>(bytes.size(), rest_));
    rest_ -= count;
    if (state_ == State::content) sink_.data(bytes.substr(0, count));
    if (state_ == State::extension) extension_ += bytes.substr(0, count);
    if (rest_ > 0) return count;
    if (state_ == State::padding) {
        state_ = State::header;
    } else {
        end_content();
    }
    return count;
}

void TarReader::take_header(std::string_view block) {
    if (is_zero(block)) {
        state_ = State::ended;
        return;
    }
    Header header;
    std::memcpy(&header, block.data(), sizeof header);
    if (static_cast<unsigned>(read_number(header.checksum)) != checksum_of(header))
        return fail("a header's checksum is wrong");
    char type = header.type;
    bool is_extension = type == 'L' || type == 'K' || type == 'x' || type == 'g';
    if (!is_extension) return begin_member(type, block);
    int64_t size = read_number(header.size);
    if (size < 0 || static_cast<uint64_t>(size) > max_extension_bytes) return fail("a long name is too long");
    extension_type_ = type;
    extension_.clear();
    rest_ = static_cast<uint64_t>(size);
    padding_ = tar_padding(rest_);
    state_ = State::extension;
    if (rest_ == 0) end_content();
}

void TarReader::begin_member(char type, std::string_view block) {
    Header header;
    std::memcpy(&header, block.data(), sizeof header);
    TarMember member;
    bool is_file = type == '0' || type == '\0' || type == '7';
    if (!is_file && type != '5' && type != '2') return fail("it holds a hard link, a device or something unknown");
    member.type = is_file ? TarMember::Type::file : type == '5' ? TarMember::Type::directory : TarMember::Type::symlink;
    std::string_view prefix = header.magic[5] == '\0' ? text_of(header.prefix) : std::string_view();
    member.path = long_path_;
    if (member.path.empty()) member.path.append(prefix).append(prefix.empty() ? "" : "/").append(text_of(header.name));
    if (member.type == TarMember::Type::symlink)
        member.link = long_link_.empty() ? std::string(text_of(header.link)) : long_link_;
    int64_t size = has_pax_size_ ? static_cast<int64_t>(pax_size_) : read_number(header.size);
    if (size < 0) return fail("a member has a negative size");
    member.size = is_file ? static_cast<uint64_t>(size) : 0;
    member.mode = static_cast<uint16_t>(read_number(header.mode) & 07777);
    constexpr int64_t most = std::numeric_limits<TimeNs>::max() / ns_per_second;
    member.mtime = has_pax_mtime_ ? pax_mtime_ : std::clamp(read_number(header.mtime), -most, most) * ns_per_second;
    long_path_.clear(), long_link_.clear();
    has_pax_size_ = has_pax_mtime_ = false;
    sink_.begin(member);
    rest_ = member.size;
    padding_ = tar_padding(rest_);
    extension_type_ = 0;
    state_ = State::content;
    if (rest_ == 0) end_content();
}

void TarReader::end_content() {
    bool was_extension = state_ == State::extension;
    rest_ = padding_;
    state_ = rest_ == 0 ? State::header : State::padding;
    if (was_extension) {
        read_extension();
    } else {
        sink_.end();
    }
}

void TarReader::read_extension() {
    switch (extension_type_) {
        case 'L': long_path_ = without_nul(extension_); break;
        case 'K': long_link_ = without_nul(extension_); break;
        case 'x': read_pax(extension_); break;
        default: break;
    }
}

/// Records "LENGTH KEY=VALUE\n".
void TarReader::read_pax(std::string_view text) {
    while (!text.empty()) {
        size_t length = 0;
        auto [digits_end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
        size_t begin = static_cast<size_t>(digits_end - text.data()) + 1;
        if (error != std::errc() || length > text.size() || begin >= length)
            return fail("an extended header is malformed");
        std::string_view record = text.substr(begin, length - begin - 1);
        text.remove_prefix(length);
        size_t equals = record.find('=');
        if (equals == std::string_view::npos) return fail("an extended header is malformed");
        std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
        if (key == "path") long_path_ = value;
        if (key == "linkpath") long_link_ = value;
        if (key == "mtime") {
            std::optional<TimeNs> time = parse_seconds(value);
            has_pax_mtime_ = time.has_value();
            pax_mtime_ = time.value_or(0);
        }
        if (key == "size")
            has_pax_size_ = std::from_chars(value.data(), value.data() + value.size(), pax_size_).ec == std::errc();
    }
}

void TarReader::fail(std::string why) {
    state_ = State::failed;
    error_ = std::move(why);
}

}  // namespace syncline
