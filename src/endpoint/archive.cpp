#include "endpoint/archive.hpp"

#include <fcntl.h>

#include <asio/this_coro.hpp>
#include <limits>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/archive_copy.hpp"
#include "endpoint/archive_fetch.hpp"
#include "endpoint/archive_pack.hpp"
#include "endpoint/ssh_tree.hpp"

namespace syncline {
namespace {

constexpr int attempts = 3;

uint64_t bytes_of(const Tree& tree) {
    uint64_t bytes = 0;
    for (const Entry& entry : tree.entries()) {
        if (entry.kind == Kind::file) bytes += entry.stamp.size;
    }
    return bytes;
}

/// The manifest's tree as a run sees it.
Listing listing_of(const Tree& tree, const ListRequest& request, std::atomic<uint64_t>& scanned) {
    RemoteTree listed(request, &scanned);
    for (const Entry& entry : tree.entries()) {
        RemoteEntry node;
        node.kind = entry.kind;
        node.mode = entry.mode;
        node.stamp = archive_stamp(entry);
        listed.add(tree.path(entry), node, tree.link(entry));
    }
    Listing listing = listed.finish(INT64_MAX);
    size_t at = 0;  // both are in the same order
    for (size_t i = 0; i < listing.tree.size(); ++i) {
        while (tree.path(at) != listing.tree.path(i)) ++at;
        if (tree[at].kind == Kind::file) listing.tree.set_digest(i, tree[at].digest);
    }
    return listing;
}

}  // namespace

ArchiveEndpoint::ArchiveEndpoint(Place place, const EndpointOptions& options, WorkerPool& workers,
                                 std::optional<FoundManifest> found)
    : place_(std::move(place)),
      options_(options),
      workers_(workers),
      store_(means(), options.uploads, place_.shown),
      found_(std::move(found)) {}

/// To read some files of an archive is to read all of it.
BatchLimits ArchiveEndpoint::batch_limits() const {
    if (options_.direction == Direction::push) return {};
    return {std::numeric_limits<size_t>::max(), std::numeric_limits<uint64_t>::max()};
}

Task<std::optional<RootIdentity>> ArchiveEndpoint::inspect() {
    if (!found_) co_return std::nullopt;
    RootIdentity identity;
    identity.file_system = "bucket";
    identity.inode = 1;
    co_return identity;
}

Task<Listing> ArchiveEndpoint::list(ListRequest request, Progress& progress) {
    follows_symlinks_ = request.symlinks == SymlinkPolicy::follow;
    auto work = [&, this](std::stop_token) { return listing_of(tree(), request, progress.entries_scanned); };
    co_return co_await offload(workers_, work);
}

/// The listing told them all.
Task<void> ArchiveEndpoint::digest(const Tree& tree, std::vector<DigestItem>& items, Progress&) {
    for (DigestItem& item : items) {
        item.digest = tree[item.index].digest;
        item.stamp = tree[item.index].stamp;
    }
    co_return;
}

Task<ContentSource> ArchiveEndpoint::fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) {
    if (indices.empty()) co_return ContentSource{};
    fetched_.prepare(options_.local_root);
    auto fetching = fetch_from_archive(means(), found_->manifest, tree, std::move(indices), fetched_, progress);
    co_await std::move(fetching);
    co_return ContentSource{fetched_.fd(), false, &fetched_.contents};
}

Task<void> ArchiveEndpoint::commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) {
    std::vector<CommitItem*> files;
    uint64_t bytes = 0;
    for (CommitItem& item : items) {
        if (is_reserved_for_archives(item.path)) {
            item.error = "has a name that is kept for archives; rename it";
        } else if (item.op != Op::put) {
            change(item);
        } else {
            files.push_back(&item);
            bytes += item.source.size;
        }
    }
    if (files.empty()) co_return;
    co_await open_archive(bytes);
    co_await pack(content, std::move(files), progress);
}

/// What has no content of its own to bring.
void ArchiveEndpoint::change(CommitItem& item) {
    Node node = node_of(item);
    item.target_stamp = archive_stamp(node.entry);
    item.target_mode = node.entry.mode;
    changes_[std::string(item.path)] = std::move(node);
}

