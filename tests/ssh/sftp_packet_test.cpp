// The codec of SFTP, with every kind of malformed bytes.
#include "ssh/sftp_packet.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

namespace syncline::ssh {
namespace {

SftpAttributes all_attributes() {
    SftpAttributes attributes;
    attributes.size = 0x0102030405060708;
    attributes.uid = 1;
    attributes.gid = 2;
    attributes.mode = 0100644;
    attributes.access_time = 3;
    attributes.modification_time = 4;
    return attributes;
}

std::string with_size(uint32_t size, const std::string& rest) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
    return bytes + rest;
}

TEST_CASE("what is written is read back") {
    auto bytes = SftpWriter(sftp_type::attrs, 77).add_attributes(all_attributes()).add_string("tail").finish();
    size_t offset = 0;
    SftpPacket packet;
    REQUIRE(take_sftp_packet(bytes, offset, packet) == SftpFrame::complete);
    CHECK(offset == bytes.size());
    CHECK(packet.type == sftp_type::attrs);
    CHECK(packet.id == 77);
    SftpReader reader(packet.body);
    CHECK(reader.read_attributes() == all_attributes());
    CHECK(reader.read_string() == "tail");
    CHECK((reader.ok() && reader.at_end()));
}

TEST_CASE("the first packet is init of version 3") {
    CHECK(SftpWriter::init() == std::string("\0\0\0\5\1\0\0\0\3", 9));
}

TEST_CASE("a packet that is not all there yet is waited for, at every length") {
    auto bytes = SftpWriter(sftp_type::handle, 1).add_string("handle").finish();
    for (size_t size = 0; size < bytes.size(); ++size) {
        size_t offset = 0;
        SftpPacket packet;
        CHECK(take_sftp_packet(bytes.substr(0, size), offset, packet) == SftpFrame::partial);
        CHECK(offset == 0);
    }
}

TEST_CASE("sizes that no packet has are refused at once") {
    for (uint32_t size : {0U, 1U, 4U, max_sftp_packet_bytes + 1, 0x7fffffffU, 0xffffffffU}) {
        size_t offset = 0;
        SftpPacket packet;
        CHECK(take_sftp_packet(with_size(size, "xxxx"), offset, packet) == SftpFrame::malformed);
    }
}

TEST_CASE("a string longer than its packet is absent, and so is all after it") {
    for (uint32_t size : {5U, 0x7fffffffU, 0xffffffffU}) {
        auto bytes = with_size(size, "abcd");
        SftpReader reader(bytes);
        CHECK(reader.read_string().empty());
        CHECK_FALSE(reader.ok());
        CHECK(reader.read_u8() == 0);
        CHECK(reader.read_u32() == 0);
        CHECK(reader.read_u64() == 0);
        CHECK(reader.read_attributes() == SftpAttributes());
    }
}

TEST_CASE("attributes cut off at any byte are refused") {
    auto bytes = SftpWriter(sftp_type::attrs, 1).add_attributes(all_attributes()).finish().substr(9);
    for (size_t size = 0; size < bytes.size(); ++size) {
        SftpReader reader(std::string_view(bytes).substr(0, size));
        CHECK(reader.read_attributes() == SftpAttributes());
        CHECK_FALSE(reader.ok());
    }
}

TEST_CASE("a claim of four billion extended attributes ends with the bytes") {
    auto bytes = with_size(0x80000000, with_size(0xffffffff, "abc"));
    SftpReader reader(bytes);
    reader.read_attributes();
    CHECK_FALSE(reader.ok());
}

TEST_CASE("random bytes are read without reading past them") {
    std::mt19937 random(7);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random() % 64, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random() % 4 ? random() % 8 : random());
        size_t offset = 0;
        SftpPacket packet;
        while (take_sftp_packet(bytes, offset, packet) == SftpFrame::complete) {
            SftpReader reader(packet.body);
            reader.read_attributes();
            reader.read_string();
        }
        CHECK(offset <= bytes.size());
    }
}

TEST_CASE("only what a directory can hold is a name") {
    for (std::string name : {"a", "..a", "...", " ", "\n", "\xff", "-rf", "a\\b"}) CHECK(is_plain_name(name));
    for (std::string name : {"", ".", "..", "/", "a/b", "../x", "/x"}) CHECK_FALSE(is_plain_name(name));
    CHECK_FALSE(is_plain_name(std::string("a\0b", 3)));
    CHECK_FALSE(is_plain_name(std::string(4097, 'a')));
}

}  // namespace
}  // namespace syncline::ssh
