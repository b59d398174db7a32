#include "engine/run_steps.hpp"

#include <algorithm>

#include "async/nursery.hpp"
#include "base/assert.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/change_set.hpp"

namespace syncline {
namespace {

constexpr TimeNs recent_deletes_window = 600 * ns_per_second;

/// What runs this job again: for messages.
std::string command_for(const Job& job, const RunOptions& options, const RunContext& context) {
    if (job.line == 0 || options.is_changed_job || options.narrowed ||
        (!options.paths.empty() && !options.follows_watch))
        return "the same command with";
    return "syncline " + std::string(policy_name(job.policy.direction)) + " " + job.name + context.file_option;
}

}  // namespace

RunSteps::RunSteps(const Job& job, RunOptions options, RunContext& context, Progress& progress)
    : job_(job),
      options_(std::move(options)),
      context_(context),
      progress_(progress),
      policy_(job.policy),
      filter_(job.filter),
      uploads_(context.store) {
    // A filter of one command line makes nothing "excluded" that was not so before.
    if (options_.narrowed) policy_.delete_excluded = false;
    options_.paths = outermost_paths(std::move(options_.paths));
    report_.job = job.name;
    report_.direction = job.policy.direction;
    report_.started_at = wall_clock_now();
}

Task<void> RunSteps::open_sides() {
    Destination root{Destination::Type::local, "", job_.root};
    EndpointOptions options(job_.fsync);
    options.local_root = job_.root;
    options.state_directory = context_.state_directory;
    options.transfer = job_.transfer;
    options.direction = policy_.direction;
    options.uploads = &uploads_;
    options.max_entries = context_.max_entries;
    local_ = context_.endpoints.open(root, options);
    remote_ = context_.endpoints.open(job_.remote, options);
    ignores_ = context_.endpoints.ignore_files(job_.root, job_.ignore_files);
    report_.source = source().shown();
    report_.target = target().shown();
    co_await remote_->prepare();
    spelled_ = remote_->identity_text();
    key_ = {local_->root_text(), context_.store.resolved(spelled_), policy_.direction};
}

Task<void> RunSteps::look_at_roots() {
    pair_ = context_.store.pair(key_);
    uploads_.set_pair(pair_);
    look_at_other_names();
    if (context_.store.take_lost()) {
        report_.notes.push_back({context_.state_directory,
                                 "the state was removed while syncline ran, and is begun anew: contents are compared "
                                 "again, and nothing is deleted before a whole sync is recorded"});
    }
    std::optional<WholeSync> last = last_whole_sync();
    facts_.command = command_for(job_, options_, context_);
    facts_.has_no_job = job_.line == 0;
    facts_.source.shown = source().shown();
    facts_.target.shown = target().shown();
    const bool was_spelled = key_.destination == spelled_;
    co_await inspect_roots();
    if (settle_destination()) {
        if (lists_local_early_) co_await load_baseline();
        // What was recorded of a link's former end still guards against the new one.
        if (was_spelled) last = last_whole_sync();
    }
    if (last) {
        facts_.source.recorded = last->source;
        facts_.target.recorded = last->target;
    }
    // Where the path is resolved, a link at its end says nothing of the directory that it leads to.
    RootFacts& remote = is_push() ? facts_.target : facts_.source;
    bool is_resolved = !remote_->resolved_identity_text().empty() && is_directory(remote.recorded);
    if (is_resolved && is_directory(remote.now)) remote.recorded->kind = remote.now->kind;
    facts_.whole_sync_recorded = last.has_value();
    facts_.watcher_live = options_.watch != nullptr;
    facts_.target_is_unsafe = target().is_unsafe_for_mirror();
    facts_.mountpoint = job_.mountpoint;
    if (!job_.mountpoint.empty()) facts_.mountpoint_is_mounted = context_.endpoints.is_mount_point(job_.mountpoint);
    facts_.recent_deletes = context_.store.deletes_since(pair_, report_.started_at - recent_deletes_window);
}

/// A path that was named on the command line and is nowhere is most likely a slip of the fingers.
void RunSteps::refuse_unknown_paths() {
    if (options_.follows_watch) return;
    auto has = [](const Tree& tree, const std::string& path) {
        uint32_t found = tree.find(path);
        return found != Tree::none && !tree[found].has(unselected);
    };
    for (const std::string& path : options_.paths) {
        bool is_there = path.empty() || has(source_listing_.tree, path) || has(target_listing_.tree, path);
        // What a push removes from its record is on neither side any more.
        bool is_only_here = is_there && !is_push() && !path.empty() && !has(source_listing_.tree, path);
        if (is_only_here && policy_.pull != PullPolicy::mirror)
            report_.notes.push_back({path, "is not on the remote side; nothing to bring"});
        if (is_there || (is_push() && baseline_.find(path) != Tree::none)) continue;
        throw Error(Errc::usage, escape(path) + " is on neither side, or no selected entry; see `syncline explain " +
                                     escape(path) + "`");
    }
}

/// A local source is no stranger. What a bucket holds of links is what a push put there, or claims to be that.
PullLinks RunSteps::pull_links() const {
    switch (job_.remote.type) {
        case Destination::Type::local: return PullLinks::all;
        case Destination::Type::bucket: return PullLinks::inside;
        case Destination::Type::ssh: return policy_.pull_links;
    }
    return PullLinks::refuse;
}

Task<void> RunSteps::make_the_plan() {
    // Each pass can only ask for what the one before did not know; three kinds of questions depend on each other.
    constexpr int most_passes = 8;
    bool is_bucket = job_.remote.type == Destination::Type::bucket;
    bool follows_times = target().can_touch() && !is_bucket;
    for (int pass = 0; pass < most_passes; ++pass) {
        plan_ = make_plan({source_listing_.tree, target_listing_.tree, baseline_, policy_, source_incomplete_,
                           options_.paths, unjudged_, job_.ignore_files, pull_links(), !is_bucket, follows_times});
        if (!plan_.needs.empty()) {
            co_await read_what_is_needed();
            continue;
        }
        if (folds_names_) add_to_plan(folded_, options_.paths, target_listing_.tree, plan_);
        co_return;
    }
    SYNCLINE_ASSERT(!"a plan is made in a few passes");
}

Task<void> RunSteps::read_what_is_needed() {
    const std::vector<uint32_t> no_markers;
    auto body = [&, this](Nursery& nursery) {
        nursery.spawn(read_side(source(), source_listing_.tree, plan_.needs.source_digests, no_markers));
        return read_side(target(), target_listing_.tree, plan_.needs.target_digests, plan_.needs.target_markers);
    };
    co_await with_nursery(body);
}

Task<void> RunSteps::read_side(Endpoint& endpoint, Tree& tree, const std::vector<uint32_t>& digests,
                               const std::vector<uint32_t>& markers) {
    std::vector<uint32_t> indices = digests;
    indices.insert(indices.end(), markers.begin(), markers.end());
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    if (indices.empty()) co_return;
    std::vector<DigestItem> items(indices.size());
    for (size_t i = 0; i < items.size(); ++i) items[i].index = indices[i];
    co_await endpoint.digest(tree, items, progress_);
    for (const DigestItem& item : items) {
        tree.set_flag(item.index, marker_known);
        if (item.error.empty()) {
            tree.set_stamp(item.index, item.stamp);
            tree.set_digest(item.index, item.digest);
            if (item.generated) tree.set_flag(item.index, generated);
        } else {
            tree.set_flag(item.index, unreadable);
            report_.problems.push_back({std::string(tree.path(item.index)), item.error});
            failed_.add(tree.path(item.index));
        }
    }
}

bool RunSteps::halted_by(std::vector<Halt> halts) {
    report_.halts = std::move(halts);
    return !report_.halts.empty();
}

Task<void> RunSteps::apply() {
    report_conflicts();
    constexpr uint16_t owner_access = 0700;  // what is to be written into it needs that
    uint16_t mode = facts_.source.now ? target_mode(policy_, true, facts_.source.now->mode) : owner_access;
    co_await target().create_root(mode | owner_access);
    if (!facts_.target.now) co_await claim_target();
    settle_destination();
    context_.store.record_spelling(spelled_, key_.destination);
    recorder_.emplace(context_.store, pair_);
    if (!is_push()) recorder_->record_reverse(reverse_pair());
    recorder_->set_listed_at(source_listing_.started_at, target_listing_.started_at);
    for (const EqualPair& pair : plan_.equal) {
        if (!pair.awaits_action) recorder_->add_equal(source_listing_.tree, target_listing_.tree, pair);
    }
    for (const std::string& path : plan_.gone) recorder_->add_removed(path);

    progress_.files_total =
        plan_.count(Op::put) + plan_.count(Op::symlink) + plan_.count(Op::remove) + plan_.count(Op::rmdir);
    progress_.bytes_total = plan_.bytes;
    begin_where_it_was_cut();
    progress_.phase = RunPhase::transferring;
    // A pull from a server that broke off left what it had brought, and this one goes on with it.
    bool sweeps_first = is_push() || !remote_->local_path().empty();
    if (sweeps_first) co_await target().sweep(target_listing_.leftovers);
    Sides sides{source(), target(), source_listing_.tree, target_listing_.tree};
    Applier applier(plan_, sides, policy_, *recorder_, report_, progress_, failed_);
    if (options_.follows_watch) applier.set_watch(options_.watch);
    record_respelled_rows();
    co_await applier.run();
    disk_trouble_ = applier.disk_trouble();
    for (std::string& remark : target().remarks()) report_.notes.push_back({target().shown(), std::move(remark)});
    if (!sweeps_first) co_await target().sweep(target_listing_.leftovers);
    co_await require_roots_in_place();
    recorder_->write();
}

/// What a pull verified, later pushes know.
PairId RunSteps::reverse_pair() {
    PairKey reverse = key_;
    reverse.direction = is_push() ? Direction::pull : Direction::push;
    return context_.store.pair(reverse);
}

/// A run that lost its footing must not be taken for a sync of what stands there now.
Task<void> RunSteps::require_roots_in_place() {
    for (Endpoint* side : {local_.get(), remote_.get()}) {
        if (co_await side->is_still_in_place()) continue;
        throw Error(Errc::failed, side->shown() +
                                      " was replaced or unmounted while the run went on; look at it, "
                                      "then run it again");
    }
}

/// Only a whole push, or a whole pull in another mode than `generated`, makes later deletes legitimate. Conflicts are
/// decisions, not failures.
Task<void> RunSteps::record_whole_sync() {
    bool is_whole = !is_limited() && (is_push() || policy_.pull != PullPolicy::generated);
    bool all_is_decided = source_incomplete_.empty() && report_.problems.size() == plan_.count(Op::conflict);
    if (!is_whole || !all_is_decided || !disk_trouble_.empty()) co_return;
    WholeSync sync;
    sync.at = wall_clock_now();
    sync.source = co_await source().inspect();
    sync.target = co_await target().inspect();
    // What an older version recorded is the same root, but is written anew with what is known now.
    auto says_the_same = [](const std::optional<RootIdentity>& then, const std::optional<RootIdentity>& now) {
        return then == now && (!then || (then->uuid == now->uuid && then->file_system == now->file_system));
    };
    bool as_recorded = facts_.whole_sync_recorded && says_the_same(facts_.source.recorded, sync.source) &&
                       says_the_same(facts_.target.recorded, sync.target);
    if (!as_recorded) context_.store.record_whole_sync(pair_, sync);
}

Outcome RunSteps::outcome_of_apply() const {
    if (!disk_trouble_.empty()) return Outcome::failed;
    return report_.problems.empty() ? Outcome::success : Outcome::partial;
}

/// What the watcher saw since is little help when all is to be built anew.
void RunSteps::look_at_everything_if_target_is_gone() {
    if (!options_.follows_watch || facts_.target.now) return;
    options_.paths.clear();
    lists_local_early_ = false;  // That was a part only.
}

Task<void> RunSteps::take_steps() {
    co_await open_sides();
    if (!options_.plan_only) lock();
    history_wanted_ = !options_.plan_only;
    std::optional<ProjectPlace> place = remote_->project_place();
    if (options_.plan_only || !place) {
        co_await take_locked_steps();
        co_return;
    }
    use_.emplace(context_.store, context_.state_directory, *place, job_.root, job_.name);
    co_await use_->begin();
    auto rest = take_locked_steps();
    auto use = use_->keep_while(std::move(rest));
    co_await std::move(use);
    bool is_used = report_.outcome == Outcome::success || report_.outcome == Outcome::partial;
    if (is_used) use_->record(remote_->project_place()->host_key);
}

Task<void> RunSteps::take_locked_steps() {
    co_await look_at_roots();
    if (!options_.plan_only && is_directory(facts_.target.now)) co_await claim_target();
    if (is_directory(facts_.target.now)) folds_names_ = co_await target().folds_names(!options_.plan_only);
    tell_of_changed_default();
    if (!is_directory(facts_.source.now)) {
        halted_by(judge_roots(facts_, policy_));
        co_return finish(Outcome::halted);
    }
    if (facts_.target.now && !is_directory(facts_.target.now)) {
        throw Error(Errc::failed, target().shown() + " is no directory; move it aside or correct the job");
    }
    look_at_everything_if_target_is_gone();
    co_await list_sides();
    co_await settle_what_was_taken_aside();
    fold_names();
    note_listings();
    refuse_unknown_paths();
    find_incomplete_directories();
    progress_.phase = RunPhase::planning;
    co_await make_the_plan();
    withhold_beside_what_failed();
    if (!given_back_.empty()) leave_alone(plan_, source_listing_.tree, target_listing_.tree, given_back_);
    withhold_what_nobody_saw_go();
    co_await fill_guard_facts_of_listings();
    report_plan();
    if (halted_by(judge_plan(facts_, plan_, policy_))) co_return finish(Outcome::halted);
    if (options_.plan_only) co_return finish(Outcome::success);
    co_await apply();
    co_await record_whole_sync();
    if (!disk_trouble_.empty()) report_.error = report_.target + ": " + disk_trouble_;
    finish(outcome_of_apply());
}

void RunSteps::finish(Outcome outcome) {
    report_.outcome = outcome;
    report_.finished_at = wall_clock_now();
}

void RunSteps::record_history() {
    if (!history_wanted_) return;
    RunRecord record = history_record(report_);
    record.adopted = policy_.adopt;
    for (const Problem& problem : report_.problems) report_.paths.add_problem(problem);
    for (const Problem& note : report_.notes) report_.paths.add_note(note);
    context_.store.record_run(pair_, record, report_.paths.bytes());
}

Task<RunReport> RunSteps::run() {
    bool cancelled = false;
    try {
        co_await take_steps();
    } catch (const ListingTooLarge& error) {
        halted_by({listing_too_large(error.what())});
        finish(Outcome::halted);
    } catch (const Error& error) {
        if (error.code() == Errc::locked) throw;
        report_.error = error.what();
        report_.is_usage_error = error.code() == Errc::usage;
        report_.failure = error.code();
        finish(Outcome::failed);
        // What was verified and is durable by now need not be verified again.
        if (recorder_ && error.code() == Errc::lost) recorder_->write();
    } catch (const Cancelled&) {
        cancelled = true;
    } catch (const asio::system_error& error) {
        if (error.code() != asio::error::operation_aborted) throw;
        cancelled = true;
    }
    if (cancelled) {
        bool is_told = options_.stop != nullptr && !options_.stop->text.empty();
        report_.error = is_told ? options_.stop->text : "cancelled";
        finish(is_told && options_.stop->is_failure ? Outcome::failed : Outcome::cancelled);
        if (recorder_) recorder_->write();  // what is durable by now need not be verified again
    }
    record_history();
    if (cancelled) throw Cancelled();
    co_return std::move(report_);
}

}  // namespace syncline
