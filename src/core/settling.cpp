#include "core/settling.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr unsigned most_doublings = 6;

}  // namespace

TimeNs Settling::File::gap() const {
    if (looks == 0) return 0;
    return std::min(longest_gap, ns_per_second << std::min(looks, most_doublings));
}

TimeNs Settling::File::due_at() const {
    return std::max(std::min(last + quiet, first + longest_wait), looked_at + gap());
}

void Settling::File::look(TimeNs now) {
    waits = false;
    looked_at = now;
    ++looks;
}

void Settling::written(std::string_view path, TimeNs now) {
    auto [found, is_new] = files_.try_emplace(std::string(path));
    File& file = found->second;
    bool was_still = !is_new && !file.waits && now - file.last > 2 * file.gap();
    if (was_still) file.looks = 0;
    if (is_new || !file.waits) file.first = now;
    file.waits = true;
    file.last = now;
}

void Settling::ended(std::string_view path) {
    auto first = files_.lower_bound(path), last = first;
    while (last != files_.end() && is_at_or_below(last->first, path)) ++last;
    files_.erase(first, last);
}

std::vector<std::string> Settling::take_due(TimeNs now) {
    std::vector<std::string> due;
    for (auto at = files_.begin(); at != files_.end();) {
        File& file = at->second;
        if (file.waits && file.due_at() <= now) {
            due.push_back(at->first);
            file.look(now);
        }
        bool is_forgotten = !file.waits && now - file.last > 2 * longest_gap;
        at = is_forgotten ? files_.erase(at) : std::next(at);
    }
    return due;
}

std::vector<std::string> Settling::take_all(TimeNs now) {
    std::vector<std::string> all;
    for (auto& [path, file] : files_) {
        if (!file.waits) continue;
        all.push_back(path);
        file.look(now);
    }
    return all;
}

std::optional<TimeNs> Settling::wake_at() const {
    std::optional<TimeNs> earliest;
    for (const auto& [path, file] : files_) {
        if (file.waits && (!earliest || file.due_at() < *earliest)) earliest = file.due_at();
    }
    return earliest;
}

size_t Settling::size() const {
    return static_cast<size_t>(std::ranges::count_if(files_, [](const auto& each) { return each.second.waits; }));
}

}  // namespace syncline
