#include "engine/applier.hpp"

#include <algorithm>
#include <cerrno>

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// How many actions from the start of `actions` make one batch.
size_t batch_length(std::span<const Action> actions, const Tree& source, const BatchLimits& limits) {
    uint64_t bytes = 0;
    size_t count = 0;
    while (count < actions.size() && count < limits.items && bytes < limits.bytes) {
        if (actions[count].op == Op::put) bytes += source[actions[count].source].stamp.size;
        ++count;
    }
    return count;
}

}  // namespace

Applier::Applier(const Plan& plan, Sides sides, const Policy& policy, Recorder& recorder, RunReport& report,
                 Progress& progress, FailedPaths failed)
    : plan_(plan),
      sides_(sides),
      policy_(policy),
      recorder_(recorder),
      report_(report),
      progress_(progress),
      failed_(std::move(failed)) {
    for (const Problem& problem : report.problems) reported_.insert(problem.path);
}

Task<void> Applier::run() {
    try {
        co_await take_steps();
    } catch (...) {
        if (sides_.target.commits_at_flush()) take_back();
        throw;
    }
}

Task<void> Applier::take_steps() {
    co_await move();
    co_await commit(Phase::open);
    co_await commit(Phase::build);
    co_await prune();
    co_await commit(Phase::replace);
    co_await commit(Phase::finish);
    co_await sides_.target.flush();
    recorder_.settle();
}

/// Nothing of what was reported came about.
void Applier::take_back() {
    uint64_t unchanged = report_.done.unchanged;
    report_.done = {};
    report_.done.unchanged = unchanged;
    report_.deletes = 0;
    report_.paths = {};
}

std::span<const Action> Applier::actions_of(Phase phase) const {
    auto before = [](const Action& action, Phase wanted) { return action.phase < wanted; };
    auto after = [](Phase wanted, const Action& action) { return wanted < action.phase; };
    auto first = std::lower_bound(plan_.actions.begin(), plan_.actions.end(), phase, before);
    auto last = std::upper_bound(first, plan_.actions.end(), phase, after);
    return {first, last};
}

Task<void> Applier::commit(Phase phase) {
    std::span<const Action> rest = actions_of(phase);
    BatchLimits one = sides_.source.batch_limits(), other = sides_.target.batch_limits();
    BatchLimits limits{std::max(one.items, other.items), std::max(one.bytes, other.bytes)};
    while (!rest.empty()) {
        size_t length = batch_length(rest, sides_.source_tree, limits);
        co_await commit_batch(rest.first(length));
        rest = rest.subspan(length);
    }
}

Task<void> Applier::commit_batch(std::span<const Action> actions) {
    std::vector<CommitItem> items;
    std::vector<const Action*> actions_of_items;
    std::vector<uint32_t> wanted;
    for (const Action& action : actions) {
        if (action.op == Op::conflict || action.op == Op::move) continue;
        bool misses_deletes = action.phase == Phase::replace && is_withheld(sides_.target_tree.path(action.target));
        if (misses_deletes) continue;
        items.push_back(to_item(action));
        actions_of_items.push_back(&action);
        if (action.op == Op::put) wanted.push_back(action.source);
    }
    if (items.empty()) co_return;
    ContentSource content = co_await sides_.source.fetch(sides_.source_tree, std::move(wanted), progress_);
    if (content.fetched != nullptr) take_fetched_modes(*content.fetched, items);
    co_await sides_.target.commit(content, items, progress_);
    // This batch's flush made the renames of the one before durable.
    if (!sides_.target.commits_at_flush()) recorder_.settle();
    for (size_t i = 0; i < items.size(); ++i) take_result(*actions_of_items[i], items[i]);
}

/// Where the source's listing tells no modes, the plan could not know them.
void Applier::take_fetched_modes(const FetchedContents& fetched, std::vector<CommitItem>& items) const {
    for (CommitItem& item : items) {
        auto found = item.op == Op::put ? fetched.find(item.path) : fetched.end();
        if (found != fetched.end() && found->second.mode) item.mode = target_mode(policy_, false, *found->second.mode);
    }
}

CommitItem Applier::to_item(const Action& action) const {
    CommitItem item;
    item.op = action.op;
    item.path = action_path(action, sides_.source_tree, sides_.target_tree);
    item.mode = action.mode;
    item.keep_existing_mode = policy_.direction == Direction::pull;
    if (action.target != Tree::none) item.expected = &sides_.target_tree[action.target];
    if (action.source == Tree::none) return item;
    const Entry& source = sides_.source_tree[action.source];
    item.source = source.stamp;
    if (source.has(has_digest)) item.digest = source.digest;
    item.link = sides_.source_tree.link(source);
    return item;
}

void Applier::record(const Action& action, const CommitItem& item) {
    bool has_row_of_its_own = (item.op == Op::chmod || item.op == Op::touch) && !item.records_mode;
    if (!has_row_of_its_own) return recorder_.add_committed(sides_.source_tree, action, item);
    auto pair = std::ranges::lower_bound(plan_.equal, action.source, {}, &EqualPair::source);
    bool awaited = pair != plan_.equal.end() && pair->source == action.source && pair->awaits_action;
    if (awaited) recorder_.add_followed(sides_.source_tree, sides_.target_tree, *pair, item);
}

