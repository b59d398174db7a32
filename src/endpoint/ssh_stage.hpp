// RemoteStage: the private directory ".syncline-tmp-..." in a remote root into which a push sends content, until it is
// verified and renamed into place.
//
// A batch that one script sends has one of its own, which that script makes and removes. One that several channels
// fill, or that goes on with what an attempt before left, is held: the run's shell keeps it open and locked, so that no
// other run takes it for a dead one's. In a stage a content has a name that follows from its path. Engine's thread.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tree.hpp"
#include "endpoint/ssh_shell.hpp"

namespace syncline {

/// The name that the content for `path` has in a stage: 16 hex digits.
std::string staged_name(std::string_view path);

/// A file, or the beginning of one, that lies in a stage.
struct KeptFile {
    uint64_t size = 0;
    TimeNs mtime = 0;
    uint16_t mode = 0;
    std::optional<Digest> digest;  ///< of all that is there; none: it is verified with the rest
};

class RemoteStage {
  public:
    /// Removes `leftovers`, after copying what lies in stages among them into a stage of this run. Throws Error{locked}
    /// when another run is filling one.
    Task<void> take_over(RemotePlace place, std::vector<std::string> leftovers);

    /// Null when there is nothing.
    const KeptFile* find(const std::string& name) const;
    /// A batch has used what it could.
    void forget(const std::string& name) { kept_.erase(name); }
    /// Whether it holds something that a batch with these names has no use for, so that a later one may.
    bool holds_others_than(std::span<const std::string> names) const;

    /// Makes one that is held, when there is none. What the server said when it cannot be made.
    Task<std::optional<ssh::ScriptResult>> hold(RemotePlace place);
    bool is_held() const { return !held_.identity.empty(); }
    /// Which the next script is to fill: the one that is held, or a new one of its own.
    StageRef next() const;
    /// Our user's number on the server, where one is held.
    uint32_t user() const { return user_; }

    static StageOwner owner(const RemotePlace& place);
    /// Removes `stage` from the server.
    Task<void> discard(RemotePlace place, StageRef stage);
    /// A script has removed it.
    void was_removed(const StageRef& stage);
    /// Removes the one that is held, when there is one.
    Task<void> release(RemotePlace place);

  private:
    Task<void> look_at_kept(RemotePlace place);

    StageRef held_;
    uint32_t user_ = 0;
    std::map<std::string, KeptFile> kept_;
};

}  // namespace syncline
