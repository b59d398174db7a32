// The Perl program that carries out a commit's steps on a server, in one process: a command for each file would cost
// half a millisecond each.
#pragma once

namespace syncline {

/// Reads the file "ops" in the directory that it gets as argument (ssh_scripts.hpp: RemoteOp), whose parent is the root
/// and its working directory. Each step is taken only while the path is what was expected, and its parents are real
/// directories. Prints "MARKERF<index> <kind> <why>\n" for each that failed.
extern const char install_perl[];

}  // namespace syncline
