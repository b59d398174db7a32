#include "endpoint/ssh.hpp"

#include <unistd.h>

#include "base/assert.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/ssh_pull.hpp"
#include "endpoint/ssh_push.hpp"
#include "endpoint/ssh_root.hpp"
#include "endpoint/ssh_shell.hpp"

namespace syncline {
namespace {

/// A home directory by its place, whoever's it is.
bool has_parent_component(std::string_view path) {
    return path == ".." || path.starts_with("../") || path.ends_with("/..") || path.find("/../") != path.npos;
}

bool is_below_homes(std::string_view path) {
    for (std::string_view homes : {"/home/", "/Users/"}) {
        if (path.starts_with(homes) && path.find('/', homes.size()) == std::string_view::npos) return true;
    }
    return path == "/root" || path == "/home" || path == "/Users";
}

}  // namespace

std::string remote_directory(const SshHosts& hosts, const SshHost& host, const Destination& destination,
                             const std::string& local_root) {
    if (!destination.path.empty()) return normal_remote_directory(destination.path);
    return normal_remote_directory(host.remote_root() + "/" + default_layout_name(local_root, hosts.client()));
}

std::optional<ProjectPlace> project_place_of(const SshHost& host, const ssh::SshSettings& settings,
                                             const std::string& directory) {
    size_t slash = directory.rfind('/');
    bool is_in_root = slash != directory.npos && slash > 0 &&
                      directory.substr(0, slash) == normal_remote_directory(host.remote_root());
    if (!is_in_root || !is_default_layout_name(directory.substr(slash + 1), "")) return std::nullopt;
    return ProjectPlace{host.name(), settings.user, settings.hostname, settings.port, host.host_key(), directory};
}

SshEndpoint::SshEndpoint(SshHosts& hosts, const Destination& destination, const EndpointOptions& options,
                         WorkerPool& workers, fs::RateLimiter& limiter)
    : host_(hosts.host(destination.name)),
      directory_(remote_directory(hosts, *host_, destination, options.local_root)),
      options_(options),
      owner_(staged_name(hosts.client() + ":" + options.state_directory).substr(0, 8)),
      means_(workers, limiter) {}

SshEndpoint::~SshEndpoint() {
    // A shell that still holds a stage would keep others from what lies in it.
    if (shell_ && !stage_.is_held()) host_->keep_shell(std::move(shell_));
}

std::string SshEndpoint::place() const {
    const std::string& name = host_->name();
    size_t at = name.rfind('@');
    size_t host = at == std::string::npos ? 0 : at + 1;
    bool is_address = name.find(':', host) != std::string::npos;
    return (is_address ? name.substr(0, host) + "[" + name.substr(host) + "]" : name) + ":" + directory_;
}

std::string SshEndpoint::shown() const { return escape(place()); }

Task<void> SshEndpoint::prepare() { settings_ = co_await host_->settings(); }

std::string SshEndpoint::identity_text() const {
    SYNCLINE_ASSERT(settings_ != nullptr);
    return "ssh:" + host_->name() + ":" + settings_->user + ":" + directory_;
}

std::string SshEndpoint::resolved_identity_text() const {
    if (root_.state == RootReport::State::absent || !root_.path.starts_with('/')) return "";
    return "ssh:" + host_->name() + ":" + settings_->user + ":" + root_.path;
}

std::optional<ProjectPlace> SshEndpoint::project_place() const {
    SYNCLINE_ASSERT(settings_ != nullptr);
    return project_place_of(*host_, *settings_, directory_);
}

bool SshEndpoint::is_unsafe_for_mirror() const {
    if (normal_remote_directory(host_->remote_root()) == directory_ || directory_ == "~") return true;
    if (root_.path.empty()) return false;
    return root_.path == "/" || root_.path == root_.home || root_.path == root_.remote_root ||
           is_below_homes(root_.path) || root_.home.starts_with(root_.path + "/");
}

/// The one shell of this run, made anew when it was lost.
Task<RemoteShell*> SshEndpoint::shell() {
    if (shell_ && shell_->usable()) co_return shell_.get();
    shell_ = co_await host_->take_shell();
    if (shell_) co_return shell_.get();
    ssh::SessionPool::Lease lease = co_await host_->acquire();
    shell_ = std::make_unique<RemoteShell>(std::move(lease));
    co_await shell_->start();
    co_return shell_.get();
}

/// Whether this account runs commands; found out once a host.
Task<bool> SshEndpoint::has_shell() {
    if (host_->tools) co_return host_->tools->has_shell;
    try {
        co_await shell();
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::no_shell) throw;
        ServerTools nothing;
        nothing.has_shell = false;
        host_->tools = nothing;
        shell_.reset();
        co_return false;
    }
    co_return true;
}

