#include "cli/report_text.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cli/progress_text.hpp"
#include "reports.hpp"

using namespace syncline;
using namespace syncline::cli;

namespace {

const std::string hostile = "a\x1b[2J\n\r\xff\"$(x) \xc2\x9b";

}  // namespace

TEST_CASE("a run is summed up in one line") {
    RunReport report = report_of("thesis");
    report.done = {12, 0, 3, 0, 1204, 4'404'019};
    CHECK(summary_line(report, Style()) == "thesis: 12 put, 3 deleted, 1,204 unchanged, 4.2 MiB in 800 ms\n");
    report.done = {0, 0, 0, 0, 1204, 0};
    CHECK(summary_line(report, Style()) == "thesis: nothing to do (1,204 entries, 800 ms)\n");
    report.left_alone = "1 file differs: pull = missing leaves it (see --update, --overwrite)";
    CHECK(summary_line(report, Style()) ==
          "thesis: nothing to do; 1 file differs: pull = missing leaves it (see --update, --overwrite)\n");
    report.left_alone.clear();
    report.done = {1, 1, 0, 2, 1'234'567, 10};
    CHECK(summary_line(report, Style()) ==
          "thesis: 1 put, 1 directory, 2 modes, 1,234,567 unchanged, 10 B in 800 ms\n");
    CHECK(trouble_lines(report, Style()).empty());
}

TEST_CASE("each problem is named once, escaped") {
    RunReport report = report_of("thesis");
    report.outcome = Outcome::partial;
    report.problems = {
        {"secret", "Permission denied"}, {hostile, "changes while it is read"}, {"", "cannot be listed"}};
    CHECK(summary_line(report, Style()) == "thesis: 0 unchanged, 3 problems, 0 B in 800 ms\n");
    CHECK(trouble_lines(report, Style()) ==
          "thesis: secret: Permission denied\n"
          "thesis: a\\x1b[2J\\n\\r\\xff\"$(x) \\xc2\\x9b: changes while it is read\n"
          "thesis: .: cannot be listed\n");
}

TEST_CASE("a halt names its codes, what was seen and both ways out") {
    RunReport report = report_of("thesis");
    report.outcome = Outcome::halted;
    report.halts = {{Guard::root_emptied, "nothing is selected now", "bring it back, or --adopt"},
                    {Guard::max_delete, "9 of 9", ""}};
    CHECK(summary_line(report, Style()).empty());
    CHECK(trouble_lines(report, Style()) ==
          "thesis: halted, nothing was changed\n"
          "  root-emptied: nothing is selected now\n"
          "    way out: bring it back, or --adopt\n"
          "  max-delete: 9 of 9\n");
}

TEST_CASE("a run that was stopped says what is kept") {
    RunReport report = report_of("thesis");
    report.outcome = Outcome::cancelled;
    report.error = "stopped before its end; the next run goes on from here";
    CHECK(trouble_lines(report, Style()) ==
          "thesis: cancelled: stopped before its end; the next run goes on from here; what was done is verified and "
          "recorded\n");
}

TEST_CASE("a failed run says why, and what it had done") {
    RunReport report = report_of("thesis");
    report.outcome = Outcome::failed;
    report.error = "cannot write /mnt/thesis: No space left on device";
    CHECK(summary_line(report, Style()).empty());
    CHECK(trouble_lines(report, Style()) == "thesis: failed: cannot write /mnt/thesis: No space left on device\n");
    report.done.put = 2;
    CHECK(summary_line(report, Style()) == "thesis: broken off after 2 put, 0 B in 800 ms\n");
}

TEST_CASE("notes are told up to a number, and how many more there are") {
    RunReport report = report_of("thesis");
    for (int i = 0; i < 12; ++i) report.notes.push_back({"pipe" + std::to_string(i), "a FIFO is not copied"});
    std::string some = note_lines(report, Style(), 10);
    CHECK(contains(some, "thesis: pipe9: a FIFO is not copied\nthesis: 2 more notes"));
    CHECK_FALSE(contains(some, "pipe10"));
    CHECK(contains(note_lines(report, Style(), 12), "pipe11"));
    CHECK_FALSE(contains(note_lines(report, Style(), 12), "more notes"));
}

