// One request, one reply: every operation of the protocol but the transfer of ranges.
#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "ssh/sftp.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t longest_handle_bytes = 256;
constexpr size_t longest_message_bytes = 1000;
constexpr size_t most_empty_replies = 1000;
constexpr uint32_t end_of_file = 1;
// Larger ones gain nothing, and a packet must fit.
constexpr uint64_t largest_transfer_bytes = 255 * 1024;
constexpr uint64_t smallest_transfer_bytes = 1024;

uint32_t transfer_bytes(uint64_t offered, uint32_t otherwise) {
    if (offered == 0) return otherwise;
    return static_cast<uint32_t>(std::clamp(offered, smallest_transfer_bytes, largest_transfer_bytes));
}

}  // namespace

std::string SftpStatus::why() const {
    switch (code) {
        case 0: return "success";
        case 1: return "end of file";
        case 2: return "no such file or directory";
        case 3: return "permission denied";
        case 8: return "the server does not support it";
        default: return message.empty() ? "SFTP error " + std::to_string(code) : escape(message);
    }
}

SftpWriter Sftp::begin(uint8_t type, uint32_t& id) {
    // A number whose reply is still out is not used again.
    do {
        id = next_id_++;
    } while (waiters_.contains(id));
    return SftpWriter(type, id);
}

void Sftp::expect_reply(bool as_expected) {
    if (!as_expected) fail(Failure::protocol, "sent a malformed reply");
}

SftpStatus Sftp::status_of(const SftpPacket& packet) {
    SftpReader reader(packet.body);
    SftpStatus status;
    status.code = reader.read_u32();
    expect_reply(packet.type == sftp_type::status && reader.ok());
    // Old servers leave the message out.
    status.message = std::string(reader.read_string().substr(0, longest_message_bytes));
    return status;
}

Task<SftpStatus> Sftp::status_request(std::string packet, uint32_t id) {
    auto reply = co_await request(std::move(packet), id);
    co_return status_of(reply);
}

Task<SftpReply<SftpAttributes>> Sftp::attributes_request(std::string packet, uint32_t id) {
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<SftpAttributes> reply;
    if (packet_reply.type == sftp_type::attrs) {
        SftpReader reader(packet_reply.body);
        reply.value = reader.read_attributes();
        expect_reply(reader.ok());
    } else {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
    }
    co_return reply;
}

Task<SftpReply<std::string>> Sftp::name_request(std::string packet, uint32_t id) {
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<std::string> reply;
    if (packet_reply.type == sftp_type::name) {
        SftpReader reader(packet_reply.body);
        auto count = reader.read_u32();
        reply.value = std::string(reader.read_string());
        expect_reply(reader.ok() && count == 1);
    } else {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
    }
    co_return reply;
}

Task<SftpReply<SftpHandle>> Sftp::handle_request(std::string packet, uint32_t id) {
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<SftpHandle> reply;
    if (packet_reply.type == sftp_type::handle) {
        SftpReader reader(packet_reply.body);
        reply.value.bytes = std::string(reader.read_string());
        expect_reply(reader.ok() && reply.value.bytes.size() <= longest_handle_bytes);
    } else {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
    }
    co_return reply;
}

Task<void> Sftp::ask_limits() {
    uint32_t id = 0;
    auto packet = begin(sftp_type::extended, id).add_string("limits@openssh.com").finish();
    auto reply = co_await request(std::move(packet), id);
    SftpReader reader(reply.body);
    reader.read_u64();
    auto read_bytes = reader.read_u64();
    auto write_bytes = reader.read_u64();
    if (reply.type != sftp_type::extended_reply || !reader.ok()) co_return;
    max_read_bytes_ = transfer_bytes(read_bytes, max_read_bytes_);
    max_write_bytes_ = transfer_bytes(write_bytes, max_write_bytes_);
}