ArchiveEndpoint::Node ArchiveEndpoint::node_of(const CommitItem& item) const {
    Node node;
    if (item.op == Op::mkdir) node.entry.kind = Kind::directory;
    if (item.op == Op::symlink) node.entry.kind = Kind::symlink, node.link = item.link;
    if (item.op == Op::chmod) {
        auto changed = changes_.find(item.path);
        uint32_t index = tree().find(item.path);
        if (changed != changes_.end() && changed->second) {
            node = *changed->second;
        } else if (index != Tree::none) {
            node.entry = tree()[index];
        }
    }
    node.entry.mode = item.op == Op::symlink ? uint16_t{0777} : item.mode;
    return node;
}

Task<void> ArchiveEndpoint::open_archive(uint64_t more_bytes) {
    if (upload_) co_return;
    constexpr uint64_t headroom = uint64_t{1} << 30;
    auto executor = co_await asio::this_coro::executor;
    writer_ = std::make_unique<ZstdWriter>();
    upload_ = std::make_unique<ArchiveUpload>(executor, means(), options_.uploads, new_archive_name(),
                                              2 * (bytes_of(tree()) + more_bytes) + headroom);
    co_await upload_->begin();
}

Task<void> ArchiveEndpoint::pack(ContentSource content, std::vector<CommitItem*> files, Progress& progress) {
    for (int attempt = 0; attempt < attempts && !files.empty(); ++attempt) {
        std::vector<SentItem> sent;
        for (CommitItem* file : files) {
            sent.emplace_back(file);
            sent.back().name = file->path;
        }
        LocalMembers members(content, sent, *writer_, workers_, progress);
        auto sending = upload_->send(members);
        co_await std::move(sending);
        files.clear();
        for (SentItem& one : sent) take_result(one, files);
    }
    for (CommitItem* file : files) file->error = "changes while it is read; it will be tried again at the next run";
}

void ArchiveEndpoint::take_result(SentItem& sent, std::vector<CommitItem*>& again) {
    CommitItem& item = *sent.item;
    if (sent.state == SentItem::State::changed) {
        again.push_back(&item);
    } else if (sent.state == SentItem::State::sent) {
        Node node;
        node.entry.mode = mode_of(item);
        node.entry.stamp.size = sent.stamp.size;
        node.entry.stamp.mtime = sent.mtime;
        node.entry.digest = sent.digest;
        item.committed = sent.digest;
        item.source_stamp = sent.stamp;
        item.target_stamp = archive_stamp(node.entry);
        item.target_mode = node.entry.mode;
        node.is_packed = true;
        changes_[std::string(item.path)] = std::move(node);
    } else {
        item.error = sent.error;
    }
}

Task<void> ArchiveEndpoint::remove(std::vector<RemoveItem>& items, Progress& progress) {
    for (const RemoveItem& item : items) {
        changes_[std::string(item.path)] = std::nullopt;
        ++progress.files_done;
    }
    co_return;
}

/// The tree with the changes.
Tree ArchiveEndpoint::changed_tree() const {
    TreeBuilder builder;
    std::vector<Digest> digests;
    std::vector<std::string> open;  // the directories that lead to the last path
    auto add = [&](std::string_view path, const Entry& entry, std::string_view link) {
        std::string_view parent = parent_path(path);
        while (!open.empty() && open.back() != parent) open.pop_back();
        bool has_parent = parent.empty() || !open.empty();
        if (!has_parent)
            throw Error(Errc::failed, escape(path) + " would be in no directory of the archive; run it again");
        if (entry.kind == Kind::directory) open.emplace_back(path);
        builder.add(path, entry, link);
        digests.push_back(entry.digest);
    };
    size_t at = 0;
    auto add_before = [&](const std::string* path) {
        for (; at < tree().size() && (path == nullptr || compare_paths(tree().path(at), *path) < 0); ++at) {
            add(tree().path(at), tree()[at], tree().link(tree()[at]));
        }
    };
    for (const auto& [path, node] : changes_) {
        add_before(&path);
        bool is_over_old = at < tree().size() && tree().path(at) == path;
        if (is_over_old) ++at;
        if (node) add(path, node->entry, node->link);
    }
    add_before(nullptr);
    Tree changed = builder.finish();
    for (size_t i = 0; i < digests.size(); ++i) {
        if (changed[i].kind == Kind::file) changed.set_digest(i, digests[i]);
    }
    return changed;
}

