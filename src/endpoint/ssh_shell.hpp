// ShellSide: a tree on a server that has a shell with the tools it takes (ServerTools). One script a batch.
#pragma once

#include <string>
#include <vector>

#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_means.hpp"
#include "endpoint/ssh_remote_shell.hpp"
#include "endpoint/ssh_stage_scripts.hpp"

namespace syncline {

/// Where scripts work, for the length of one operation.
struct RemotePlace {
    RemotePlace(RemoteShell& remote_shell, const ServerTools& server_tools, std::string root_path,
                std::string shown_root, uint64_t inode_of_root = 0)
        : shell(&remote_shell),
          tools(server_tools),
          root(std::move(root_path)),
          shown(std::move(shown_root)),
          root_inode(inode_of_root) {}

    RemoteRoot where() const { return {root, root_inode}; }

    RemoteShell* shell;
    ServerTools tools;
    std::string root;     ///< absolute, resolved
    std::string shown;    ///< for messages
    uint64_t root_inode;  ///< 0: not known
};

class ShellSide {
  public:
    ShellSide(RemotePlace place, TransferMeans means) : place_(std::move(place)), means_(means) {}

    /// The script is an inspect_script().
    static Task<RootReport> inspect(RemoteShell& shell, std::string script);

    const RemotePlace& place() const { return place_; }
    Task<Listing> list(ListRequest request, Progress& progress);
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress);
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress);
    Task<void> settle(std::vector<TakenAside>& items);
    Task<void> flush();

  private:
    Task<void> digest_some(const Tree& tree, std::span<DigestItem*> batch, std::vector<DigestItem*>& again,
                           Progress& progress);
    Task<std::optional<Listing>> list_without(ListRequest request, std::vector<std::string> pruned, Progress& progress);
    Task<std::string> run(std::string script, std::string input, std::string step);
    [[noreturn]] void fail(const std::string& step, const ssh::ScriptResult& result) const;

    RemotePlace place_;
    TransferMeans means_;
};

/// Whether a tool's words tell of a disk that is full, over quota, read-only or broken.
bool tells_of_disk_trouble(std::string_view text);
/// The line of a tool's words that is worth showing, escaped: the one about the disk, else the first.
std::string telling_line(std::string_view text);

}  // namespace syncline
