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

Task<RunReport> run_job(const Job& job, RunOptions options, RunContext& context, Progress& progress) {
    RunSteps steps(job, std::move(options), context, progress);
    co_return co_await steps.run();
}

}  // namespace syncline
