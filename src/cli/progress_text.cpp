#include "cli/progress_text.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "cli/console.hpp"
#include "cli/report_text.hpp"

namespace syncline::cli {
namespace {

constexpr TimeNs window = 5 * ns_per_second;

std::string time_left(uint64_t bytes_left, double bytes_per_second) {
    double seconds = static_cast<double>(bytes_left) / bytes_per_second;
    if (seconds > 99 * 3600.0) return "long";
    auto whole = static_cast<int64_t>(seconds) + 1;
    if (whole < 60) return std::to_string(whole) + " s left";
    return format_duration(std::chrono::seconds(whole)) + " left";
}

/// The first of `lines` that fits, or else the last.
std::string richest_that_fits(const std::vector<std::string>& lines, size_t columns) {
    auto fits = [&](const std::string& line) { return display_width(line) <= columns; };
    auto first = std::ranges::find_if(lines, fits);
    return first == lines.end() ? lines.back() : *first;
}

void add(ProgressSample& sum, const Progress& job) {
    auto value = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
    sum.scanned += value(job.entries_scanned);
    sum.hashed += value(job.bytes_hashed);
    sum.files_done += value(job.files_done);
    sum.files_total += value(job.files_total);
    sum.bytes_done += value(job.bytes_done);
    sum.bytes_total += value(job.bytes_total);
}

}  // namespace

void RateMeter::add(TimeNs now, uint64_t bytes_done) {
    if (!points_.empty() && (bytes_done < points_.back().bytes || now < points_.back().time)) points_.clear();
    points_.push_back({now, bytes_done});
    while (points_.size() > 2 && now - points_.front().time > window) points_.pop_front();
}

double RateMeter::bytes_per_second() const {
    if (points_.size() < 2) return 0;
    TimeNs span = points_.back().time - points_.front().time;
    if (span < ns_per_second / 2) return 0;
    return static_cast<double>(points_.back().bytes - points_.front().bytes) * ns_per_second /
           static_cast<double>(span);
}

std::string progress_line(const std::string& who, const ProgressSample& sample, double bytes_per_second,
                          size_t columns) {
    std::string name = who + ": ";
    if (sample.files_total == 0 && sample.bytes_total == 0) {
        std::string scanned = "scanning, " + grouped(sample.scanned) + " entries";
        std::string read = sample.hashed == 0 ? "" : ", " + format_byte_count(sample.hashed) + " read";
        return richest_that_fits({name + scanned + read, name + scanned, scanned}, columns);
    }
    std::string files = grouped(sample.files_done) + "/" + grouped(sample.files_total) + " files";
    std::string bytes = ", " + format_byte_count(sample.bytes_done) + "/" + format_byte_count(sample.bytes_total);
    std::string rate, left;
    if (bytes_per_second >= 1) {
        rate = ", " + format_byte_count(static_cast<uint64_t>(bytes_per_second)) + "/s";
        if (sample.bytes_total > sample.bytes_done)
            left = ", " + time_left(sample.bytes_total - sample.bytes_done, bytes_per_second);
    }
    return richest_that_fits(
        {name + files + bytes + rate + left, name + files + bytes + left, name + files + left, files + left, files},
        columns);
}

std::string RunningJobs::line(TimeNs now, size_t columns) {
    if (jobs_.empty()) return {};
    ProgressSample sum;
    for (const auto& [name, progress] : jobs_) add(sum, *progress);
    // What a run before brought over is there from the first moment on, and says nothing of how fast this one is.
    if (sum.bytes_total > 0) rate_.add(now, sum.bytes_done);
    std::string who = jobs_.size() == 1 ? escape(jobs_.begin()->first) : count_of(jobs_.size(), "job");
    return progress_line(who, sum, rate_.bytes_per_second(), columns);
}

}  // namespace syncline::cli
