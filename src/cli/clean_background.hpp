// Cleaning that nobody asked for: in a process of its own after a run by hand, as a job of its own in the engine.
#pragma once

#include <asio/any_io_executor.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "async/event.hpp"
#include "cli/session.hpp"
#include "cli/workbench.hpp"
#include "config/job.hpp"

namespace syncline::cli {

/// The host that is to be cleaned after a successful run of `job`; nullopt when the run touched no directory in the
/// default layout, cleaning is switched off for it, or signing in there needs a person.
std::optional<std::string> host_to_clean_after(const Job& job, const JobFile* file, Workbench& workbench);

/// Whether the last clean of the host, however it ended, is an hour ago or longer.
bool is_clean_due(Store& store, const std::string& host);

/// Starts one for a run by hand, where host_to_clean_after() and is_clean_due() allow it.
void clean_after(const Session& session, const std::optional<JobFile>& file, const Job& job, Workbench& workbench);

/// Starts `syncline clean --auto` for those hosts and does not wait for it. Failing is no error: the next run starts it
/// again.
void start_background_clean(const Session& session, const std::set<std::string>& hosts);

/// Cleans in the engine. Lives as long as its task; engine's thread.
class CleanKeeper {
  public:
    CleanKeeper(Session& session, Workbench& workbench, JobFile file)
        : session_(session), workbench_(workbench), file_(std::move(file)) {}

    void take_up(JobFile file) { file_ = std::move(file); }
    /// A run of the job ended well.
    void ran(const std::string& job);
    /// Cleans hosts after such runs, each at most once an hour. Ends by a cancel.
    Task<void> serve();
    /// The same in a process of its own, for who does not stay.
    void leave_to_background();

  private:
    Task<void> clean(std::string host);

    Session& session_;
    Workbench& workbench_;
    JobFile file_;
    std::optional<Event> changed_;
    std::set<std::string> waiting_;  ///< hosts
};

}  // namespace syncline::cli