void Applier::take_result(const Action& action, const CommitItem& item) {
    // Somebody else's directory may be open to us by its group; where it is not, what cannot be done in it says so.
    bool may_not_be_opened = action.phase == Phase::open && !item.error.empty() && !item.disk_trouble;
    if (may_not_be_opened) return;
    if (!item.error.empty()) {
        failed_.add(item.path);
        add_problem(item.path, item.error);
        if (item.disk_trouble && disk_trouble_.empty()) disk_trouble_ = item.error;
        return;
    }
    record(action, item);
    report_.paths.add_done(item.path, action.op, action.reason);
    PlanSummary& done = report_.done;
    switch (item.op) {
        case Op::put: ++done.put, done.bytes += item.source_stamp.size; break;
        case Op::symlink: ++done.put; break;
        case Op::mkdir: ++done.mkdir; break;
        case Op::chmod: ++done.chmod; break;
        case Op::touch: ++done.touched; break;
        default: break;
    }
    if (action.former == Former::changed) ++done.changed_there;
    if (action.former == Former::never_seen) ++done.never_seen;
    bool took_a_file_away = item.op == Op::mkdir && action.target != Tree::none;
    if (took_a_file_away) ++done.removed, ++report_.deletes;
}

/// On a target that folds names: what comes later finds everything under either spelling.
Task<void> Applier::move() {
    std::vector<RenameItem> items;
    for (const Action& action : actions_of(Phase::open)) {
        if (action.op != Op::move) continue;
        const CaseMove& move = plan_.moves[items.size()];
        RenameItem item;
        item.from = move.from;
        item.to = move.to;
        item.expected = &sides_.target_tree[action.target];
        items.push_back(std::move(item));
    }
    if (items.empty()) co_return;
    co_await sides_.target.rename(items);
    for (RenameItem& item : items) {
        if (!item.error.empty()) {
            add_problem(item.to, std::move(item.error));
            continue;
        }
        report_.paths.add_done(item.to, Op::move, Reason::case_differs);
        ++report_.done.moved;
    }
}

Task<void> Applier::prune() {
    std::vector<RemoveItem> items;
    std::vector<Reason> reasons;
    for (const Action& action : actions_of(Phase::prune)) {
        const Entry& target = sides_.target_tree[action.target];
        std::string_view path = sides_.target_tree.path(target);
        if (is_withheld(path)) {
            bool is_largest = target.kind == Kind::file && target.stamp.size > withheld_bytes_;
            if (is_largest) withheld_path_ = path, withheld_bytes_ = target.stamp.size;
            continue;
        }
        RemoveItem item;
        item.op = action.op;
        item.path = path;
        item.expected = &target;
        items.push_back(std::move(item));
        reasons.push_back(action.reason);
    }
    say_what_would_make_room();
    if (items.empty()) co_return;
    bool may = co_await may_prune();
    if (!may) {
        for (const RemoveItem& item : items) add_problem(item.path, "not deleted: the watcher lost track meanwhile");
        co_return;
    }
    co_await sides_.target.remove(items, progress_);
    for (size_t i = 0; i < items.size(); ++i) {
        RemoveItem& item = items[i];
        if (!item.error.empty()) {
            failed_.add(item.path);
            add_problem(item.path, std::move(item.error));
            continue;
        }
        recorder_.add_removed(item.path);
        report_.paths.add_done(item.path, item.op, reasons[i]);
        ++(item.op == Op::remove ? report_.done.removed : report_.done.rmdir);
        auto [first, last] = sides_.target_tree.range_below(item.path);
        bool was_empty = first == last;
        if (was_empty) ++report_.deletes;
    }
}

/// On a full target nothing goes while what comes in its place failed, so somebody else has to make the room.
void Applier::say_what_would_make_room() {
    auto tells_of = [this](int error_number) {
        return disk_trouble_.find(errno_text(error_number)) != std::string::npos;
    };
    if (withheld_bytes_ == 0 || !(tells_of(ENOSPC) || tells_of(EDQUOT))) return;
    disk_trouble_ +=
        "; " + escape(withheld_path_) + " (" + format_byte_count(withheld_bytes_) +
        ") is gone from the source, and deleting it would make room, but it stays while something beside it "
        "fails: delete it by hand, or free as much";
}

/// A run that looked only at what the watcher saw change must know that it saw all.
Task<bool> Applier::may_prune() {
    if (!relies_on_watch_) co_return true;
    if (watch_ == nullptr) co_return false;
    auto proof = watch_->prove();
    co_return co_await std::move(proof);
}

/// Whether something failed in the directory of `path`, or in one above it; which is reported then.
bool Applier::is_withheld(std::string_view path) {
    const std::string* failed = failed_.beside(path);
    if (failed != nullptr) add_problem(path, why_withheld(*failed, policy_.adopt));
    return failed != nullptr;
}

void Applier::add_problem(std::string_view path, std::string why) {
    if (reported_.emplace(path).second) report_.problems.push_back({std::string(path), std::move(why)});
}

}  // namespace syncline
