#include "core/retention.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "core/project_name.hpp"

namespace syncline {
namespace {

constexpr TimeNs ns_per_ms = 1'000'000;

/// Time that went by; a time to come counts as none.
Duration age_at(TimeNs now, TimeNs then) {
    if (then >= now) return Duration{0};
    // Far apart, the difference may not fit.
    return Duration{now / ns_per_ms - then / ns_per_ms};
}

struct Limit {
    Duration age{0};
    std::optional<int> threshold;
};

/// The highest threshold that is reached wins, even where it gives more time; the floor holds under all of them.
Limit limit_of(const CleanPolicy& policy, const QuotaReport& quota) {
    Limit limit{policy.max_age, {}};
    if (quota.state == QuotaReport::State::known) {
        for (const auto& [per_cent, age] : policy.quota_thresholds) {
            if (quota.use.reaches(per_cent)) limit = {age, per_cent};
        }
    }
    limit.age = std::max(limit.age, policy.min_age);
    return limit;
}

class Judge {
  public:
    explicit Judge(const RetentionFacts& facts) : facts_(facts) {
        for (const RecordedUse& use : facts.recorded) {
            is_anything_recorded_ |= use.is_of_host;
            if (use.is_of_host) recorded_.insert(use.name);
            auto [last, is_new] = last_uses_[use.is_of_host].try_emplace(use.name, use.last_used_at);
            if (!is_new) last->second = std::max(last->second, use.last_used_at);
        }
    }

    CleanDecision judge(size_t index) const {
        const FoundDirectory& found = facts_.found[index];
        CleanDecision decision;
        decision.found = index;
        std::optional<ProjectName> name = parse_project_directory(found.name);
        if (!name) return decision;
        // Whoever names a directory asked about no other, whatever that is.
        const bool is_another = facts_.scope == CleanScope::current && !facts_.chosen.contains(found.name);
        decision.reason = is_another ? CleanReason::not_chosen : judge_kind(found);
        if (decision.reason != CleanReason::asked) return decision;
        bool is_recorded = recorded_.contains(found.name);
        bool is_ours = is_recorded || name->client == facts_.client;
        switch (facts_.scope) {
            case CleanScope::automatic: judge_age(found, is_recorded, is_ours, decision); break;
            case CleanScope::all:
                if (!is_recorded) decision.reason = is_ours ? CleanReason::not_recorded : CleanReason::other_client;
                if (is_recorded && !facts_.is_confirmed) judge_floor(found, decision);
                break;
            case CleanScope::current: judge_choice(found, decision); break;
            case CleanScope::purge: break;
        }
        decision.removes = decision.reason == CleanReason::asked || decision.reason == CleanReason::old;
        return decision;
    }

  private:
    /// What holds under every scope; `asked` when nothing speaks against it.
    CleanReason judge_kind(const FoundDirectory& found) const {
        if (!found.is_directory) return CleanReason::not_a_directory;
        if (facts_.in_use.contains(found.name)) return CleanReason::in_use;
        if (found.is_busy) return CleanReason::busy;
        if (found.holds_mount) return CleanReason::holds_mount;
        return CleanReason::asked;
    }

    void judge_choice(const FoundDirectory& found, CleanDecision& decision) const {
        for (const Claim& claim : facts_.claims) {
            if (claim.name != found.name || claim.job == facts_.chosen_job || facts_.chosen_job.empty()) continue;
            decision.reason = CleanReason::other_job;
            decision.job = claim.job;
        }
    }

    void judge_age(const FoundDirectory& found, bool is_recorded, bool is_ours, CleanDecision& decision) const {
        using enum CleanReason;
        if (!is_ours) decision.reason = other_client;
        if (is_ours && !is_recorded && !is_anything_recorded_) decision.reason = nothing_recorded;
        if (decision.reason != asked) return;
        // What several jobs claim ends when the last of them lets it go.
        Limit limit = limit_of(facts_.unclaimed, facts_.quota);
        bool is_claimed = false, is_automatic = facts_.unclaimed.automatic;
        for (const Claim& claim : facts_.claims) {
            if (claim.name != found.name) continue;
            Limit own = limit_of(claim.policy, facts_.quota);
            if (!is_claimed || own.age > limit.age) {
                limit = own;
                decision.job = claim.job;
            }
            is_automatic = (!is_claimed || is_automatic) && claim.policy.automatic;
            is_claimed = true;
        }
        if (facts_.is_by_itself && !is_automatic) decision.reason = automatic_off;
        if (decision.reason != asked) return;
        decision.threshold = limit.threshold;
        hold_to(limit.age, found, is_recorded, decision);
        if (decision.reason == asked) decision.reason = old;
    }

