#include "config/overlap.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <filesystem>
#include <limits>

#include "base/text.hpp"
#include "config/paths.hpp"
#include "config/text_digest.hpp"

namespace syncline {
namespace {

constexpr size_t nobody = std::numeric_limits<size_t>::max();

/// A directory somewhere: `server` is "" for this machine, else what tells one server, account or bucket from another.
struct Place {
    std::string server;
    std::string path;

    bool overlaps(const Place& other) const {
        return server == other.server && (is_beneath(path, other.path) || is_beneath(other.path, path));
    }
};

struct Flow {
    const Job* job;
    Place source, target;
};

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string normal(const std::string& path) {
    std::string plain = std::filesystem::path(path).lexically_normal().string();
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    return plain;
}

/// A server's paths are compared as written, below "/~" where they are relative to the account's home.
std::string server_path(const std::string& path) {
    if (path.starts_with('/')) return normal(path);
    if (path == "~" || path.starts_with("~/")) return normal("/" + path);
    return normal("/~/" + path);
}

/// The default layout (NAME-PROJECT-CLIENT) but for CLIENT, which is the same for all jobs of this machine.
std::string layout_name(const std::string& root) {
    return std::filesystem::path(root).filename().string() + "-" + text_digest(root).substr(0, 8);
}

Place ssh_place(const Job& job, const JobFile& file) {
    auto table = file.hosts.find(job.remote.name);
    Host host = table == file.hosts.end() ? Host{} : table->second;
    std::string hostname = host.hostname.empty() ? job.remote.name : host.hostname;
    if (size_t at = hostname.rfind('@'); at != std::string::npos) {
        host.user = hostname.substr(0, at);
        hostname.erase(0, at + 1);
    }
    std::string server =
        "ssh " + host.user + "@" + lower(hostname) + ":" + std::to_string(host.port == 0 ? 22 : host.port);
    std::string path = job.remote.path.empty() ? host.remote_root + "/" + layout_name(job.root) : job.remote.path;
    return {server, server_path(path)};
}

Place remote_place(const Job& job, const JobFile& file, const ParseEnvironment& environment) {
    if (job.remote.type == Destination::Type::local) return {"", environment.resolve(job.remote.path)};
    if (job.remote.type == Destination::Type::ssh) return ssh_place(job, file);
    const Bucket& bucket = file.buckets.at(job.remote.name);
    return {"bucket " + bucket.provider + " " + bucket.endpoint + " " + bucket.bucket, normal("/" + job.remote.path)};
}

Flow flow_of(const Job& job, const JobFile& file, const ParseEnvironment& environment) {
    Place root{"", environment.resolve(job.root)};
    Place remote = remote_place(job, file, environment);
    if (job.policy.direction == Direction::push) return {&job, std::move(root), std::move(remote)};
    return {&job, std::move(remote), std::move(root)};
}

/// Where the job says what it writes to.
Position target_position(const Job& job) {
    auto found = job.written.find(job.policy.direction == Direction::push ? "remote" : "root");
    return found == job.written.end() ? Position{job.line, 1} : found->second;
}

std::string shown(const Place& place, const Job& job) {
    return place.server.empty() ? escape(place.path) : escape(job.remote_text);
}

void check_targets(const std::vector<Flow>& flows, Diagnostics& errors) {
    for (size_t later = 0; later < flows.size(); ++later) {
        for (size_t earlier = 0; earlier < later; ++earlier) {
            const Flow &a = flows[earlier], &b = flows[later];
            if (!a.target.overlaps(b.target)) continue;
            errors.add(target_position(*b.job),
                       "[jobs." + b.job->name + "] writes to " + shown(b.target, *b.job) + ", which overlaps " +
                           shown(a.target, *a.job) + ", the target of [jobs." + a.job->name + "] (line " +
                           std::to_string(a.job->line) + "): each would undo the other's work");
            break;
        }
    }
}

/// Who reads from where a job writes: an edge from each job to those that it feeds.
using Feeds = std::vector<std::vector<size_t>>;

Feeds find_feeds(const std::vector<Flow>& flows) {
    Feeds feeds(flows.size());
    for (size_t from = 0; from < flows.size(); ++from) {
        for (size_t to = 0; to < flows.size(); ++to) {
            if (from != to && flows[from].target.overlaps(flows[to].source)) feeds[from].push_back(to);
        }
    }
    return feeds;
}

/// The shortest way from `start` back to itself, `start` first; empty when there is none.
std::vector<size_t> find_circle(const Feeds& feeds, size_t start) {
    std::vector<size_t> previous(feeds.size(), nobody);
    std::deque<size_t> queue{start};
    while (!queue.empty()) {
        size_t at = queue.front();
        queue.pop_front();
        for (size_t next : feeds[at]) {
            if (next == start) {
                std::vector<size_t> circle{at};
                while (circle.back() != start) circle.push_back(previous[circle.back()]);
                std::reverse(circle.begin(), circle.end());
                return circle;
            }
            if (previous[next] == nobody) {
                previous[next] = at;
                queue.push_back(next);
            }
        }
    }
    return {};
}

/// Jobs that are in no circle because nothing feeds them, or only such jobs do: the rest is few, or the file is wrong.
std::vector<bool> jobs_fed_by_circles(const Feeds& feeds) {
    std::vector<size_t> feeders(feeds.size(), 0);
    for (const auto& fed : feeds) {
        for (size_t to : fed) ++feeders[to];
    }
    std::vector<size_t> unfed;
    for (size_t job = 0; job < feeds.size(); ++job) {
        if (feeders[job] == 0) unfed.push_back(job);
    }
    std::vector<bool> suspect(feeds.size(), true);
    while (!unfed.empty()) {
        size_t job = unfed.back();
        unfed.pop_back();
        suspect[job] = false;
        for (size_t to : feeds[job]) {
            if (--feeders[to] == 0) unfed.push_back(to);
        }
    }
    return suspect;
}

void check_circles(const std::vector<Flow>& flows, const Feeds& feeds, Diagnostics& errors) {
    constexpr int most_circles = 20;  // one is reason enough to refuse the file
    std::vector<bool> suspect = jobs_fed_by_circles(feeds);
    int circles = 0;
    for (size_t job = 0; job < flows.size() && circles < most_circles; ++job) {
        if (!suspect[job]) continue;
        std::vector<size_t> circle = find_circle(feeds, job);
        if (circle.empty()) continue;
        ++circles;
        std::string names;
        Position last = target_position(*flows[job].job);
        for (size_t member : circle) {
            names += "[jobs." + flows[member].job->name + "] -> ";
            last = std::max(last, target_position(*flows[member].job));
            suspect[member] = false;
        }
        errors.add(last, "jobs feed each other in a circle: " + names + "[jobs." + flows[job].job->name +
                             "]; each reads what the one before it writes");
    }
}

}  // namespace

void check_overlaps(JobFile& file, const ParseEnvironment& environment, Diagnostics& errors) {
    std::vector<Flow> flows;
    for (const Job& job : file.jobs) flows.push_back(flow_of(job, file, environment));
    check_targets(flows, errors);
    Feeds feeds = find_feeds(flows);
    check_circles(flows, feeds, errors);
    for (size_t from = 0; from < feeds.size(); ++from) {
        for (size_t to : feeds[from]) file.jobs[to].fed_by.push_back(file.jobs[from].name);
    }
}

}  // namespace syncline
