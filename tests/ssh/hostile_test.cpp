// A malicious SFTP server: whatever it sends is an Error, soon, and nothing is allocated on its word.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string version_packet() { return std::string("\0\0\0\5\2\0\0\0\3", 9); }

std::string name_packet(uint32_t id, const std::vector<std::string>& names) {
    SftpWriter writer(sftp_type::name, id);
    writer.add_u32(static_cast<uint32_t>(names.size()));
    for (const auto& name : names) writer.add_string(name).add_string(name).add_attributes(SftpAttributes());
    return writer.finish();
}

/// Greets, waits for the first request and then sends `replies` whatever is asked.
class HostileServer {
  public:
    explicit HostileServer(const std::string& replies, const std::string& greeting = version_packet())
        : server_({"Subsystem sftp cat " + file("greeting") + "; dd bs=1 count=10 of=/dev/null 2>/dev/null; cat " +
                   file("replies") + "; cat >/dev/null"}) {
        write_file(file("greeting"), greeting);
        write_file(file("replies"), replies);
    }

    /// What listing a directory ends with.
    std::string list() {
        std::string why = "nothing was wrong";
        auto settings = server_.settings();
        settings.step_timeout = std::chrono::seconds(1);
        auto work = [](Sftp& sftp) -> Task<void> {
            auto listing = co_await sftp.list_directory("/x", 1000);
            CHECK_FALSE(listing.ok());
        };
        try {
            with_sftp(settings, work);
        } catch (const SshError& error) {
            why = error.what();
        }
        return why;
    }

  private:
    std::string file(const char* name) const { return (files_.path() / name).string(); }

    TemporaryDirectory files_;
    SshServer server_;
};

std::string handle_packet(uint32_t id, const std::string& handle) {
    return SftpWriter(sftp_type::handle, id).add_string(handle).finish();
}

TEST_CASE("a hostile greeting is refused", "[ssh]") {
    CHECK_THAT(HostileServer("", std::string("\xff\xff\xff\xff\2\0\0\0\3", 9)).list(),
               ContainsSubstring("does not speak SFTP"));
    CHECK_THAT(HostileServer("", std::string("\0\0\0\5\2\0\0\0\2", 9)).list(), ContainsSubstring("SFTP version 3"));
    CHECK_THAT(HostileServer("", std::string("\0\0\0\x0b\2\0\0\0\3\xff\xff\xff\xff\0\0", 15)).list(),
               ContainsSubstring("malformed greeting"));
}

TEST_CASE("hostile replies end the channel", "[ssh]") {
    CHECK_THAT(HostileServer(handle_packet(99, "h")).list(), ContainsSubstring("answered what nobody asked"));
    CHECK_THAT(HostileServer(handle_packet(1, "h") + handle_packet(1, "h")).list(),
               ContainsSubstring("answered what nobody asked"));
    CHECK_THAT(HostileServer(std::string("\x7f\xff\xff\xff", 4)).list(), ContainsSubstring("impossible size"));
    CHECK_THAT(HostileServer(handle_packet(1, std::string(1000, 'h'))).list(), ContainsSubstring("malformed reply"));
    CHECK_THAT(HostileServer(SftpWriter(sftp_type::data, 1).add_string("x").finish()).list(),
               ContainsSubstring("malformed reply"));
    CHECK_THAT(HostileServer(handle_packet(1, "h").substr(0, 9)).list(), ContainsSubstring("no answer"));
}

/// Answers each request in turn: the second packet waits for the second request.
class HostileListing {
  public:
    explicit HostileListing(const std::string& reply)
        : server_({"Subsystem sftp cat " + file("greeting") + "; dd bs=1 count=10 of=/dev/null 2>/dev/null; cat " +
                   // opendir of "/x" is 15 bytes long, of which one is gone; then one byte of readdir.
                   file("handle") + "; dd bs=1 count=15 of=/dev/null 2>/dev/null; cat " + file("reply") +
                   "; cat >/dev/null"}) {
        write_file(file("greeting"), version_packet());
        write_file(file("handle"), handle_packet(1, "h"));
        write_file(file("reply"), reply);
    }

    std::string list() {
        std::string why = "nothing was wrong";
        auto settings = server_.settings();
        settings.step_timeout = std::chrono::seconds(1);
        auto work = [](Sftp& sftp) -> Task<void> { co_await sftp.list_directory("/x", 1000); };
        try {
            with_sftp(settings, work);
        } catch (const SshError& error) {
            why = error.what();
        }
        return why;
    }

  private:
    std::string file(const char* name) const { return (files_.path() / name).string(); }

    TemporaryDirectory files_;
    SshServer server_;
};

TEST_CASE("names that no directory can hold are refused", "[ssh]") {
    for (const std::string& name : {std::string("../evil"), std::string("/etc/passwd"), std::string(""),
                                    std::string("a/b"), std::string("a\0b", 3), std::string(5000, 'a')}) {
        INFO(name.substr(0, 20));
        CHECK_THAT(HostileListing(name_packet(2, {"ok", name})).list(), ContainsSubstring("no directory can hold"));
    }
}

TEST_CASE("a listing of more entries than it holds, of none, or of too many is refused", "[ssh]") {
    auto claimed = SftpWriter(sftp_type::name, 2).add_u32(0xffffffff).add_string("a").add_string("a").finish();
    CHECK_THAT(HostileListing(claimed).list(), ContainsSubstring("malformed reply"));
    CHECK_THAT(HostileListing(name_packet(2, {})).list(), ContainsSubstring("malformed reply"));
    CHECK_THAT(HostileListing(name_packet(2, std::vector<std::string>(1001, "n"))).list(),
               ContainsSubstring("more than"));
}

}  // namespace
}  // namespace syncline::ssh