    /// Nobody named this directory, so what the floor keeps stays. Of several jobs the most patient counts.
    void judge_floor(const FoundDirectory& found, CleanDecision& decision) const {
        std::optional<Duration> floor;
        for (const Claim& claim : facts_.claims) {
            if (claim.name == found.name) floor = std::max(floor.value_or(Duration{0}), claim.policy.min_age);
        }
        decision.is_floor = true;
        hold_to(floor.value_or(facts_.unclaimed.min_age), found, true, decision);
    }

    /// Keeps what is not older than `limit`, or of unknown age.
    void hold_to(Duration limit, const FoundDirectory& found, bool is_recorded, CleanDecision& decision) const {
        using enum CleanReason;
        if (!facts_.server_now) decision.reason = no_clock;
        if (decision.reason != asked) return;
        decision.limit = limit;
        decision.age = std::min(age_at(*facts_.server_now, found.newest), age_of_use(found.name, is_recorded));
        if (decision.age <= limit) decision.reason = young;
        if (decision.reason == asked && found.cannot_be_read) decision.reason = cannot_be_read;
    }

    /// An orphan may have been used through another name of the host.
    Duration age_of_use(const std::string& name, bool is_recorded) const {
        const auto& uses = last_uses_[is_recorded];
        auto use = uses.find(name);
        return use == uses.end() ? Duration::max() : age_at(facts_.now, use->second);
    }

    const RetentionFacts& facts_;
    bool is_anything_recorded_ = false;
    std::set<std::string> recorded_;
    std::map<std::string, TimeNs> last_uses_[2];  ///< by is_of_host
};

}  // namespace

std::vector<CleanDecision> decide_retention(const RetentionFacts& facts) {
    Judge judge(facts);
    std::vector<CleanDecision> decisions;
    for (size_t i = 0; i < facts.found.size(); ++i) decisions.push_back(judge.judge(i));
    return decisions;
}

std::string_view reason_name(CleanReason reason) {
    switch (reason) {
        case CleanReason::old: return "old";
        case CleanReason::asked: return "asked";
        case CleanReason::in_use: return "in-use";
        case CleanReason::busy: return "busy";
        case CleanReason::young: return "young";
        case CleanReason::other_client: return "other-client";
        case CleanReason::not_our_layout: return "not-our-layout";
        case CleanReason::not_a_directory: return "not-a-directory";
        case CleanReason::not_recorded: return "not-recorded";
        case CleanReason::not_chosen: return "not-chosen";
        case CleanReason::other_job: return "other-job";
        case CleanReason::automatic_off: return "automatic-off";
        case CleanReason::nothing_recorded: return "nothing-recorded";
        case CleanReason::cannot_be_read: return "cannot-be-read";
        case CleanReason::holds_mount: return "holds-mount";
        case CleanReason::no_clock: return "no-clock";
    }
    return "kept";
}

std::string describe(const CleanDecision& decision, const QuotaReport& quota) {
    using enum CleanReason;
    std::string limit = format_duration(decision.limit);
    if (decision.threshold)
        limit += ", as the quota is at " + std::to_string(quota.use.per_cent()) + " % (threshold " +
                 std::to_string(*decision.threshold) + " %)";
    switch (decision.reason) {
        case old: return "older than " + limit;
        case asked: return "asked for";
        case in_use: return "in use by a run on this machine";
        case busy: return "in use: a process on the server works in it";
        case young:
            return "used or changed within the last " + limit +
                   (decision.is_floor ? " (min_age; --yes takes it all the same)" : "");
        case other_client: return "another client's";
        case not_our_layout: return "not in the default layout";
        case not_a_directory: return "no directory";
        case not_recorded: return "not recorded on this machine";
        case not_chosen: return "another project's";
        case other_job: return "job '" + escape(decision.job) + "' has it too";
        case automatic_off: return "auto = false";
        case nothing_recorded: return "nothing is recorded of this host yet, so that orphans are left alone";
        case cannot_be_read: return "it cannot be looked through";
        case holds_mount: return "a file system is mounted in it";
        case no_clock: return "the server's clock cannot be read";
    }
    return "";
}

}  // namespace syncline
