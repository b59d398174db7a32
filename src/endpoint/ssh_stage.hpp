// RemoteStage: the private directory ".syncline-tmp-..." in a remote root into which a push sends content, until it is
// verified and renamed into place.
//
// Each batch has a new one, unless an attempt before broke off: its directory is then taken over, and what lies in it
// is not sent again. In it a content has a name that follows from its path. Engine's thread.
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
    /// Of `leftovers` takes over one that is a stage, and removes the others.
    Task<void> take_over(RemotePlace place, std::vector<std::string> leftovers);

    /// Null when there is nothing.
    const KeptFile* find(const std::string& name) const;
    /// A batch has used what it could.
    void forget(const std::string& name) { kept_.erase(name); }

    /// The directory for the batch in hand, relative to the root.
    const std::string& directory();
    /// Whether it holds something that a batch with these names has no use for, so that a later one may.
    bool holds_others_than(std::span<const std::string> names) const;

    bool is_there() const { return !name_.empty(); }
    /// Removes it from the server, when there is one.
    Task<void> discard(RemotePlace place);
    /// The batch's script has removed it.
    void was_removed();

  private:
    Task<void> look_at_kept(RemotePlace place);

    std::string name_;
    std::map<std::string, KeptFile> kept_;
};

}  // namespace syncline