Task<SftpReply<SftpAttributes>> Sftp::lstat(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::lstat, id).add_string(path).finish();
    return attributes_request(std::move(packet), id);
}

Task<SftpReply<SftpAttributes>> Sftp::stat(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::stat, id).add_string(path).finish();
    return attributes_request(std::move(packet), id);
}

Task<SftpReply<SftpAttributes>> Sftp::fstat(SftpHandle handle) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::fstat, id).add_string(handle.bytes).finish();
    return attributes_request(std::move(packet), id);
}

Task<SftpReply<std::string>> Sftp::readlink(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::readlink, id).add_string(path).finish();
    return name_request(std::move(packet), id);
}

Task<SftpReply<std::string>> Sftp::realpath(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::realpath, id).add_string(path).finish();
    return name_request(std::move(packet), id);
}

Task<SftpReply<SftpSpace>> Sftp::statvfs(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::extended, id).add_string("statvfs@openssh.com").add_string(path).finish();
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<SftpSpace> reply;
    if (packet_reply.type != sftp_type::extended_reply) {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
        co_return reply;
    }
    SftpReader reader(packet_reply.body);
    reader.read_u64();  // the preferred block size
    auto block = reader.read_u64();
    reply.value.total_bytes = reader.read_u64() * block;
    reader.read_u64();  // free, those for root included
    reply.value.available_bytes = reader.read_u64() * block;
    reply.value.total_inodes = reader.read_u64();
    reader.read_u64();
    reply.value.available_inodes = reader.read_u64();
    reply.value.file_system_id = reader.read_u64();
    reply.value.read_only = (reader.read_u64() & 1) != 0;
    expect_reply(reader.ok());
    co_return reply;
}

Task<SftpStatus> Sftp::explain(SftpStatus status, std::string path) {
    constexpr uint32_t failure = 4;
    constexpr uint64_t next_to_nothing_bytes = 256 * 1024;
    if (status.code != failure || !has_statvfs()) co_return status;
    auto asking = statvfs(std::move(path));
    auto space = co_await std::move(asking);
    if (!space.ok()) co_return status;
    bool has_no_inodes = space.value.total_inodes > 0 && space.value.available_inodes == 0;
    if (space.value.read_only) {
        status.message += ": " + errno_text(EROFS);
    } else if (space.value.available_bytes < next_to_nothing_bytes || has_no_inodes) {
        status.message += ": " + errno_text(ENOSPC);
    }
    co_return status;
}

Task<SftpStatus> Sftp::mkdir(std::string path, uint32_t mode) {
    uint32_t id = 0;
    SftpAttributes attributes;
    attributes.mode = mode;
    auto packet = begin(sftp_type::mkdir, id).add_string(path).add_attributes(attributes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::rmdir(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::rmdir, id).add_string(path).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::remove(std::string path) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::remove, id).add_string(path).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::rename(std::string from, std::string to) {
    uint32_t id = 0;
    auto writer = has_posix_rename() ? begin(sftp_type::extended, id).add_string("posix-rename@openssh.com")
                                     : begin(sftp_type::rename, id);
    auto packet = writer.add_string(from).add_string(to).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::symlink(std::string link, std::string to) {
    uint32_t id = 0;
    // In OpenSSH's order, which is not the draft's, and which the others have taken over (OpenSSH's PROTOCOL, 4.1).
    auto packet = begin(sftp_type::symlink, id).add_string(to).add_string(link).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::setstat(std::string path, SftpAttributes attributes) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::setstat, id).add_string(path).add_attributes(attributes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::fsetstat(SftpHandle handle, SftpAttributes attributes) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::fsetstat, id).add_string(handle.bytes).add_attributes(attributes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::fsync(SftpHandle handle) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::extended, id).add_string("fsync@openssh.com").add_string(handle.bytes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::copy_data(SftpHandle from, uint64_t size, SftpHandle to) {
    uint32_t id = 0;
    auto writer = begin(sftp_type::extended, id);
    writer.add_string("copy-data").add_string(from.bytes).add_u64(0).add_u64(size).add_string(to.bytes).add_u64(0);
    return status_request(writer.finish(), id);
}

Task<SftpStatus> Sftp::close(SftpHandle handle) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::close, id).add_string(handle.bytes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpReply<SftpHandle>> Sftp::open(std::string path, uint32_t flags, SftpAttributes attributes) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::open, id).add_string(path).add_u32(flags).add_attributes(attributes).finish();
    return handle_request(std::move(packet), id);
}

Task<SftpStatus> Sftp::write(SftpHandle handle, uint64_t offset, std::string_view bytes) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::write, id).add_string(handle.bytes).add_u64(offset).add_string(bytes).finish();
    return status_request(std::move(packet), id);
}

