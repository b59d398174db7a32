// Where a job lives on a server: the default layout of remote project directories (design: section 5) and the way DIR
// is read. Pure, but for client_id().
#pragma once

#include <string>
#include <string_view>

namespace syncline {

/// "NAME-PROJECT-CLIENT": NAME the last component of the absolute path `root`, PROJECT 8 hex digits of its SHA-256.
std::string default_layout_name(std::string_view root, std::string_view client);

/// Whether `name` can come from default_layout_name(); `client` "" stands for any.
bool is_default_layout_name(std::string_view name, std::string_view client);

/// 8 hex digits that identify this machine and user.
std::string client_id();

/// DIR without doubled and trailing slashes and "." components: what a baseline is bound to. ".." stays, as only the
/// server knows where it leads. "" and "." are the home directory, "~".
std::string normal_remote_directory(std::string_view directory);

/// A word of a POSIX sh that expands to `directory` on the server: "~" and "~/..." begin at $HOME, relative ones too.
std::string shell_word_of_directory(std::string_view directory);

/// The same for SFTP, which begins at the home directory by itself.
std::string sftp_path_of_directory(std::string_view directory);

}  // namespace syncline
