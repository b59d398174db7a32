#include "endpoint/archive_members.hpp"

#include <span>

namespace syncline {

WantedMembers::WantedMembers(const Tree& tree, const std::vector<uint32_t>& wanted) : tree_(tree) {
    for (uint32_t index : wanted) missing_.emplace(tree.path(index), index);
}

void WantedMembers::begin(const TarMember& member) {
    entry_ = nullptr;
    auto found = missing_.find(member.path);
    bool is_wanted = found != missing_.end() && member.type == TarMember::Type::file &&
                     member.size == tree_[found->second].stamp.size;
    if (!is_wanted) return;
    entry_ = &tree_[found->second];
    open(member, *entry_);
}

void WantedMembers::data(std::string_view bytes) {
    if (entry_ == nullptr) return;
    hasher_.update(std::as_bytes(std::span(bytes)));
    write(bytes);
}

void WantedMembers::end() {
    if (entry_ == nullptr) return;
    bool is_right = hasher_.finish() == entry_->digest;
    close(*entry_, is_right);
    if (is_right) missing_.erase(tree_.path(*entry_));
}

}  // namespace syncline