TEST_CASE("a plan lists its actions with their reasons") {
    RunReport report = report_of("thesis");
    report.planned = {2, 1, 1, 0, 7, 1536};
    report.actions = {{Op::mkdir, "d", 0, "not on the target"},
                      {Op::put, hostile, 1536, "content differs"},
                      {Op::remove, "old", 0, "gone from the source"},
                      {Op::conflict, "c", 0, "changed on both sides"}};
    CHECK(plan_text(report, Style()) ==
          "thesis: push /home/u/thesis -> /mnt/thesis\n"
          "  + mkdir    d  (not on the target)\n"
          "  + put      a\\x1b[2J\\n\\r\\xff\"$(x) \\xc2\\x9b  (content differs, 1.5 KiB)\n"
          "  - delete   old  (gone from the source)\n"
          "  ! conflict c  (changed on both sides)\n"
          "  2 to put, 1 directory to make, 1 to delete, 7 unchanged, 1.5 KiB\n");
    CHECK(contains(plan_text(report, Style(true)), "\x1b[31m-\x1b[0m delete"));
}

TEST_CASE("a plan without actions says so") {
    RunReport report = report_of("thesis");
    report.planned.unchanged = 1;
    CHECK(contains(plan_text(report, Style()), "nothing to do, 1 entry unchanged"));
}

TEST_CASE("progress tells files, bytes, rate and time left") {
    ProgressSample sample;
    sample.scanned = 1204;
    CHECK(progress_line("thesis", sample, 0, 80) == "thesis: scanning, 1,204 entries");
    sample.files_done = 12, sample.files_total = 3400, sample.bytes_done = 1 << 20, sample.bytes_total = 20 << 20;
    CHECK(progress_line("thesis", sample, 0, 80) == "thesis: 12/3,400 files, 1.0 MiB/20.0 MiB");
    CHECK(progress_line("thesis", sample, 4 << 20, 80) ==
          "thesis: 12/3,400 files, 1.0 MiB/20.0 MiB, 4.0 MiB/s, 5 s left");
    CHECK(contains(progress_line("thesis", sample, 1.5, 80), "long"));
    sample.bytes_done = sample.bytes_total;
    CHECK_FALSE(contains(progress_line("thesis", sample, 4 << 20, 80), "left"));
}

TEST_CASE("on a narrow terminal progress drops what counts least") {
    ProgressSample sample;
    sample.files_done = 12, sample.files_total = 3400, sample.bytes_done = 1 << 20, sample.bytes_total = 20 << 20;
    CHECK(progress_line("thesis", sample, 4 << 20, 50) == "thesis: 12/3,400 files, 1.0 MiB/20.0 MiB, 5 s left");
    CHECK(progress_line("thesis", sample, 4 << 20, 40) == "thesis: 12/3,400 files, 5 s left");
    CHECK(progress_line("thesis", sample, 4 << 20, 30) == "12/3,400 files, 5 s left");
    CHECK(progress_line("thesis", sample, 4 << 20, 20) == "12/3,400 files");
    sample = {};
    sample.scanned = 1204, sample.hashed = 1 << 20;
    CHECK(progress_line("thesis", sample, 0, 40) == "thesis: scanning, 1,204 entries");
    CHECK(progress_line("thesis", sample, 0, 24) == "scanning, 1,204 entries");
}

TEST_CASE("the rate is that of the last seconds and starts anew when a counter goes back") {
    constexpr TimeNs second = 1'000'000'000;
    RateMeter meter;
    CHECK(meter.bytes_per_second() == 0);
    for (TimeNs t = 0; t <= 20; ++t) meter.add(t * second, t < 10 ? 0 : static_cast<uint64_t>(t - 10) * 1000);
    CHECK(meter.bytes_per_second() == 1000);
    meter.add(21 * second, 5);
    CHECK(meter.bytes_per_second() == 0);
}

TEST_CASE("the line is about all running jobs, and there is none when nothing runs") {
    Progress a, b;
    a.files_total = 2, a.bytes_total = 100, b.files_total = 3, b.files_done = 1, b.bytes_total = 28;
    RunningJobs jobs;
    CHECK(jobs.line(0, 80).empty());
    jobs.start("\x1b", a);
    CHECK(jobs.line(0, 80).starts_with("\\x1b: 0/2 files"));
    jobs.start("b", b);
    CHECK(jobs.line(0, 80) == "2 jobs: 1/5 files, 0 B/128 B");
    jobs.finish("\x1b");
    jobs.finish("b");
    CHECK(jobs.line(0, 80).empty());
}
