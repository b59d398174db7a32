// Names in the job file that end up in command lines, URLs and directory names, and the characters that they may have.
// Pure.
//
// All are lists of what is allowed, not of what is dangerous: ssh passes host and user to the shell of a ProxyCommand.
#pragma once

#include <string_view>

namespace syncline {

/// Of a job, host or bucket table: up to 64 of A-Z a-z 0-9 _ -, not beginning with '-'.
bool is_table_name(std::string_view name);

/// A DNS name, an alias of ssh_config or an address, IPv6 zones included.
bool is_server_name(std::string_view name);

/// A user on a server; "user@realm" too.
bool is_user_name(std::string_view name);

/// A bucket or a region at a provider.
bool is_storage_name(std::string_view name);

bool has_control_byte(std::string_view text);

}  // namespace syncline
