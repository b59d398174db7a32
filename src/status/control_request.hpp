// ControlRequest: one line of JSON that asks a running engine for something. Pure: bytes to values and back.
//
// Strings are bytes: valid UTF-8 is a JSON string, anything else an array of byte values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::status {

/// No request is longer, its newline included.
constexpr size_t longest_request = 1 << 20;

struct ControlRequest {
    /// "status trigger pause resume stop wait push pull watch auto"; "cancel" ends what this connection asked for.
    std::string command;
    std::string job;  ///< "" for commands on the whole engine
    std::vector<std::string> paths, exclude, include;
    std::string directory;    ///< the client's current directory, absolute: what filters and paths are relative to
    std::string file_sha256;  ///< of the job file as the client read it
    std::string interval, bucket, remote_dir;
    bool force = false, restart = false, tar = false, checksum = false, adopt = false;
    bool remove = false, overwrite = false;  ///< --delete, --overwrite
    bool never_delete = false, preserve = false, missing = false, update = false;
    bool verbose = false;            ///< the actions of the run are wanted too
    bool show = false, end = false;  ///< watch and auto: --status, --stop

    bool operator==(const ControlRequest&) const = default;
};

/// Reads one line, without its newline. nullopt for anything that is no request, and `why` then says what is wrong.
std::optional<ControlRequest> parse_request(std::string_view line, std::string& why);

/// The line for it, with its newline; members at their defaults are left out.
std::string request_line(const ControlRequest& request);

nlohmann::ordered_json bytes_to_json(std::string_view bytes);
/// nullopt when it is neither a string nor an array of bytes.
std::optional<std::string> bytes_from_json(const nlohmann::ordered_json& value);

}  // namespace syncline::status
