// The scripts that fill a stage on a server and put what is in it into place, and what is read of their output. Pure
// text; see ssh_perl.hpp for what they trust.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/taken_aside.hpp"
#include "core/tree.hpp"
#include "endpoint/ssh_scripts.hpp"

namespace syncline {

/// The status of a script that could not make its stage, and of one that found another directory in its place.
constexpr int no_stage_status = 42;
constexpr int strange_stage_status = 43;

/// A root on the server: its path, resolved, and the inode that was found there at first; 0: whatever is there.
struct RemoteRoot {
    std::string path;
    uint64_t inode = 0;
};

/// A directory for what is sent, in the root.
struct StageRef {
    std::string name;
    /// "DEVICE:INODE" of the one that was made; "": the script makes it.
    std::string identity;
};

/// Whose a stage is: `token` is known to this run alone, `who` is for people.
struct StageOwner {
    std::string token, who;
};

/// Makes the stage `name` and holds it: to be run with ShellWay::hold. Prints its identity and our user number there
/// (read_held_stage()).
std::string hold_stage_script(const RemoteRoot& root, std::string_view name, const StageOwner& owner);
struct HeldStage {
    std::string identity;
    uint32_t user = 0;
};
std::optional<HeldStage> read_held_stage(std::string_view text);

/// Makes the files in a held stage that SFTP is to fill, or to go on with. stdin has pairs of a name and a time.
std::string prepare_files_script(const RemoteRoot& root, const StageRef& stage);

/// Takes a tar stream on stdin into a held stage. To be followed by commit_script.
std::string fill_stage_script(const RemoteRoot& root, const StageRef& stage);

/// Takes a tar stream on stdin into the stage, verifies the files that its member "names" tells of against its member
/// "sums", and does what its member "ops" says (see RemoteOp). Then the stage is removed; not when `keeps_stage`, and
/// not when the stream was cut or something did not verify.
std::string commit_script(const RemoteRoot& root, const StageRef& stage, const StageOwner& owner,
                          const ServerTools& tools, std::string_view marker, bool keeps_stage = false);

/// Does the ops on stdin, which need no stage: read_commit_output().
std::string remove_script(const RemoteRoot& root, std::string_view marker);

/// Removes the leftovers that are named on stdin, but for those of other users and those that somebody uses even after
/// `wait_s` seconds. Contents in stages are first copied into `stage`, which is held, where there is one. Prints who
/// uses them (read_users()).
std::string sweep_script(const RemoteRoot& root, const StageRef* stage, const StageOwner& owner, int wait_s);
std::vector<std::string> read_users(std::string_view text);

/// Settles what killed runs took aside (Endpoint::settle): stdin has settle_input().
std::string settle_script(const RemoteRoot& root, const ServerTools& tools);
/// `kept_names` says for each under which name it is kept, should it have to be.
std::string settle_input(const std::vector<TakenAside>& items, const std::vector<std::string>& kept_names);
/// Fills in the fates; false when the output is not whole.
bool read_fates(std::string_view text, std::vector<TakenAside>& items, const std::vector<std::string>& kept_names);

/// digest_script() of all files in a held stage.
std::string digest_stage_script(const RemoteRoot& root, const StageRef& stage, const ServerTools& tools,
                                std::string_view marker);

/// One step of what a commit does in place.
struct RemoteOp {
    char op = 'p';  ///< p: rename the staged thing to path; m: mkdir; c: chmod; u: utime and chmod; r: unlink; d: rmdir
    std::string_view path;
    uint16_t mode = 0;
    std::string staged;                ///< p: its name in the stage; m: what stands there is taken aside as that
    std::optional<TimeNs> mtime = {};  ///< p: the staged file has yet to be given its mode and this time; u: this
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
    std::vector<uint64_t> inodes;  ///< of the staged things, one an op; 0: none, or not known
    std::vector<std::pair<std::string, RemoteEntry>> stamps;
};
CommitReport read_commit_output(std::string_view text, std::string_view marker);

}  // namespace syncline
