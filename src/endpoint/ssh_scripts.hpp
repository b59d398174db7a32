// The scripts that run on a server, and what is read of their output. Pure text.
//
// Each is for a POSIX sh. Values come into them quoted; paths in numbers come on stdin or in a file, ended by NUL.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "endpoint/ssh_listing.hpp"

namespace syncline {

/// What a server has. Probed once a host.
struct ServerTools {
    bool has_shell = true;
    bool find_printf = false;     ///< GNU find
    bool stat_format = false;     ///< stat -c, of GNU or BusyBox
    bool stat_fractions = false;  ///< stat's %.9Y
    bool xargs_nul = false;
    bool tar = false;
    bool gnu_tar = false;  ///< tar --null -T -
    bool perl = false;
    std::string sha256;  ///< "sha256sum", "shasum -a 256", "openssl dgst -sha256 -r"; "" for none
    /// So much is to be hashed that openssl, which starts slowly but is several times as fast as an older sha256sum, is
    /// worth looking for.
    bool hashes_much = false;

    ServerTools for_bytes(uint64_t bytes) const {
        ServerTools tools = *this;
        tools.hashes_much = bytes >= (uint64_t{16} << 20);
        return tools;
    }

    bool can_list() const { return has_shell && (find_printf || (stat_format && xargs_nul)); }
    bool can_hash() const { return !sha256.empty() && xargs_nul && stat_format; }
    bool can_take_tar() const { return tar && perl && can_hash(); }
    bool can_give_tar() const { return perl; }
};

/// What stands at a path that is to be a root.
struct RootReport {
    enum class State : uint8_t { absent, directory, link_to_directory, other, unreachable };
    State state = State::absent;
    std::string home;         ///< resolved
    std::string remote_root;  ///< resolved; "" when there is none
    std::string path;         ///< resolved; "" when absent
    uint64_t inode = 0;
    std::string file_system;
    std::string errors;  ///< the first line of what the tools complained of
    ServerTools tools;   ///< of a probe
};

/// Looks at `directory`, which is made first, with `create_mode`, when told so, and at the tools when they are to be
/// probed. The words are shell words (ssh_root.hpp).
std::string inspect_script(std::string_view directory_word, std::string_view remote_root_word,
                           std::optional<uint16_t> create_mode, bool probe);
/// nullopt when the text is not whole.
std::optional<RootReport> read_inspect_output(std::string_view text);

/// Lists `root`, but for what is in directories called as one of `pruned`, which are plain names. With a scope
/// (ListRequest), which takes can_list_scope(), only that.
std::string list_script(std::string_view root, const ServerTools& tools, std::string_view marker,
                        std::span<const std::string> pruned, std::span<const std::string> scope = {});
ListingFormat listing_format(const ServerTools& tools);

/// Hashes the files that come on stdin, as read_record() has them: read_answers().
std::string digest_script(std::string_view root, const ServerTools& tools, std::string_view marker);

/// Hashes the first bytes of files: stdin has a count, ended by NUL, and a read_record() for each; stdout a line that
/// begins with the digest.
std::string prefix_digest_script(std::string_view root, const ServerTools& tools);

/// What a server is to read (ssh_read_perl.hpp): a file of that inode alone; 0: of any.
std::string read_record(size_t number, uint64_t inode, std::string_view path);

/// What became of it.
struct ReadAnswer {
    enum class State : uint8_t { read, gone, replaced, unreadable };
    size_t number = 0;
    State state = State::unreadable;
    Digest digest;
    Stamp stamp;  ///< of the descriptor that was read, after that
};
/// What digest_script() printed; nullopt when it is not whole.
std::optional<std::vector<ReadAnswer>> read_answers(std::string_view text, std::string_view marker);

/// A file as digest_all_files() found it; no digest where it could not be read.
struct HashedFile {
    std::string path;
    uint16_t mode = 0;
    Stamp stamp;
    std::optional<Digest> digest;
};
/// nullopt when the output is not whole.
std::optional<std::vector<HashedFile>> read_digest_output(std::string_view text, std::string_view marker);

std::string flush_script(std::string_view root);
/// A tar stream of the files that come on stdin as read_record() has them, each called by its number.
std::string give_tar_script(std::string_view root);

/// 32 random hex digits.
std::string new_marker();

/// Remembers, once a shell, what its start-up files have put into the environment; and takes it out of it, so that no
/// TAR_OPTIONS or the like changes what a tool does.
extern const char list_environment[];
extern const char own_environment[];

/// How a script begins that works in `root`; it ends with 41 where that cannot be entered.
std::string script_preamble(std::string_view root);
std::string script_preamble(std::string_view root, std::string_view marker);
/// What stat prints of one entry, as parse_stat_facts() reads it.
std::string stat_command(const ServerTools& tools);
/// Words of a command that hashes, in $H.
std::string set_hasher(const ServerTools& tools);
/// Commands that hash all files below the working directory, for read_digest_output().
std::string digest_all_files(const ServerTools& tools);
/// Takes the next token, without its marker and its newline; nullopt when none is whole.
std::optional<std::string_view> take_token(std::string_view& text, std::string_view marker);
/// "FACTS PATH" as stat_command() has it printed.
std::optional<std::pair<std::string, RemoteEntry>> read_stat(std::string_view text);

}  // namespace syncline
