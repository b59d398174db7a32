#include "ssh/sftp_packet.hpp"

#include "base/assert.hpp"

namespace syncline::ssh {
namespace {

// Which attributes follow (draft-ietf-secsh-filexfer-02, section 5).
constexpr uint32_t has_size = 1, has_owner = 2, has_mode = 4, has_times = 8, has_extended = 0x80000000;

uint32_t decode_u32(std::string_view bytes) {
    uint32_t value = 0;
    for (char byte : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
}

}  // namespace

bool SftpReader::take(size_t count, std::string_view& field) {
    ok_ = ok_ && bytes_.size() >= count;
    if (!ok_) return false;
    field = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return true;
}

uint8_t SftpReader::read_u8() {
    std::string_view field;
    return take(1, field) ? static_cast<uint8_t>(field[0]) : 0;
}

uint32_t SftpReader::read_u32() {
    std::string_view field;
    return take(4, field) ? decode_u32(field) : 0;
}

uint64_t SftpReader::read_u64() {
    uint64_t high = read_u32();
    uint64_t low = read_u32();
    return ok_ ? high << 32 | low : 0;
}

std::string_view SftpReader::read_string() {
    std::string_view field;
    uint32_t size = read_u32();
    return take(size, field) ? field : std::string_view();
}

SftpAttributes SftpReader::read_attributes() {
    SftpAttributes attributes;
    uint32_t flags = read_u32();
    if (flags & has_size) attributes.size = read_u64();
    if (flags & has_owner) {
        attributes.uid = read_u32();
        attributes.gid = read_u32();
    }
    if (flags & has_mode) attributes.mode = read_u32();
    if (flags & has_times) {
        attributes.access_time = read_u32();
        attributes.modification_time = read_u32();
    }
    if (flags & has_extended) {
        uint32_t count = read_u32();
        // Ends with the bytes, whatever the count says.
        for (uint32_t i = 0; i < count && ok_; ++i) {
            read_string();
            read_string();
        }
    }
    return ok_ ? attributes : SftpAttributes();
}

SftpWriter::SftpWriter(uint8_t type, uint32_t id) : bytes_(4, '\0') {
    bytes_ += static_cast<char>(type);
    add_u32(id);
}

SftpWriter& SftpWriter::add_u32(uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift & 0xff);
    return *this;
}

SftpWriter& SftpWriter::add_u64(uint64_t value) {
    add_u32(static_cast<uint32_t>(value >> 32));
    return add_u32(static_cast<uint32_t>(value));
}

SftpWriter& SftpWriter::add_string(std::string_view bytes) {
    add_u32(static_cast<uint32_t>(bytes.size()));
    bytes_ += bytes;
    return *this;
}

SftpWriter& SftpWriter::add_attributes(const SftpAttributes& attributes) {
    SYNCLINE_ASSERT(attributes.uid.has_value() == attributes.gid.has_value());
    SYNCLINE_ASSERT(attributes.access_time.has_value() == attributes.modification_time.has_value());
    add_u32((attributes.size ? has_size : 0) | (attributes.uid ? has_owner : 0) | (attributes.mode ? has_mode : 0) |
            (attributes.access_time ? has_times : 0));
    if (attributes.size) add_u64(*attributes.size);
    if (attributes.uid) add_u32(*attributes.uid).add_u32(*attributes.gid);
    if (attributes.mode) add_u32(*attributes.mode);
    if (attributes.access_time) add_u32(*attributes.access_time).add_u32(*attributes.modification_time);
    return *this;
}

std::string SftpWriter::finish() {
    auto size = static_cast<uint32_t>(bytes_.size() - 4);
    for (int i = 0; i < 4; ++i) bytes_[static_cast<size_t>(i)] = static_cast<char>(size >> (24 - 8 * i) & 0xff);
    return std::move(bytes_);
}

std::string SftpWriter::init() {
    // The version stands where other packets have their id.
    return SftpWriter(sftp_type::init, 3).finish();
}

SftpFrame take_sftp_packet(std::string_view bytes, size_t& offset, SftpPacket& packet) {
    auto rest = bytes.substr(offset);
    if (rest.size() < 4) return SftpFrame::partial;
    uint32_t size = decode_u32(rest);
    // The shortest packet is a type and an id (for `version`: a version).
    if (size < 5 || size > max_sftp_packet_bytes) return SftpFrame::malformed;
    if (rest.size() - 4 < size) return SftpFrame::partial;
    packet.type = static_cast<uint8_t>(rest[4]);
    packet.id = packet.type == sftp_type::version ? 0 : decode_u32(rest.substr(5));
    packet.body.assign(
        rest.substr(packet.type == sftp_type::version ? 5 : 9, size - (packet.type == sftp_type::version ? 1 : 5)));
    offset += 4 + size;
    return SftpFrame::complete;
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 4096 && name != "." && name != ".." &&
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace syncline::ssh
