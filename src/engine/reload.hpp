// Reload: what an edit of the job file means for the jobs. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/job.hpp"

namespace syncline {

/// Names, in the order of the file. What is in no list is unchanged, whatever line it stands on now.
struct JobChanges {
    std::vector<std::string> added;
    std::vector<std::string> edited;  ///< from the next run on
    std::vector<std::string> moved;   ///< another root, destination or direction: what runs is about the wrong place
    std::vector<std::string> removed;

    bool empty() const { return added.empty() && edited.empty() && moved.empty() && removed.empty(); }
};

JobChanges compare_jobs(const std::vector<Job>& before, const std::vector<Job>& after);

/// "added photos; edited thesis; removed old" for people; "no job changed".
std::string describe(const JobChanges& changes);

}  // namespace syncline
