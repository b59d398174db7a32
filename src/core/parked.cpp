#include "core/parked.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr unsigned most_waits_doubled = 7;

TimeNs wait_after(unsigned failures) {
    return std::min(Parked::longest_wait, Parked::first_wait << std::min(failures - 1, most_waits_doubled));
}

}  // namespace

void Parked::park(const Problem& problem, TimeNs now) {
    Path& path = paths_[problem.path];
    path.why = problem.why;
    bool keeps_its_time = path.failures > 0 && !path.tried;
    path.tried = false;
    if (keeps_its_time) return;
    ++path.failures;
    path.due_at = now + wait_after(path.failures);
}

void Parked::run_ended(const std::vector<std::string>& scope, const std::vector<Problem>& problems, TimeNs now) {
    std::map<std::string, Path, PathLess> before;
    for (const std::string& looked_at : scope) {
        for (auto at = paths_.lower_bound(looked_at); at != paths_.end() && is_at_or_below(at->first, looked_at);) {
            before.insert(paths_.extract(at++));
        }
    }
    for (const Problem& problem : problems) {
        auto known = before.find(problem.path);
        if (known != before.end()) paths_.insert(before.extract(known));
        if (paths_.size() < most_paths || paths_.contains(problem.path)) {
            park(problem, now);
        } else {
            park({"", "more failed than can be kept; the first: " + problem.path + ": " + problem.why}, now);
        }
    }
}

std::vector<std::string> Parked::take_due(TimeNs now) {
    std::vector<std::string> all;
    auto is_due = [now](const auto& each) { return each.second.due_at <= now; };
    if (std::ranges::none_of(paths_, is_due)) return all;
    for (auto& [name, path] : paths_) {
        all.push_back(name);
        if (path.due_at > now) continue;
        path.tried = true;
        path.due_at = now + wait_after(path.failures);  // unless the run says more
    }
    return all;
}

std::optional<TimeNs> Parked::wake_at() const {
    std::optional<TimeNs> earliest;
    for (const auto& [name, path] : paths_) {
        if (!earliest || path.due_at < *earliest) earliest = path.due_at;
    }
    return earliest;
}

std::vector<Problem> Parked::problems() const {
    std::vector<Problem> problems;
    problems.reserve(paths_.size());
    for (const auto& [name, path] : paths_) problems.push_back({name, path.why});
    return problems;
}

}  // namespace syncline
