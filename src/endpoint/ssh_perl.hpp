// The programs in Perl that run on a server, as they need many renames without a process for each, and directories that
// are held by descriptors. Pure text.
//
// Who else may write into the root can put anything under a name there, at any moment. So a directory is entered one
// component at a time, and is what it was looked at to be when it is entered; what is in it goes by its last name. The
// stage is entered by its name once, must be ours alone, and goes by its descriptor from then on.
#pragma once

#include <string>

namespace syncline {

/// What all of them begin with: how a directory, a path and the stage are entered.
extern const char common_perl[];

/// Arguments: IDENTITY ROOT_INODE DESCRIPTOR; with TOKEN WHO it also says whose stage it is. Checks the
/// stage on that descriptor, which is the working directory or becomes it, locks it as one in use, and prints
/// "DEVICE:INODE UID". Ends with another status than 0 where it is not the one, after saying why on stderr.
std::string enter_stage_perl();

/// Arguments: STAGE ROOT_INODE KEEPS STAT. Carries out the stage's "ops" (RemoteOp) below the root, then prints what
/// STAT, a command for paths on stdin, says of each; of contents only while they are those that were staged. Removes
/// the stage unless KEEPS is 1. Descriptor 8 is the stage.
std::string install_perl();

/// Arguments: ROOT_INODE. Carries out ops that come on stdin and need no stage. Runs in the root.
std::string remove_perl();

/// Arguments: IDENTITY ROOT_INODE. Makes the files that SFTP is to fill: stdin has pairs of a name and the time that
/// each is to have for now. Descriptor 8 is the stage.
std::string prepare_perl();

/// Arguments: ROOT_INODE. Settles what killed runs took aside: stdin has settle_input(), stdout a fate, ended by NUL,
/// for each.
std::string settle_perl();

/// Arguments: ROOT_INODE TOKEN WAIT IDENTITY. Removes the leftovers that are named on stdin, but for those of others
/// and those in use. Contents of stages are first copied into the stage on descriptor 8, where IDENTITY is not "".
/// Prints "WHO\0" for each that is in use for longer than WAIT seconds.
std::string sweep_perl();

}  // namespace syncline