Task<ssh::Sftp*> SshEndpoint::sftp() {
    if (lease_ && !lease_->session().usable()) lease_.reset();
    if (!lease_) {
        ssh::SessionPool::Lease lease = co_await host_->acquire();
        lease_.emplace(std::move(lease));
    }
    co_return co_await lease_->sftp();
}

Task<std::unique_ptr<SftpSide>> SshEndpoint::sftp_side() {
    ssh::Sftp* channel = co_await sftp();
    auto executor = co_await asio::this_coro::executor;
    co_return std::make_unique<SftpSide>(*channel, executor, root_.path, owner_, means_, kept_);
}

Task<RootReport> SshEndpoint::look_by_sftp(std::optional<uint16_t> create_mode) {
    ssh::Sftp* channel = co_await sftp();
    std::string directory = sftp_path_of_directory(directory_);
    std::string remote_root = sftp_path_of_directory(host_->remote_root());
    RootReport report = co_await SftpSide::inspect(*channel, std::move(directory), std::move(remote_root), create_mode);
    co_return std::move(report);
}

Task<ShellSide> SshEndpoint::side() {
    RemoteShell* remote = co_await shell();
    RemotePlace place(*remote, *host_->tools, root_.path, shown(), root_.inode);
    co_return ShellSide(std::move(place), means_);
}

Task<RootReport> SshEndpoint::look(std::optional<uint16_t> create_mode) {
    bool by_shell = co_await has_shell();
    RootReport report;
    if (by_shell) {
        report = co_await look_by_shell(create_mode);
    } else {
        report = co_await look_by_sftp(create_mode);
    }
    if (report.state == RootReport::State::unreachable) {
        throw Error(Errc::failed,
                    shown() + ": the directory is there, but may not be entered; see its permissions on the server");
    }
    bool failed_to_create = create_mode && report.path.empty();
    if (failed_to_create) throw Error(Errc::failed, shown() + ": cannot create the directory: " + report.errors);
    co_return std::move(report);
}

Task<RootReport> SshEndpoint::look_by_shell(std::optional<uint16_t> create_mode) {
    RemoteShell* remote = co_await shell();
    std::string script =
        inspect_script(shell_word_of_directory(directory_), shell_word_of_directory(host_->remote_root()), create_mode,
                       !host_->tools.has_value());
    RootReport report = co_await ShellSide::inspect(*remote, std::move(script));
    if (!host_->tools) host_->tools = report.tools;
    co_return std::move(report);
}

Task<std::optional<RootIdentity>> SshEndpoint::inspect() {
    // Later calls of a run ask what it worked on: the directory that was there at first, or that it made.
    if (!is_inspected_) root_ = co_await look(std::nullopt);
    is_inspected_ = true;
    bool leads_astray = root_.state == RootReport::State::absent && has_parent_component(directory_);
    if (leads_astray) {
        throw Error(Errc::failed, shown() +
                                      " is not there, or a part of it is not, so that its '..' leads nowhere yet; "
                                      "name the directory without '..'");
    }
    if (root_.state == RootReport::State::absent) co_return std::nullopt;
    RootIdentity identity;
    identity.file_system = root_.file_system;
    identity.inode = root_.inode;
    identity.kind = root_.state == RootReport::State::directory           ? Kind::directory
                    : root_.state == RootReport::State::link_to_directory ? Kind::symlink
                                                                          : Kind::special;
    co_return identity;
}

