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
    enum State : uint8_t { read, gone, replaced, unreadable };
    size_t number = 0;
    State state = unreadable;
    Digest digest;
    Stamp stamp;  ///< of the descriptor that was read, after that
};
/// What digest_script() printed; nullopt when it is not whole.
std::optional<std::vector<ReadAnswer>> read_answers(std::string_view text, std::string_view marker);

/// A file as digest_all_script found it; no digest where it could not be read.
struct HashedFile {
    std::string path;
    uint16_t mode = 0;
    Stamp stamp;
    std::optional<Digest> digest;
};
/// nullopt when the output is not whole.
std::optional<std::vector<HashedFile>> read_digest_output(std::string_view text, std::string_view marker);

/// Hashes all files in the directory `root`: read_digest_output().
std::string digest_all_script(std::string_view root, const ServerTools& tools, std::string_view marker);

/// Takes a tar stream on stdin into the directory `stage` below `root`, which is made when it is not there. To be
/// followed by commit_script.
std::string fill_stage_script(std::string_view root, std::string_view stage);

/// Takes a tar stream on stdin into the directory `stage` below `root`, which may be there, verifies the files that its
/// member "names" tells of against its member "sums", and does what its member "ops" says (see RemoteOp). Then `stage`
/// is removed; not when `keeps_stage`, and not when the stream was cut or something did not verify.
std::string commit_script(std::string_view root, std::string_view stage, const ServerTools& tools,
                          std::string_view marker, bool keeps_stage = false);

/// Renames the first of the directories on stdin that may be a stage to `stage`, and removes the rest of what is on
/// stdin. Prints 1 when there was one.
std::string take_over_script(std::string_view root, std::string_view stage);

/// Removes what is on stdin, whatever it is.
std::string sweep_script(std::string_view root);
std::string flush_script(std::string_view root);
/// A tar stream of the files that come on stdin as read_record() has them, each called by its number.
std::string give_tar_script(std::string_view root);

/// One step of what a commit does in place.
struct RemoteOp {
    char op = 'p';  ///< p: rename the staged thing to path; m: mkdir; c: chmod; r: unlink; d: rmdir
    std::string_view path;
    uint16_t mode = 0;
    std::string staged;                ///< p: its name in the stage
    std::optional<TimeNs> mtime = {};  ///< p: the staged file has yet to be given its mode and this time
    const Entry* expected = nullptr;   ///< null: nothing
    bool unchecked = false;            ///< whatever stands there
};

/// The member "ops".
std::string ops_text(std::span<const RemoteOp> ops, bool has_fractions);

/// What an op failed with.
struct OpFailure {
    size_t index = 0;
    enum class Kind : uint8_t { changed, filled, disk, other } kind = Kind::other;
    std::string why;
};

/// What commit_script printed.
struct CommitReport {
    bool whole = false;
    int tar_status = 0;
    bool verified = false;
    std::string digests;  ///< when not verified: what the server has, one line a file
    std::vector<OpFailure> failures;
    std::vector<std::pair<std::string, RemoteEntry>> stamps;
};
CommitReport read_commit_output(std::string_view text, std::string_view marker);

/// 32 random hex digits.
std::string new_marker();

}  // namespace syncline
