// The Perl program by which a server's files are read: hashed, or given as a tar stream. Pure text.
#pragma once

namespace syncline {

/// Arguments: what to do, and a format for stat. Stdin has records, each of fields that NUL ends, of which the last
/// three are a number, an inode (0: any) and a path below the current directory. A path is descended component by
/// component, none of them a symlink, and what is read is a regular file of that inode, by the one descriptor that was
/// looked at: whatever is renamed meanwhile leads nowhere else.
///
/// `digest` prints a line "MARKER NUMBER ok DIGEST FACTS" for each, or "MARKER NUMBER gone|replaced|unreadable", and
/// at the end "MARKER E". `prefix` has records with a count of bytes in front, and prints for each a line that begins
/// with their digest. `tar` gives a member for each that can be read, whose name is the number.
extern const char read_perl[];

}  // namespace syncline
