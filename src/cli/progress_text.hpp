// Progress text: what the status line says while jobs run. Pure, but for the counters that are read.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/units.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline::cli {

/// Counters of all running jobs at one moment.
struct ProgressSample {
    uint64_t scanned = 0, hashed = 0;
    uint64_t files_done = 0, files_total = 0, bytes_done = 0, bytes_total = 0;
    bool connects = false;  ///< a server has not answered yet
};

/// Bytes a second over the last few seconds.
class RateMeter {
  public:
    /// Call at each redraw. A counter that went back (a job ended) begins anew.
    void add(TimeNs now, uint64_t bytes_done);
    /// 0 while it is not known.
    double bytes_per_second() const;

  private:
    struct Point {
        TimeNs time;
        uint64_t bytes;
    };
    std::deque<Point> points_;
};

/// "thesis: 12/340 files, 1.2 MiB/20.0 MiB, 4.1 MiB/s, 5 s left"; before a plan stands: "thesis: scanning, 1,204
/// entries" or "thesis: connecting". Of what does not fit into `columns` the least important goes first: rate, bytes,
/// `who`. `who` is escaped.
std::string progress_line(const std::string& who, const ProgressSample& sample, double bytes_per_second,
                          size_t columns);

/// The running jobs and their counters, which outlive their time in here.
class RunningJobs {
  public:
    bool is_empty() const { return jobs_.empty(); }
    void start(const std::string& job, const Progress& progress) { jobs_[job] = &progress; }
    void finish(const std::string& job) { jobs_.erase(job); }
    /// The line for now, made for a terminal of so many columns; "" when nothing runs.
    std::string line(TimeNs now, size_t columns);

  private:
    std::map<std::string, const Progress*> jobs_;
    RateMeter rate_;
};

}  // namespace syncline::cli
