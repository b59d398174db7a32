#include "status/routes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "jobs.hpp"
#include "status/metrics.hpp"

using namespace syncline;
using namespace syncline::status;

namespace {

Job busy_job(std::string name) {
    Job job = job_of(std::move(name));
    job.state = JobState::transferring;
    job.last_attempt = run_of("failed", start + 10 * second);
    job.last_success = run_of("success");
    job.next_run_at = start + 60 * second;
    job.max_staleness = std::chrono::minutes(1);
    job.problem_count = 2;
    job.totals.runs = {5, 0, 0, 1, 0};
    job.totals.put = 9;
    return job;
}

std::string metrics(std::vector<Job> jobs, TimeNs now = start) {
    return metrics_text(snapshot_of(std::move(jobs)), now);
}

bool has_line(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics say what a job did and how it is") {
    std::string text = metrics({busy_job("thesis"), job_of("new")}, start + 70 * second);
    CHECK(has_line(text, "syncline_start_time_seconds 1700000000.000"));
    CHECK(has_line(text, "syncline_build_info{version=\"0.1.0\"} 1"));
    CHECK(has_line(text, "syncline_job_state{job=\"thesis\",state=\"transferring\"} 1"));
    CHECK(has_line(text, "syncline_job_state{job=\"thesis\",state=\"idle\"} 0"));
    CHECK(has_line(text, "syncline_job_runs_total{job=\"thesis\",outcome=\"failed\"} 1"));
    CHECK(has_line(text, "syncline_job_last_success_timestamp_seconds{job=\"thesis\"} 1700000002.500"));
    CHECK(has_line(text, "syncline_job_last_run_duration_seconds{job=\"thesis\"} 2.500"));
    CHECK(has_line(text, "syncline_job_files_total{job=\"thesis\"} 9"));
    CHECK(has_line(text, "syncline_job_problems{job=\"thesis\"} 2"));
    CHECK(has_line(text, "syncline_job_stale{job=\"thesis\"} 1"));
    CHECK(has_line(text, "syncline_job_stale{job=\"new\"} 0"));
    CHECK(text.find("last_success_timestamp_seconds{job=\"new\"}") == std::string::npos);
}

/// The rules of the text format that a scraper holds us to.
TEST_CASE("metrics are well formed, whatever a job is called") {
    std::istringstream lines(metrics({busy_job("a\"b\\c\nd\xff é"), job_of("x")}));
    std::regex sample(
        R"re(([a-z_]+)(\{[a-z]+="([^"\\]|\\["\\n])*"(,[a-z]+="([^"\\]|\\["\\n])*")*\})? -?[0-9]+(\.[0-9]+)?)re");
    std::regex comment("# (HELP|TYPE) ([a-z_]+) .+");
    std::set<std::string> families, samples;
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        std::smatch found;
        if (std::regex_match(line, found, comment)) {
            if (found[1] == "HELP") CHECK(families.insert(found[2]).second);
            family = found[2];
            continue;
        }
        REQUIRE(std::regex_match(line, found, sample));
        CHECK(found[1] == family);
        CHECK(samples.insert(line.substr(0, line.rfind(' '))).second);
    }
    CHECK(families.size() > 20);
}

TEST_CASE("routes answer whom they are meant for, and by exact paths") {
    Publication publication;
    publication.publish(snapshot_of({job_of("thesis")}));
    Routes routes(publication);
    auto status_of = [&](std::string_view method, std::string_view path,
                         std::vector<std::string> hosts = {"localhost:1"}, std::vector<std::string> origins = {}) {
        return routes.answer({method, path, std::move(hosts), std::move(origins)}, start).status;
    };
    for (const char* path : {"/", "/page.css", "/page.js", "/icon.svg", "/status.json", "/jobs/thesis.json", "/events",
                             "/metrics", "/healthz"}) {
        INFO(path);
        CHECK(status_of("GET", path) == 200);
        CHECK(status_of("HEAD", path) == 200);
        CHECK(status_of("POST", path) == 405);
        CHECK(status_of("GET", path, {}) == 403);
        CHECK(status_of("GET", path, {"localhost", "localhost"}) == 403);
        CHECK(status_of("GET", path, {"localhost"}, {"http://localhost", "http://evil"}) == 403);
        CHECK(status_of("GET", std::string(path) + "x") == 404);
    }
    CHECK(status_of("GET", "/jobs/other.json") == 404);
    CHECK(status_of("GET", "/jobs/.json") == 404);
    CHECK(status_of("GET", "") == 404);
}

TEST_CASE("the document is made once for each snapshot") {
    Publication publication;
    publication.publish(snapshot_of({job_of("thesis")}));
    Routes routes(publication);
    auto first = routes.status_text(*publication.latest());
    CHECK(routes.status_text(*publication.latest()) == first);
    publication.publish(snapshot_of({}));
    CHECK(routes.status_text(*publication.latest()) != first);
}
