// Volume: what lasts of a file system whose inode numbers are made anew by each mount (FAT, exFAT, all through FUSE).
#pragma once

#include <optional>
#include <string>

namespace syncline {

/// Whether inode numbers of the file system of this descriptor may be others after the next mount.
bool has_passing_inodes(int fd);

/// Where the directory `fd` lies on what is mounted there, for people and for comparing: "exfat volume EF9F-EEE0,
/// directory backup", "fuse.sshfs me@host:/srv". nullopt where /proc does not tell.
std::optional<std::string> describe_place(int fd);

}  // namespace syncline
