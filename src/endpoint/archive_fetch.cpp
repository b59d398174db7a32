#include "endpoint/archive_fetch.hpp"

#include "base/error.hpp"
#include "endpoint/bucket_large.hpp"
#include "endpoint/local_item.hpp"

namespace syncline {

void ArchiveExtractor::open(const TarMember& member, const Entry&) {
    written_ = 0;
    error_.clear();
    file_ = directory_.create_file(member.path);
    if (file_) return;
    if (!concerns_one_file(errno)) throw errno_error("create the file", member.path, errno);
    error_ = "cannot create it here: " + errno_text(errno);
}

void ArchiveExtractor::write(std::string_view bytes) {
    if (file_) write_whole(file_.get(), bytes, written_);
    written_ += bytes.size();
    progress_.bytes_done += bytes.size();
}

void ArchiveExtractor::close(const Entry& entry, bool is_right) {
    std::string name(path(entry));
    file_.close();
    if (!is_right) {
        directory_.remove_file(name);
        return;
    }
    FetchedContent content;
    content.error = error_;
    content.digest = entry.digest;
    content.source = entry.stamp;
    uint32_t index = manifest_.tree.find(name);
    if (index != Tree::none) content.mtime = manifest_.tree[index].stamp.mtime;
    directory_.contents[name] = std::move(content);
    ++progress_.files_done;
}

void ArchiveExtractor::give_up(const std::string& why) {
    for (const auto& [name, index] : missing()) directory_.contents[std::string(name)].error = why;
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