/// A fresh look at the path: scripts and requests go by it, each anew.
Task<bool> SshEndpoint::is_still_in_place() {
    if (root_.path.empty()) co_return true;
    RootReport now = co_await look(std::nullopt);
    bool is_same = now.state == root_.state && now.path == root_.path && now.inode == root_.inode &&
                   now.file_system == root_.file_system;
    co_return is_same;
}

Task<void> SshEndpoint::create_root(uint16_t mode) {
    std::optional<uint16_t> create_mode = mode;
    if (root_.state == RootReport::State::absent) root_ = co_await look(create_mode);
}

Task<Listing> SshEndpoint::list(ListRequest request, Progress& progress) {
    if (root_.path.empty()) co_return Listing{};
    if (!uses_shell()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_return co_await files->list(request, progress);
    }
    ShellSide remote = co_await side();
    Listing listing = co_await remote.list(request, progress);
    listed_at_ = listing.started_at;
    co_return listing;
}

Task<void> SshEndpoint::digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) {
    if (!uses_shell()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_await files->digest(tree, items, progress);
        co_return;
    }
    ShellSide remote = co_await side();
    co_await remote.digest(tree, items, progress);
}

Task<ContentSource> SshEndpoint::fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) {
    if (indices.empty()) co_return ContentSource{};
    fetched_.prepare(options_.local_root);
    FetchDirectory::Unfinished unfinished(fetched_);
    if (uses_shell()) {
        RemoteShell* remote = co_await shell();
        RemotePlace place(*remote, *host_->tools, root_.path, shown(), root_.inode);
        Pull pull(*host_, std::move(place), tree, fetched_, means_, progress);
        co_await pull.run(std::move(indices), options_.transfer, listed_at_);
    } else {
        std::vector<FetchedFile> files(indices.size());
        for (size_t i = 0; i < indices.size(); ++i) files[i].index = indices[i];
        std::unique_ptr<SftpSide> side = co_await sftp_side();
        co_await side->fetch(tree, files, fetched_, progress);
    }
    unfinished.done();
    co_return ContentSource{fetched_.fd(), false, &fetched_.contents};
}

Task<void> SshEndpoint::commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) {
    if (!uses_shell()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_await files->commit(content, items, progress);
        co_return;
    }
    std::vector<CommitItem*> all;
    for (CommitItem& item : items) all.push_back(&item);
    RemoteShell* remote = co_await shell();
    RemotePlace place(*remote, *host_->tools, root_.path, shown(), root_.inode);
    Push push(*host_, std::move(place), stage_, means_, options_.transfer, progress);
    co_await push.commit(content, std::move(all));
}

Task<void> SshEndpoint::remove(std::vector<RemoveItem>& items, Progress& progress) {
    if (!uses_shell()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_await files->remove(items, progress);
        co_return;
    }
    ShellSide remote = co_await side();
    co_await remote.remove(items, progress);
}

/// Over SFTP nothing is taken aside, nor can anything be told of it.
Task<void> SshEndpoint::settle(std::vector<TakenAside>& items) {
    if (!uses_shell()) co_return;
    ShellSide remote = co_await side();
    co_await remote.settle(items);
}

Task<void> SshEndpoint::sweep(std::vector<std::string> leftovers) {
    if (leftovers.empty()) co_return;
    if (!uses_shell()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_await files->sweep(std::move(leftovers));
        co_return;
    }
    RemoteShell* remote = co_await shell();
    RemotePlace place(*remote, *host_->tools, root_.path, shown(), root_.inode);
    co_await stage_.take_over(std::move(place), std::move(leftovers));
}

Task<void> SshEndpoint::flush() {
    if (!kept_.is_empty()) {
        std::unique_ptr<SftpSide> files = co_await sftp_side();
        co_await files->discard_kept();
    }
    bool has_work = options_.fsync || stage_.is_held();
    if (root_.path.empty() || !uses_shell() || !has_work) co_return;
    ShellSide remote = co_await side();
    if (options_.fsync) co_await remote.flush();
    RemotePlace place = remote.place();
    co_await stage_.release(std::move(place));  // with what nothing had a use for
}

}  // namespace syncline