Task<void> ArchiveEndpoint::flush() {
    std::string replaced = found_ ? found_->manifest.archive : "", current = replaced;
    if (!changes_.empty()) {
        FoundManifest next;
        next.manifest.tree = changed_tree();
        co_await open_archive(0);
        NodeMembers nodes(next.manifest.tree, *writer_, workers_);
        auto sending = upload_->send(nodes);
        co_await std::move(sending);
        auto packing = pack_rest(next.manifest.tree);
        co_await std::move(packing);
        auto finishing = upload_->finish();
        s3::ObjectHead made = co_await std::move(finishing);
        next.manifest.archive = current = upload_->name();
        next.manifest.archive_bytes = made.size;
        next.manifest.archive_etag = made.etag;
        auto putting = store_.put(next.manifest, found_ ? &*found_ : nullptr);
        next.object = co_await std::move(putting);
        found_ = std::move(next);
        changes_.clear();
        upload_.reset();
    }
    co_await store_.clean_up(current, replaced);
}

/// What the changes brought no content of, and the end.
Task<void> ArchiveEndpoint::pack_rest(const Tree& next) {
    std::vector<uint32_t> files;
    for (uint32_t i = 0; i < next.size(); ++i) {
        if (next[i].kind != Kind::file) continue;
        auto changed = changes_.find(next.path(i));
        bool is_packed = changed != changes_.end() && changed->second && changed->second->is_packed;
        if (!is_packed) files.push_back(i);
    }
    auto local = pack_local(next, std::move(files));
    files = co_await std::move(local);
    auto old = pack_old(next, std::move(files));
    co_await std::move(old);
    ArchiveEnd end(*writer_, workers_);
    auto ending = upload_->send(end);
    co_await std::move(ending);
}

/// Packs those that the local tree has with the same content; returns the others.
Task<std::vector<uint32_t>> ArchiveEndpoint::pack_local(const Tree& next, std::vector<uint32_t> files) {
    fs::Fd root(::open(options_.local_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<CommitItem> items(files.size());
    std::vector<SentItem> sent;
    sent.reserve(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
        items[i].path = next.path(files[i]);
        items[i].mode = next[files[i]].mode;
        sent.emplace_back(&items[i]);
        sent.back().name = items[i].path;
        sent.back().only_of_size = next[files[i]].stamp.size;
    }
    Progress unseen;
    ContentSource content{root.get(), follows_symlinks_};
    LocalMembers members(content, sent, *writer_, workers_, unseen);
    auto sending = upload_->send(members);
    co_await std::move(sending);
    std::vector<uint32_t> others;
    for (size_t i = 0; i < files.size(); ++i) {
        bool is_there = sent[i].state == SentItem::State::sent && sent[i].digest == next[files[i]].digest;
        if (!is_there) others.push_back(files[i]);
    }
    co_return others;
}

Task<void> ArchiveEndpoint::pack_old(const Tree& next, std::vector<uint32_t> files) {
    if (files.empty() || !found_) co_return;
    OldMembers members(means(), found_->manifest, next, files, *writer_);
    auto sending = upload_->send(members);
    co_await std::move(sending);
    if (members.first_missing().empty()) co_return;
    std::string why = members.error().empty() ? "it is not there as the manifest says" : members.error();
    throw Error(Errc::failed, shown() + ": " + escape(members.first_missing()) +
                                  " cannot be taken over from the archive " + found_->manifest.archive + ": " + why +
                                  ". To begin anew, remove " + std::string(manifest_name) +
                                  " from the bucket and push from a machine that has everything");
}

}  // namespace syncline
