#include "engine/run.hpp"

#include "engine/run_steps.hpp"

namespace syncline {

int exit_status(const RunReport& report) {
    switch (report.outcome) {
        case Outcome::success: return 0;
        case Outcome::partial: return 4;
        case Outcome::halted: return 3;
        case Outcome::cancelled: return 1;
        case Outcome::failed: return report.is_usage_error ? 2 : 1;
    }
    return 1;
}

PlanSummary summary_of(const Plan& plan) {
    return {plan.count(Op::put) + plan.count(Op::symlink),
            plan.count(Op::mkdir),
            plan.count(Op::remove),
            plan.count(Op::chmod),
            plan.unchanged,
            plan.bytes,
            plan.count(Op::rmdir),
            plan.count(Op::touch),
            plan.count_overwritten(Former::changed),
            plan.count_overwritten(Former::never_seen),
            plan.count(Op::move)};
}

std::vector<PlannedAction> planned_actions(const Plan& plan, const Tree& source, const Tree& target) {
    std::vector<PlannedAction> actions;
    auto move = plan.moves.begin();
    for (const Action& action : plan.actions) {
        uint64_t bytes = action.op == Op::put ? source[action.source].stamp.size : 0;
        std::string path(action_path(action, source, target));
        std::string from = action.op == Op::move ? (move++)->from : "";
        actions.push_back(
            {action.op, std::move(path), bytes, std::string(reason_text(action.reason)), std::move(from)});
    }
    return actions;
}

RunRecord history_record(const RunReport& report) {
    RunRecord record;
    record.job = report.job;
    record.started_at = report.started_at;
    record.finished_at = report.finished_at;
    record.outcome = report.outcome;
    record.scanned = report.scanned;
    record.put = report.done.put;
    record.deleted = report.deletes;
    record.bytes_sent = report.done.bytes;
    record.detail = report.error;
    for (const Halt& halt : report.halts) {
        record.detail += (record.detail.empty() ? "" : " ") + std::string(guard_code(halt.guard));
    }
    record.problems = report.problems;
    return record;
}

Task<RunReport> run_job(const Job& job, RunOptions options, RunContext& context, Progress& progress) {
    RunSteps steps(job, std::move(options), context, progress);
    co_return co_await steps.run();
}

}  // namespace syncline
