#include "endpoint/archive_copy.hpp"

namespace syncline {

OldMembers::OldMembers(BucketMeans means, const ArchiveManifest& old, const Tree& tree,
                       const std::vector<uint32_t>& wanted, ZstdWriter& writer)
    : tree_(tree), writer_(writer), reader_(means, old, *this) {
    for (uint32_t index : wanted) wanted_.emplace(tree.path(index), index);
}

Task<bool> OldMembers::fill(std::string& out) {
    out_ = &out;
    auto reading = reader_.read_some();
    bool has_more = co_await std::move(reading);
    out_ = nullptr;
    co_return has_more && !wanted_.empty();
}

void OldMembers::begin(const TarMember& member) {
    entry_ = nullptr;
    auto found = wanted_.find(member.path);
    bool is_wanted = found != wanted_.end() && member.type == TarMember::Type::file &&
                     member.size == tree_[found->second].stamp.size;
    if (!is_wanted) return;
    entry_ = &tree_[found->second];
    TarMember passed = member;
    passed.mode = entry_->mode;
    passed.mtime = entry_->stamp.mtime;
    std::string header;
    append_tar_header(header, passed);
    writer_.add(header, *out_);
}

void OldMembers::data(std::string_view bytes) {
    if (entry_ == nullptr) return;
    hasher_.update(std::as_bytes(std::span(bytes)));
    writer_.add(bytes, *out_);
}

void OldMembers::end() {
    if (entry_ == nullptr) return;
    writer_.add(std::string(tar_padding(entry_->stamp.size), '\0'), *out_);
    // One that is another was superseded in the old archive, and is in the new one.
    if (hasher_.finish() == entry_->digest) wanted_.erase(tree_.path(*entry_));
}

}  // namespace syncline
