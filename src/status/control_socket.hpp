// Control socket: where a running engine is asked for things: a Unix socket for its user alone, at any length of path.
#pragma once

#include <optional>
#include <string>

namespace syncline::status {

/// A socket that listens at `path` (its directory exists), not blocking, mode 0600. What a dead engine left there goes:
/// the caller holds the engine's lock. Throws Error{failed}.
int listen_at(const std::string& path);

/// A socket connected to whom listens there, blocking; nullopt when nobody does. Throws Error{failed} when it cannot be
/// asked, and when another user listens there.
std::optional<int> connect_to(const std::string& path);

/// Whether the process at the other end of a connected socket belongs to this user.
bool is_own_user(int fd);

}  // namespace syncline::status
