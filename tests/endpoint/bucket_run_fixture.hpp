// A job to or from a bucket of the tests' own, whose server does wrong when it is told to.
#pragma once

#include <atomic>
#include <catch2/catch_test_macros.hpp>

#include "engine/run_fixture.hpp"
#include "memory_store.hpp"
#include "s3/bucket_store.hpp"

namespace syncline::test {

using s3::error_reply;
using s3::key_of;
using s3::Reply;
using s3::SeenRequest;
using MaybeReply = std::optional<Reply>;

class BucketRunFixture : public RunFixture {
  public:
    BucketRunFixture() {
        settings = bucket.server().settings();
        settings.patience.attempts = 3;
        job.remote = {Destination::Type::bucket, "test", "p"};
    }

    void pull() {
        job.policy.direction = Direction::pull;
        job.policy.pull = PullPolicy::update;
    }

    RunReport run(RunOptions run_options = {}) {
        RunReport report;
        Progress progress;
        TestLoop loop;
        Buckets buckets(loop.context.get_executor());
        buckets.set_tables({{"test", settings}});
        auto& factory = static_cast<Endpoints&>(endpoints());
        factory.set_buckets(&buckets);
        RunContext context{store(), factory, state_directory()};
        context.max_entries = max_entries;
        loop.start(keep_report(report, run_job(job, std::move(run_options), context, progress)));
        loop.finish();
        factory.set_buckets(nullptr);
        return report;
    }

    /// The next run, without the fault, ends well with both sides equal.
    void check_healed() {
        bucket.set_fault({});
        RunReport report = run();
        INFO(report.error);
        for (const Problem& problem : report.problems) UNSCOPED_INFO(problem.path << ": " << problem.why);
        CHECK(report.outcome == Outcome::success);
        check_equal();
    }

    void check_equal() {
        std::map<std::string, std::string> local;
        for (const auto& [path, content] : snapshot("root")) local["p/" + path] = content;
        CHECK((bucket.contents() == local));
    }

    s3::MemoryStore bucket;
    s3::S3Settings settings;
    uint64_t max_entries = default_max_entries;

  private:
    static Task<void> keep_report(RunReport& report, Task<RunReport> run) { report = co_await std::move(run); }
};

inline std::string words(const RunReport& report) {
    std::string text = report.error;
    for (const Problem& problem : report.problems) text += "\n" + problem.path + ": " + problem.why;
    for (const Halt& halt : report.halts) text += "\n" + halt.detail;
    return text;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline std::string page(const std::string& keys, const std::string& token) {
    return "<ListBucketResult><IsTruncated>true</IsTruncated>" + keys +
           (token.empty() ? "" : "<NextContinuationToken>" + token + "</NextContinuationToken>") +
           "</ListBucketResult>";
}

inline std::string listed(const std::string& key) {
    return "<Contents><Key>" + key + "</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>";
}

}  // namespace syncline::test
