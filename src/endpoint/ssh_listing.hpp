// ListingParser: reads what the listing scripts (ssh_scripts.hpp) print, in whatever pieces it comes, and tells a
// RemoteTree of it. Pure.
//
// Two formats, after the tools that servers have. `find`: fields that end in NUL; "T SECONDS" (the server's time), then
// three for each entry (facts, path, symlink target), then "E STATUS". `stat`: tokens that begin with a marker nobody
// can know beforehand and a letter: T, L and = (a symlink and its target), S (facts and path), E. In both an output
// without its E is not whole.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "endpoint/ssh_tree.hpp"

namespace syncline {

enum class ListingFormat : uint8_t { find, stat };

class ListingParser {
  public:
    /// `marker` only counts for `stat`.
    ListingParser(ListingFormat format, std::string marker, RemoteTree& tree);

    /// `find`: paths begin with "./", and the root is ".", as find_scope_command() prints them.
    void expect_dots() { has_dots_ = true; }
    void feed(std::string_view bytes);

    /// Whether the output came to its end, in order.
    bool is_whole() const { return ended_ && !malformed_; }
    /// Whether something came that no lister prints; what follows is not looked at.
    bool is_malformed() const { return malformed_; }
    /// Of the lister; not 0 when something could not be looked at.
    int status() const { return status_; }
    /// By the server's clock, when the listing began; 0 when it did not say.
    TimeNs server_time() const { return server_time_; }
    /// Identity of the root, nullopt when there was no entry for it.
    const std::optional<RemoteEntry>& root() const { return root_; }

  private:
    size_t take_fields(std::string_view text);
    size_t take_tokens(std::string_view text);
    void take_token(std::string_view token);
    void take_entry(std::string_view facts, std::string_view path, std::string_view link);
    void take_link(std::string_view target);
    void take_stat(std::string_view token);
    void take_time(std::string_view text);
    void end(std::string_view status);
    void deliver(std::string_view path, const RemoteEntry& entry, std::string_view link);

    ListingFormat format_;
    std::string marker_;
    RemoteTree& tree_;
    std::string rest_;  ///< what is not whole yet
    std::string link_path_;
    std::unordered_map<std::string, std::string> links_;
    std::optional<RemoteEntry> root_;
    TimeNs server_time_ = 0;
    int status_ = 0;
    bool has_dots_ = false;
    bool ended_ = false;
    bool malformed_ = false;
};

/// "1700000000.1234567890", "-1.5" or "1700000000" in seconds; nullopt for anything else.
std::optional<TimeNs> parse_seconds(std::string_view text);

/// "f 644 SIZE MTIME CTIME INODE DEVICE", as find's -printf writes it.
std::optional<RemoteEntry> parse_find_facts(std::string_view facts);

/// "MODE SIZE MTIME CTIME INODE DEVICE", the mode as hexadecimal st_mode, as stat's -c writes it.
std::optional<RemoteEntry> parse_stat_facts(std::string_view facts);

/// What find, stat and xargs wrote to stderr, as problems with paths. What vanished meanwhile is none. A line that is
/// not understood is a problem of the root ("").
std::vector<Problem> read_tool_errors(std::string_view text);

}  // namespace syncline
