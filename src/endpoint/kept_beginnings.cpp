#include "endpoint/kept_beginnings.hpp"

#include "base/rel_path.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_stage.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

/// Of 16 digits; the others are an owner's, where there is one, and random, as several machines may push to one place.
constexpr size_t digits_of_path = 4;

/// What the path of every beginning of `path` starts with.
std::string common_start(std::string_view path) {
    std::string name = std::string(fs::temporary_prefix) + staged_name(path).substr(0, digits_of_path);
    return join_path(parent_path(path), name);
}

}  // namespace

std::string new_beginning(std::string_view path, std::string_view owner) {
    std::string start = common_start(path).append(owner);
    return start + new_temporary_name().substr(fs::temporary_prefix.size() + digits_of_path + owner.size());
}

bool is_beginning_of(std::string_view path, std::string_view owner) {
    std::string_view name = last_name(path);
    return fs::is_temporary_name(name) && name.substr(fs::temporary_prefix.size() + digits_of_path).starts_with(owner);
}

void KeptBeginnings::add(std::string path, uint64_t size) {
    std::lock_guard lock(mutex_);
    sizes_[std::move(path)] = size;
}

bool KeptBeginnings::is_empty() const {
    std::lock_guard lock(mutex_);
    return sizes_.empty();
}

std::optional<KeptBeginnings::Beginning> KeptBeginnings::take(std::string_view path) {
    std::lock_guard lock(mutex_);
    const std::string start = common_start(path);
    auto found = sizes_.lower_bound(start);
    if (found == sizes_.end() || !found->first.starts_with(start)) return std::nullopt;
    Beginning beginning{found->first, found->second};
    sizes_.erase(found);
    return beginning;
}

std::vector<std::string> KeptBeginnings::take_all() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, size] : sizes_) paths.push_back(path);
    sizes_.clear();
    return paths;
}

}  // namespace syncline
