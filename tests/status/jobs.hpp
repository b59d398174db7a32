// Snapshots for the tests of what is served.
#pragma once

#include "status/snapshot.hpp"

namespace syncline::status {

constexpr TimeNs second = 1'000'000'000;
constexpr TimeNs start = 1'700'000'000 * second;

inline Run run_of(std::string outcome, TimeNs at = start) {
    Run run;
    run.started_at = at;
    run.finished_at = at + 2 * second + 500'000'000;
    run.scanned = 7, run.put = 3, run.deleted = 1, run.bytes_sent = 4096;
    run.outcome = std::move(outcome);
    return run;
}

inline Job job_of(std::string name) {
    Job job;
    job.name = std::move(name);
    job.root = "/home/u/src";
    job.remote = "cse:";
    job.direction = "push";
    job.known_since = start;
    return job;
}

inline Snapshot snapshot_of(std::vector<Job> jobs) {
    Snapshot snapshot;
    snapshot.pid = 42;
    snapshot.started_at = start;
    snapshot.version = "0.1.0";
    snapshot.job_file = "/home/u/jobs.toml";
    snapshot.job_file_sha256 = "ab";
    for (Job& job : jobs) snapshot.jobs.push_back(std::make_shared<const Job>(std::move(job)));
    return snapshot;
}

}  // namespace syncline::status
