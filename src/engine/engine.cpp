#include "engine/engine.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <climits>
#include <cstdlib>
#include <set>
#include <utility>

#include "async/cancel.hpp"
#include "async/event.hpp"
#include "async/semaphore.hpp"
#include "base/text.hpp"
#include "engine/service.hpp"
#include "state/lock.hpp"

namespace syncline {
namespace {

/// Of two exit statuses the one that is reported (design: exit status).
int worse(int a, int b) {
    constexpr int order[] = {2, 1, 3, locked_exit_status, 4, 0};
    auto rank = [&](int status) { return std::ranges::find(order, status); };
    return rank(a) < rank(b) ? a : b;
}

std::string real_path(const std::string& path) {
    char buffer[PATH_MAX];
    return ::realpath(path.c_str(), buffer) ? buffer : path;
}

FileLock lock_for_engine(const std::string& state_directory, const JobFile& file) {
    std::string holder, path = engine_lock_path(state_directory, real_path(file.path));
    auto lock = FileLock::try_acquire(path, holder);
    if (lock) return std::move(*lock);
    std::string address = lock_address(path), who = holder.empty() ? "" : "pid " + holder;
    if (!address.empty()) who += (who.empty() ? "" : ", ") + ("control socket " + escape(address));
    throw Error(Errc::locked, "another syncline" + (who.empty() ? "" : " (" + who + ")") + " already serves " +
                                  escape(file.path) +
                                  "; it takes up edits by itself; 'syncline status' shows it, 'syncline stop' ends it");
}

/// Each job once. Lives in apply_once's frame.
class Round {
  public:
    Round(asio::any_io_executor executor, EngineOptions options, EngineParts& parts, EngineObserver& observer,
          size_t places)
        : executor_(executor),
          options_(std::move(options)),
          parts_(parts),
          observer_(observer),
          places_(std::move(executor), places) {}

    /// Before the first run: who is waited for is among these.
    void expect(const std::string& name) { unfinished_.insert(name); }

    Task<void> run(std::shared_ptr<const Job> job) {
        while (is_fed_by_unfinished(*job)) co_await wait_for_another();
        auto permit = co_await places_.acquire();
        JobRun run(executor_, job, parts_.run, parts_.clock);
        observer_.run_started(*job, run.progress());
        std::exception_ptr failure;
        try {
            auto whole = run.run(options_.run);
            co_await std::move(whole);
        } catch (...) {
            failure = std::current_exception();
        }
        tell(run);
        unfinished_.erase(job->name);
        for (Waiting* waiting : waiting_) waiting->ended.notify();
        if (failure) std::rethrow_exception(failure);
    }

    int status() const { return status_; }

  private:
    /// Stands in the list for as long as it lives, however its wait ends.
    struct Waiting {
        explicit Waiting(Round& round) : owner(round), ended(round.executor_) { owner.waiting_.insert(this); }
        ~Waiting() { owner.waiting_.erase(this); }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;

        Round& owner;
        Event ended;
    };

    Task<void> wait_for_another() {
        Waiting waiting(*this);
        co_await waiting.ended.wait();
    }

    /// A chain of jobs is run link by link, so that one round brings all of it up to date.
    bool is_fed_by_unfinished(const Job& job) const {
        return std::ranges::any_of(job.fed_by, [this](const std::string& name) { return unfinished_.contains(name); });
    }

    void tell(const JobRun& run) {
        if (run.was_locked()) {
            status_ = worse(status_, locked_exit_status);
            observer_.run_locked(run.job(), run.report().error);
        } else {
            status_ = worse(status_, exit_status(run.report()));
            observer_.run_finished(run.report());
        }
    }

    asio::any_io_executor executor_;
    EngineOptions options_;
    EngineParts& parts_;
    EngineObserver& observer_;
    Semaphore places_;
    std::set<std::string> unfinished_;
    std::set<Waiting*> waiting_;
    int status_ = 0;
};

Task<void> nothing() { co_return; }

}  // namespace

RunFunction run_function(RunContext& context) {
    return [&context](const Job& job, RunOptions options, Progress& progress) {
        return run_job(job, std::move(options), context, progress);
    };
}

WatchFunction watch_function(RunContext& context) {
    return [&context](const Job& job) {
        SourceWatchOptions options;
        options.root = job.root;
        options.filter = job.filter;
        options.ignore_files = job.ignore_files;
        options.own_directory = context.watch_directory.empty() ? context.state_directory : context.watch_directory;
        options.not_watched = {context.state_directory};
        return context.endpoints.watch(std::move(options));
    };
}

Task<int> apply(JobFile file, EngineOptions options, EngineParts& parts, EngineObserver& observer) {
    auto executor = co_await asio::this_coro::executor;
    FileLock lock = lock_for_engine(parts.state_directory, file);
    lock.set_address(parts.address);
    if (parts.began) parts.began();
    Service service(executor, std::move(file), std::move(options), parts, observer);
    try {
        co_await service.serve();
    } catch (const Cancelled&) {
        // Asked for: this is how a service ends well.
    }
    co_return 0;
}

Task<int> apply_once(JobFile file, EngineOptions options, EngineParts& parts, EngineObserver& observer) {
    auto executor = co_await asio::this_coro::executor;
    keep_jobs_named(file, options.only_jobs);
    bool adopt = options.adopt;
    Round round(executor, std::move(options), parts, observer, file.engine.max_parallel_jobs);
    for (const Job& each : file.jobs) round.expect(each.name);
    auto body = [&](Nursery& nursery) {
        for (const Job& each : file.jobs) {
            auto job = std::make_shared<Job>(each);
            if (adopt) job->policy.adopt = true;
            nursery.spawn(round.run(std::move(job)));
        }
        return nothing();
    };
    try {
        co_await with_nursery(body);
    } catch (const Cancelled&) {
        co_return worse(round.status(), 1);
    }
    co_return round.status();
}

}  // namespace syncline
