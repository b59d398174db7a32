#include "endpoint/archive_fetch.hpp"

#include <unistd.h>

#include "base/error.hpp"

namespace syncline {

ArchiveExtractor::ArchiveExtractor(const Tree& tree, const std::vector<uint32_t>& indices,
                                   const ArchiveManifest& manifest, FetchDirectory& directory, Progress& progress)
    : tree_(tree), manifest_(manifest), directory_(directory), progress_(progress) {
    for (uint32_t index : indices) wanted_.emplace(tree.path(index), index);
}

void ArchiveExtractor::begin(const TarMember& member) {
    entry_ = nullptr;
    auto found = wanted_.find(member.path);
    bool is_wanted = found != wanted_.end() && member.type == TarMember::Type::file &&
                     member.size == tree_[found->second].stamp.size;
    if (!is_wanted) return;
    entry_ = &tree_[found->second];
    written_ = 0;
    file_ = directory_.create_file(member.path);
    if (!file_) throw errno_error("create the file", member.path, errno);
}

void ArchiveExtractor::data(std::string_view bytes) {
    if (entry_ == nullptr) return;
    hasher_.update(std::as_bytes(std::span(bytes)));
    progress_.bytes_done += bytes.size();
    while (!bytes.empty()) {
        ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(written_));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw Error(Errc::failed, "cannot write what is fetched: " + errno_text(errno));
        bytes.remove_prefix(static_cast<size_t>(count));
        written_ += static_cast<uint64_t>(count);
    }
}

void ArchiveExtractor::end() {
    if (entry_ == nullptr) return;
    std::string path(tree_.path(*entry_));
    file_.close();
    Digest digest = hasher_.finish();
    // A file that changed while it was packed is there again, further on.
    if (digest != entry_->digest) {
        directory_.remove_file(path);
        return;
    }
    FetchedContent content;
    content.digest = digest;
    content.source = entry_->stamp;
    uint32_t index = manifest_.tree.find(path);
    if (index != Tree::none) content.mtime = manifest_.tree[index].stamp.mtime;
    directory_.contents[path] = std::move(content);
    wanted_.erase(path);
    ++progress_.files_done;
}

void ArchiveExtractor::give_up(const std::string& why) {
    for (const auto& [path, index] : wanted_) directory_.contents[std::string(path)].error = why;
}

Task<void> fetch_from_archive(BucketMeans means, const ArchiveManifest& manifest, const Tree& tree,
                              std::vector<uint32_t> indices, FetchDirectory& directory, Progress& progress) {
    directory.contents.clear();
    ArchiveExtractor extractor(tree, indices, manifest, directory, progress);
    ArchiveReader reader(means, manifest, extractor);
    bool has_more = true;
    while (has_more && !extractor.has_all()) {
        auto reading = reader.read_some();
        has_more = co_await std::move(reading);
    }
    std::string what = reader.error().empty() ? "it is not in the archive " + manifest.archive + " as the manifest says"
                                              : "the archive " + manifest.archive + " is damaged: " + reader.error();
    extractor.give_up(what + "; push again from a machine that has it");
}

}  // namespace syncline
