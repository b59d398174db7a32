#include "endpoint/ssh_stage.hpp"

#include <unistd.h>

#include "base/text.hpp"
#include "endpoint/local_item.hpp"
#include "fs/hash.hpp"

namespace syncline {
namespace {

constexpr size_t stage_output_limit = size_t{64} << 20;
constexpr size_t stage_errors_limit = 65536;
constexpr size_t name_digits = 16;
/// How long a run waits for another one's stage.
constexpr int patience_s = 5;

std::string digits_of(std::string_view text) {
    fs::Hasher hasher;
    hasher.update(std::as_bytes(std::span(text)));
    return hasher.finish().hex().substr(0, name_digits);
}

}  // namespace

/// What another run of this process leaves behind in the same root is a dead one's, however alive its shell still looks
/// there.
StageOwner RemoteStage::owner(const RemotePlace& place) {
    static const std::string process = new_marker();
    char name[256] = "";
    ::gethostname(name, sizeof name - 1);
    return {process + digits_of(place.root), "PID " + std::to_string(::getpid()) + " on " + name};
}

std::string staged_name(std::string_view path) { return digits_of(path); }

Task<std::optional<ssh::ScriptResult>> RemoteStage::hold(RemotePlace place) {
    if (is_held()) co_return std::nullopt;
    std::string name = new_temporary_name();
    ssh::StringSink sink(stage_output_limit);
    std::string script = hold_stage_script(place.where(), name, owner(place));
    ssh::ScriptResult result =
        co_await place.shell->run(std::move(script), nullptr, sink, stage_errors_limit, ShellWay::hold);
    std::optional<HeldStage> held = read_held_stage(sink.bytes());
    if (!result.ok() || !held) co_return std::move(result);
    held_ = {std::move(name), std::move(held->identity)};
    user_ = held->user;
    co_return std::nullopt;
}

StageRef RemoteStage::next() const { return is_held() ? held_ : StageRef{new_temporary_name(), ""}; }

Task<void> RemoteStage::take_over(RemotePlace place, std::vector<std::string> leftovers) {
    std::string input;
    for (const std::string& path : leftovers) input.append(path).append(1, '\0');
    // A disk on which nothing can be made may still be swept.
    std::optional<ssh::ScriptResult> trouble = co_await hold(place);
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(stage_output_limit);
    const StageRef* stage = trouble ? nullptr : &held_;
    std::string script = sweep_script(place.where(), stage, owner(place), patience_s);
    co_await place.shell->run(std::move(script), &source, sink);
    std::vector<std::string> users = read_users(sink.bytes());
    if (!users.empty()) {
        std::string who = users.front().empty() ? "" : " (" + users.front() + ")";
        RemotePlace same = place;
        co_await release(std::move(same));
        throw Error(Errc::locked, place.shown + ": another syncline" + who +
                                      " is writing to it, from another machine or with another state; wait for that "
                                      "one to end");
    }
    if (is_held()) co_await look_at_kept(std::move(place));
}

Task<void> RemoteStage::look_at_kept(RemotePlace place) {
    std::string marker = new_marker();
    ssh::StringSink sink(stage_output_limit);
    std::string script = digest_stage_script(place.where(), held_, place.tools, marker);
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

void RemoteStage::was_removed(const StageRef& stage) {
    if (stage.identity.empty()) return;
    held_ = {};
    kept_.clear();
}

/// The shell lets go of a stage first that it holds; from then on it is anybody's.
Task<void> RemoteStage::discard(RemotePlace place, StageRef stage) {
    was_removed(stage);
    ssh::StringInput source(stage.name + '\0');
    ssh::StringSink sink(stage_output_limit);
    std::string script = sweep_script(place.where(), nullptr, owner(place), 0);
    co_await place.shell->run(std::move(script), &source, sink, stage_errors_limit, ShellWay::drop);
}

Task<void> RemoteStage::release(RemotePlace place) {
    if (!is_held()) co_return;
    StageRef stage = held_;
    co_await discard(std::move(place), std::move(stage));
}

}  // namespace syncline
