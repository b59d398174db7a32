// SftpPacket: the bytes of SFTP version 3, made and read. Pure; every length is checked against what is there, and
// nothing is allocated on the word of the peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::ssh {

namespace sftp_type {
constexpr uint8_t init = 1, version = 2, open = 3, close = 4, read = 5, write = 6, lstat = 7, fstat = 8, setstat = 9,
                  fsetstat = 10, opendir = 11, readdir = 12, remove = 13, mkdir = 14, rmdir = 15, realpath = 16,
                  stat = 17, rename = 18, readlink = 19, symlink = 20, status = 101, handle = 102, data = 103,
                  name = 104, attrs = 105, extended = 200, extended_reply = 201;
}

/// Attributes that are not known, or are not to be set, are nullopt.
struct SftpAttributes {
    SftpAttributes() = default;

    std::optional<uint64_t> size;
    std::optional<uint32_t> uid, gid;                        ///< both or neither
    std::optional<uint32_t> mode;                            ///< st_mode, the file's type included
    std::optional<uint32_t> access_time, modification_time;  ///< seconds since 1970; both or neither

    bool operator==(const SftpAttributes&) const = default;

    bool is_directory() const { return mode && (*mode & 0170000) == 0040000; }
    bool is_regular() const { return mode && (*mode & 0170000) == 0100000; }
    bool is_symlink() const { return mode && (*mode & 0170000) == 0120000; }
};

/// One packet from the server, without its length. `id` is 0 for `version`.
struct SftpPacket {
    uint8_t type = 0;
    uint32_t id = 0;
    std::string body;
};

/// The longest packet that is accepted. OpenSSH sends up to 256 KiB.
constexpr uint32_t max_sftp_packet_bytes = 256 * 1024 + 1024;

/// Reads fields from the front of a body. After a field that is not there everything else is absent too, and ok() is
/// false; so a caller reads all it wants and asks once.
class SftpReader {
  public:
    explicit SftpReader(std::string_view bytes) : bytes_(bytes) {}

    uint8_t read_u8();
    uint32_t read_u32();
    uint64_t read_u64();
    std::string_view read_string();
    SftpAttributes read_attributes();

    bool ok() const { return ok_; }
    bool at_end() const { return bytes_.empty(); }

  private:
    bool take(size_t count, std::string_view& field);

    std::string_view bytes_;
    bool ok_ = true;
};

/// Builds one packet, its length in front.
class SftpWriter {
  public:
    /// With an id, as all but `init` have.
    SftpWriter(uint8_t type, uint32_t id);

    SftpWriter& add_u32(uint32_t value);
    SftpWriter& add_u64(uint64_t value);
    SftpWriter& add_string(std::string_view bytes);
    SftpWriter& add_attributes(const SftpAttributes& attributes);

    /// The finished packet.
    std::string finish();

    /// The packet that opens the conversation: version 3.
    static std::string init();

  private:
    std::string bytes_;
};

enum class SftpFrame {
    complete,   ///< a packet was taken from the front
    partial,    ///< more bytes are needed
    malformed,  ///< empty, too short for its type, or longer than max_sftp_packet_bytes
};

/// Takes the first packet of `bytes` from `offset` on, advancing `offset` past it.
SftpFrame take_sftp_packet(std::string_view bytes, size_t& offset, SftpPacket& packet);

/// Whether `name` may be an entry of a directory: not empty, `.` or `..`, no `/` or NUL, at most 4,096 bytes.
bool is_plain_name(std::string_view name);

}  // namespace syncline::ssh
