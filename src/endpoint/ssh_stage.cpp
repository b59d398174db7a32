#include "endpoint/ssh_stage.hpp"

#include "endpoint/local_item.hpp"
#include "fs/hash.hpp"

namespace syncline {
namespace {

constexpr size_t stage_output_limit = size_t{64} << 20;
constexpr size_t name_digits = 16;

}  // namespace

std::string staged_name(std::string_view path) {
    fs::Hasher hasher;
    hasher.update(std::as_bytes(std::span(path)));
    return hasher.finish().hex().substr(0, name_digits);
}

Task<void> RemoteStage::take_over(RemotePlace place, std::vector<std::string> leftovers) {
    std::string input;
    for (const std::string& path : leftovers) input.append("./").append(path).append(1, '\0');
    name_ = new_temporary_name();
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(stage_output_limit);
    std::string script = take_over_script(place.root, name_);
    ssh::ScriptResult result = co_await place.shell->run(std::move(script), &source, sink);
    bool took_one = result.ok() && sink.bytes() == "1";
    if (took_one) {
        co_await look_at_kept(std::move(place));
    } else {
        name_.clear();  // what could not be removed will be found again by the next run
    }
}

Task<void> RemoteStage::look_at_kept(RemotePlace place) {
    std::string marker = new_marker();
    ssh::StringSink sink(stage_output_limit);
    std::string script = digest_all_script(place.root + "/" + name_, place.tools, marker);
    co_await place.shell->run(std::move(script), nullptr, sink);
    std::optional<std::vector<HashedFile>> files = read_digest_output(sink.bytes(), marker);
    if (!files) co_return;
    for (const HashedFile& file : *files) {
        bool is_content = file.path.size() == name_digits && file.digest && file.stamp.size > 0;
        if (is_content) kept_[file.path] = {file.stamp.size, file.stamp.mtime, file.mode, file.digest};
    }
}

const KeptFile* RemoteStage::find(const std::string& name) const {
    auto found = kept_.find(name);
    return found == kept_.end() ? nullptr : &found->second;
}

bool RemoteStage::holds_others_than(std::span<const std::string> names) const {
    size_t used = 0;
    for (const std::string& name : names) used += kept_.contains(name) ? 1 : 0;
    return used < kept_.size();
}

const std::string& RemoteStage::directory() {
    if (name_.empty()) name_ = new_temporary_name();
    return name_;
}

void RemoteStage::was_removed() {
    name_.clear();
    kept_.clear();
}

Task<void> RemoteStage::discard(RemotePlace place) {
    if (name_.empty()) co_return;
    ssh::StringInput source("./" + name_ + '\0');
    was_removed();
    ssh::StringSink sink(stage_output_limit);
    std::string script = sweep_script(place.root);
    co_await place.shell->run(std::move(script), &source, sink);
}

}  // namespace syncline
