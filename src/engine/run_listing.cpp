// RunSteps: looking at both sides, and at what is recorded of them.
#include <algorithm>
#include <utility>

#include "async/nursery.hpp"
#include "base/rel_path.hpp"
#include "core/change_set.hpp"
#include "engine/run_steps.hpp"

namespace syncline {
namespace {

/// Sorted, each once.
std::vector<std::string> in_path_order(std::vector<std::string> paths) {
    std::sort(paths.begin(), paths.end(), PathLess{});
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

ListingTooLarge of_side(Endpoint& endpoint, const ListingTooLarge& error) {
    return ListingTooLarge(endpoint.shown() + " could not be listed whole: " + error.what());
}

}  // namespace

/// Whichever way it went: after a pull both sides are known as well as after a push.
std::optional<WholeSync> RunSteps::last_whole_sync() {
    std::optional<WholeSync> last = context_.store.whole_sync(pair_);
    PairKey reverse = key_;
    reverse.direction = is_push() ? Direction::pull : Direction::push;
    std::optional<PairRecord> other = context_.store.find(reverse);
    if (!other || !other->whole_sync || (last && last->at >= other->whole_sync->at)) return last;
    std::swap(other->whole_sync->source, other->whole_sync->target);
    reverse_rows_ = other->baseline_rows;
    return other->whole_sync;
}

/// While a connection to the other side is made, all that is local can be read.
Task<void> RunSteps::inspect_roots() {
    std::optional<RootIdentity>& local_now = is_push() ? facts_.source.now : facts_.target.now;
    local_now = co_await local_->inspect();
    bool is_far = remote_->local_path().empty();
    lists_local_early_ = is_far && is_directory(local_now);
    auto body = [this](Nursery& nursery) {
        if (lists_local_early_) nursery.spawn(read_local_side());
        return inspect_remote_root();
    };
    co_await with_nursery(body);
}

Task<void> RunSteps::read_local_side() {
    co_await list_side(*local_, !is_push(), local_listing());
    co_await load_baseline();
}

Task<void> RunSteps::inspect_remote_root() {
    std::optional<RootIdentity>& remote_now = is_push() ? facts_.target.now : facts_.source.now;
    progress_.connects = remote_->local_path().empty();
    try {  // Looking at a bucket is a listing, too.
        std::unique_ptr<Endpoint> other = co_await remote_->instead();
        if (other) remote_ = std::move(other);
        remote_now = co_await remote_->inspect();
        progress_.connects = false;
    } catch (const ListingTooLarge& error) {
        throw of_side(*remote_, error);
    }
}

ListRequest RunSteps::list_request(bool is_target) {
    ListRequest request;
    request.filter = &filter_;
    request.ignores = ignores_.get();
    request.is_target = is_target;
    request.descend_unselected = is_target && is_push() && policy_.delete_excluded;
    request.wants_modes = policy_.permissions == PermissionPolicy::preserve;
    request.symlinks = policy_.symlinks;
    request.max_entries = context_.max_entries;
    bool follow_elsewhere = request.symlinks == SymlinkPolicy::follow && !is_push();
    if (follow_elsewhere) request.symlinks = SymlinkPolicy::copy;  // a pull refuses symlinks; it does not follow them
    request.other_local_root = (is_target ? source() : target()).local_path();
    if (is_scoped()) request.scope = options_.paths;
    // What is listed later than the baseline is read may be told by it.
    bool is_remote = is_target == is_push();
    if (lists_local_early_ && is_remote) request.baseline = &baseline_;
    return request;
}

Task<void> RunSteps::list_side(Endpoint& endpoint, bool is_target, Listing& listing) {
    ListRequest request = list_request(is_target);
    try {
        listing = co_await endpoint.list(request, progress_);
    } catch (const ListingTooLarge& error) {
        throw of_side(endpoint, error);
    } catch (const std::bad_alloc&) {
        throw of_side(endpoint, ListingTooLarge("it takes more memory than there is"));
    }
}

Task<void> RunSteps::list_sides() {
    auto body = [this](Nursery& nursery) {
        nursery.spawn(list_side(*remote_, is_push(), remote_listing()));
        if (lists_local_early_) return nothing_more();
        nursery.spawn(list_side(*local_, !is_push(), local_listing()));
        return load_baseline();  // on this thread, while both sides are listed
    };
    co_await with_nursery(body);
    if (!options_.checksum) recall_digests(baseline_, source_listing_.tree, target_listing_.tree);
    for (const std::string& path : options_.unproven) {
        uint32_t index = source_listing_.tree.find(path);
        if (index != Tree::none) source_listing_.tree.forget_digest(index);
    }
}

void RunSteps::note_listings() {
    note_listing_problems(source_listing_, source());
    // What makes the target's listing unfit halts the run; other trouble is only in nobody's way.
    if (target_listing_.incomplete.empty()) {
        report_.notes.insert(report_.notes.end(), target_listing_.problems.begin(), target_listing_.problems.end());
    }
    note_own_names();
    report_.scanned = source_listing_.tree.size() + target_listing_.tree.size();
    note_unselected_root();
}

/// Hard links: what was written by one name is another content under each.
void RunSteps::look_at_other_names() {
    if (!is_scoped() || options_.inodes.empty()) return;
    for (std::string& path : context_.store.paths_with_inodes(pair_, options_.inodes)) {
        options_.unproven.push_back(path);
        options_.paths.push_back(std::move(path));
    }
    options_.paths = outermost_paths(std::move(options_.paths));
}

Task<void> RunSteps::load_baseline() {
    baseline_ = is_scoped() ? context_.store.load_baseline(pair_, options_.paths) : context_.store.load_baseline(pair_);
    co_return;
}

Task<void> RunSteps::nothing_more() { co_return; }

/// A root that a rule leaves out as a whole, such as that of a repository around it, would be an empty source in
/// silence.
void RunSteps::note_unselected_root() {
    if (!source_listing_.tree.empty()) return;
    std::string rule = filter_.explain_empty_root(*ignores_);
    if (rule.empty()) return;
    report_.notes.push_back({local_->shown(), "nothing in it is selected, by " + rule +
                                                  "; correct that rule, or set ignore_files = [] if it is not meant"});
}

void RunSteps::note_listing_problems(const Listing& listing, Endpoint& endpoint) {
    for (const Problem& problem : listing.problems) {
        std::string path = problem.path.empty() ? endpoint.shown() : problem.path;
        report_.problems.push_back({path, problem.why});
    }
}

/// Where the source is not known whole: unreadable directories, ignore files that cannot be read, vanished mounts.
void RunSteps::find_incomplete_directories() {
    source_incomplete_ = source_listing_.incomplete;
    for (const Problem& problem : ignores_->problems()) {
        unjudged_.emplace_back(parent_path(problem.path));
        report_.problems.push_back({problem.path, problem.why + "; nothing in its directory is synced until they are"});
    }
    unjudged_ = in_path_order(std::move(unjudged_));
    source_incomplete_.insert(source_incomplete_.end(), unjudged_.begin(), unjudged_.end());
    if (!policy_.adopt) {
        for (std::string& path : vanished_mounts(source_listing_.tree, baseline_)) {
            report_.problems.push_back({path,
                                        "was a mount point at the last sync and is none now; nothing there is deleted. "
                                        "Mount it, or run " +
                                            facts_.command + " --adopt"});
            source_incomplete_.push_back(std::move(path));
        }
    }
    source_incomplete_ = in_path_order(std::move(source_incomplete_));
}

/// For who looks on, a run that goes on after a Ctrl-C is the same one: what those before it brought over is done.
void RunSteps::begin_where_it_was_cut() {
    constexpr size_t most_runs = 50;
    if (is_limited() || progress_.files_total == 0) return;
    const TimeNs a_day_ago = report_.started_at - 24 * 3600 * ns_per_second;
    for (const RunRecord& run : context_.store.history(pair_, most_runs)) {
        bool was_cut = run.outcome == Outcome::cancelled || run.outcome == Outcome::failed;
        if (!was_cut || run.started_at < a_day_ago) return;
        for (auto* counter : {&progress_.files_done, &progress_.files_total}) *counter += run.put + run.deleted;
        for (auto* counter : {&progress_.bytes_done, &progress_.bytes_total}) *counter += run.bytes_sent;
    }
}

}  // namespace syncline