Task<SftpReply<std::string>> Sftp::read(SftpHandle handle, uint64_t offset, uint32_t size) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::read, id).add_string(handle.bytes).add_u64(offset).add_u32(size).finish();
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<std::string> reply;
    if (packet_reply.type == sftp_type::data) {
        SftpReader reader(packet_reply.body);
        auto bytes = reader.read_string();
        expect_reply(reader.ok() && !bytes.empty() && bytes.size() <= size);
        reply.value = std::move(packet_reply.body);
        reply.value.erase(0, 4);
        reply.value.resize(bytes.size());
    } else {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
        if (reply.status.code == end_of_file) reply.status = SftpStatus();
    }
    co_return reply;
}

Task<SftpReply<std::vector<SftpName>>> Sftp::read_names(SftpHandle handle) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::readdir, id).add_string(handle.bytes).finish();
    auto packet_reply = co_await request(std::move(packet), id);
    SftpReply<std::vector<SftpName>> reply;
    if (packet_reply.type != sftp_type::name) {
        reply.status = status_of(packet_reply);
        expect_reply(!reply.ok());
        co_return reply;
    }
    SftpReader reader(packet_reply.body);
    auto count = reader.read_u32();
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
        SftpName entry;
        entry.name = std::string(reader.read_string());
        reader.read_string();  // as `ls -l` would show it
        entry.attributes = reader.read_attributes();
        if (!reader.ok() || entry.name == "." || entry.name == "..") continue;
        if (!is_plain_name(entry.name)) {
            fail(Failure::protocol,
                 "listed a name that no directory can hold: '" + escape(entry.name.substr(0, 200)) + "'");
        }
        reply.value.push_back(std::move(entry));
    }
    expect_reply(reader.ok() && count > 0);
    co_return reply;
}

Task<SftpReply<std::vector<SftpName>>> Sftp::list_directory(std::string path, size_t max_entries,
                                                            std::function<void(const SftpName&)> told) {
    uint32_t id = 0;
    auto packet = begin(sftp_type::opendir, id).add_string(path).finish();
    auto directory = co_await handle_request(std::move(packet), id);
    SftpReply<std::vector<SftpName>> listing;
    listing.status = directory.status;
    // An endless listing may also repeat what is left out: `.` and `..`.
    for (size_t empty_replies = 0; listing.ok() && empty_replies < most_empty_replies;) {
        auto some = co_await read_names(directory.value);
        listing.status = some.status;
        if (some.value.empty()) ++empty_replies;
        if (empty_replies == most_empty_replies) fail(Failure::limit, "lists nothing without end in " + escape(path));
        for (const SftpName& name : some.value) {
            if (told) told(name);
        }
        std::ranges::move(some.value, std::back_inserter(listing.value));
        if (listing.value.size() > max_entries) {
            fail(Failure::limit, "listed more than " + count_of(max_entries, "entry") + " in " + escape(path));
        }
    }
    if (directory.ok()) co_await close(directory.value);
    if (directory.ok() && listing.status.code == end_of_file) listing.status = SftpStatus();
    co_return listing;
}

}  // namespace syncline::ssh
