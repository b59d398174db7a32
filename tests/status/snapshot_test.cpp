#include "status/snapshot.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "jobs.hpp"
#include "status/publication.hpp"

using namespace syncline;
using namespace syncline::status;

TEST_CASE("the status of a job that never ran") {
    CHECK(
        status_json(snapshot_of({job_of("thesis")})) ==
        R"({"version":1,"pid":42,"started_at":"2023-11-14T22:13:20.000Z","job_file":"/home/u/jobs.toml",)"
        R"("job_file_sha256":"ab","job_file_error":null,"jobs":[{"name":"thesis","state":"idle","direction":"push","root":"/home/u/src",)"
        R"("remote":"cse:","generation":0,"next_run_at":null,"last_attempt":null,"last_success":null,)"
        R"("watch":{"active":false,"pending":0,"overflowed":false},)"
        R"("progress":{"files_done":0,"files_total":0,"bytes_done":0,"bytes_total":0},"problems":[],"halt":null}]})");
}

TEST_CASE("the last clean of each host is told where there was one") {
    Snapshot snapshot = snapshot_of({});
    snapshot.cleans = {{"cse", "student", start, 3, 5, 4096, "85 % of /dev/sda1", "60 % of /dev/sda1", ""},
                       {"lab", "me", start, 1, 0, 0, "unknown", "", "lost"}};
    auto cleans = nlohmann::json::parse(status_json(snapshot))["cleans"];
    REQUIRE(cleans.size() == 2);
    CHECK(cleans[0] == nlohmann::json::parse(
                           R"({"host":"cse","user":"student","at":"2023-11-14T22:13:20.000Z","removed":3,"kept":5,)"
                           R"("bytes_freed":4096,"quota_before":"85 % of /dev/sda1",)"
                           R"("quota_after":"60 % of /dev/sda1","error":null})"));
    CHECK(cleans[1]["error"] == "lost");
}

TEST_CASE("the status of a job that was halted after a success") {
    Job job = job_of("thesis");
    job.state = JobState::halted;
    job.generation = 2;
    job.next_run_at = start + 60 * second;
    job.last_attempt = run_of("halted", start + 10 * second);
    job.last_success = run_of("success");
    job.halt = Halt{{"root-emptied", "max-delete"}, "seen", "do this"};
    job.watch = {true, 3, true, "the queue was full"};
    job.problems = {{"a\nb", "gone"}};
    auto shown = nlohmann::json::parse(status_json(snapshot_of({job})))["jobs"][0];
    CHECK(shown["state"] == "halted");
    CHECK(shown["next_run_at"] == "2023-11-14T22:14:20.000Z");
    CHECK(shown["halt"].dump() ==
          R"({"code":"root-emptied","codes":["root-emptied","max-delete"],"detail":"seen","resolve":"do this"})");
    CHECK(shown["last_success"].size() == 8);
    CHECK(shown["last_success"]["duration_ms"] == 2500);
    CHECK(shown["last_attempt"]["outcome"] == "halted");
    CHECK(shown["watch"].dump() == R"({"active":true,"overflowed":true,"pending":3})");
    CHECK(shown["problems"].dump() == R"([{"path":"","why":"the queue was full"},{"path":"a\nb","why":"gone"}])");
}

TEST_CASE("names that are not UTF-8 or hold control bytes come out as ASCII JSON") {
    Job job = job_of("\xff\x1b<b>é");
    job.problems = {{"\x80.txt", "why \xe9"}};
    std::string text = status_json(snapshot_of({job}));
    for (char byte : text) CHECK((byte >= ' ' && byte < 0x7f));
    auto shown = nlohmann::json::parse(text)["jobs"][0];
    CHECK(shown["name"] == "\xef\xbf\xbd\x1b<b>é");
    CHECK(shown["problems"][0]["path"] == "\xef\xbf\xbd.txt");
}

TEST_CASE("a job is stale when its last success is too old, or is missing for too long") {
    Job job = job_of("thesis");
    CHECK_FALSE(is_stale(job, start + 100'000 * second));
    job.max_staleness = std::chrono::minutes(1);
    CHECK_FALSE(is_stale(job, start + 60 * second));
    CHECK(is_stale(job, start + 61 * second));
    job.last_success = run_of("success", start + 100 * second);
    CHECK_FALSE(is_stale(job, start + 162 * second));
    CHECK(is_stale(job, start + 163 * second));
}

TEST_CASE("one job's document has its history, newest first, and whether it is stale") {
    Job job = job_of("thesis");
    job.max_staleness = std::chrono::minutes(1);
    Run failed = run_of("failed", start + 20 * second);
    failed.detail = "the disk is full";
    failed.problems = 1;
    job.history = std::make_shared<const History>(History{failed, run_of("success")});
    auto shown = nlohmann::json::parse(job_json(job, start + 61 * second));
    CHECK(shown["stale"] == true);
    CHECK(shown["max_staleness_ms"] == 60'000);
    CHECK(shown["history"].size() == 2);
    CHECK(shown["history"][0]["detail"] == "the disk is full");
    CHECK(shown["history"][0]["problems"] == 1);
    CHECK(shown["history"][1]["detail"] == nullptr);
}

TEST_CASE("readers wait for a newer snapshot than theirs, until the publication ends") {
    Publication publication;
    CHECK(publication.latest()->sequence == 0);
    CHECK(publication.wait_for_newer(0, std::chrono::milliseconds(1)) == nullptr);
    publication.publish(snapshot_of({job_of("thesis")}));
    auto first = publication.wait_for_newer(0, std::chrono::milliseconds(1));
    REQUIRE(first);
    CHECK(first->sequence == 1);
    CHECK(first->find("thesis"));
    CHECK_FALSE(first->find("other"));
    std::thread publisher([&] { publication.publish(snapshot_of({})); });
    auto second_one = publication.wait_for_newer(1, std::chrono::hours(1));
    publisher.join();
    REQUIRE(second_one);
    CHECK(second_one->jobs.empty());
    CHECK(first->find("thesis"));
    std::thread ender([&] { publication.end(); });
    CHECK(publication.wait_for_newer(2, std::chrono::hours(1)) == nullptr);
    ender.join();
}
