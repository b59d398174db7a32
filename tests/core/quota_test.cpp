// Quotas as the tools of Linux print them, and as they might.
#include "core/quota.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

namespace syncline {
namespace {

const std::string header =
    "Disk quotas for user student (uid 12345): \n"
    "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n";

using State = QuotaReport::State;

int per_cent(const QuotaReport& report) {
    REQUIRE(report.state == State::known);
    return report.use.per_cent();
}

QuotaReport read(const std::string& rows, const std::string& file_system = "") {
    return read_quota(header + rows, file_system);
}

}  // namespace

TEST_CASE("quota's table is read in all its forms") {
    CHECK(per_cent(read("  /dev/sda1  850000  1000000 1100000            1234       0       0        \n")) == 85);
    CHECK(per_cent(read("  /dev/sda1  850000*  800000 1100000   6days    1234       0       0        \n")) == 106);
    CHECK(per_cent(read("  /dev/sda1  850000*  800000 1100000    none    1234       0       0        \n")) == 106);
    CHECK(per_cent(read("  /dev/sda1  500  1000 1100            1234*    1000    2000   23:59\n")) == 123);
    CHECK(per_cent(read("  /dev/sda1  850000  1000000 1100000       0    1234       0       0       0\n")) == 85);
    CHECK(per_cent(read("  /dev/sda1  850000*  800000 1000000 1732000000 1234  0  0       0\n")) == 106);
    CHECK(per_cent(read("  /dev/sda1  850  0 1000            1234       0       0        \n")) == 85);
    CHECK(per_cent(read("  /dev/sda1  830M  1000M 1100M            1234       0       0        \n")) == 83);
    CHECK(per_cent(read("/dev/mapper/a-long-name\n              850  1000 1100            12       0       0\n")) ==
          85);
    CHECK(read_quota("Disk quotas for user student (uid 12345): none\n", "").state == State::none);
    CHECK(read("  /dev/sda1  850000  0 0            1234       0       0        \n").state == State::none);
    CHECK(read("").state == State::none);
}

TEST_CASE("of several file systems the one of the directories counts, else the fullest") {
    const std::string rows =
        "  /dev/sda1  10  100 100            1       0       0\n"
        "  nfs.example.edu:/home  70  100 100            1       0       0\n";
    CHECK(per_cent(read(rows, "/dev/sda1")) == 10);
    CHECK(read(rows, "/dev/sda1").note.empty());
    CHECK(per_cent(read(rows, "/dev/sdb1")) == 70);
    CHECK_FALSE(read(rows, "/dev/sdb1").note.empty());
    CHECK(describe(read(rows, "/dev/sda1")) == "10 % of /dev/sda1");
    // No limit there is no limit, however full others are.
    CHECK(read("  /dev/sda1  10  0 0  1 0 0\n  /dev/sdb1  99 100 100 1 0 0\n", "/dev/sda1").state == State::none);
}

TEST_CASE("what is not understood is unknown, never empty or full") {
    for (const std::string& text :
         {std::string(), std::string("\n"), std::string("quota: Cannot open quotafile /aquota.user\n"),
          std::string("sh: quota: not found\n"), header + "  /dev/sda1 lots and lots of bytes 1 2\n",
          header + "  /dev/sda1 10 100\n", header + "  /dev/sda1\n", header + "  /dev/sda1 -10 100 100 1 0 0\n",
          header + "  /dev/sda1 99999999999999999999999 100 100 1 0 0\n",
          header + "  /dev/sda1 10 100 100 1 0 0\n  /dev/sdb1 what\n"}) {
        CAPTURE(text);
        QuotaReport report = read_quota(text, "");
        CHECK(report.state == State::unknown);
        CHECK(describe(report).starts_with("unknown"));
    }
    CHECK(read_quota("\x1b[31mred\n", "").note.find('\x1b') == std::string::npos);
}

TEST_CASE("df and commands are read") {
    const std::string df = "Filesystem     1024-blocks      Used Available Capacity Mounted on\n";
    CHECK(per_cent(read_df(df + "/dev/sda1  100000 60000 20000 75% /home\n")) == 75);
    CHECK(per_cent(read_df(df + "//server/a share  100000 60000 20000 75% /home\n")) == 75);
    for (const char* row : {"", "-", "/dev/sda1 - - - - /home\n", "/dev/sda1 0 0 0 0% /home\n"})
        CHECK(read_df(df + row).state == State::unknown);
    CHECK(read_df("").state == State::unknown);
    CHECK(per_cent(read_quota_command("91%\n", "")) == 91);
    CHECK(per_cent(read_quota_command("910 1000\n", "")) == 91);
    CHECK(per_cent(read_quota_command(header + "  /dev/sda1 10 100 100 1 0 0\n", "")) == 10);
    for (const char* text : {"", "91\n", "many\n", "91% full\n", "10 0\n", "-1%\n"})
        CHECK(read_quota_command(text, "").state == State::unknown);
}

TEST_CASE("a threshold is reached exactly") {
    QuotaUse use{"", 799, 1000};
    CHECK_FALSE(use.reaches(80));
    use.used = 800;
    CHECK(use.reaches(80));
    use = {"", UINT64_MAX, UINT64_MAX};
    CHECK(use.reaches(100));
    CHECK_FALSE(use.reaches(101));
    CHECK(use.per_cent() == 100);
    use.used = UINT64_MAX - 1;
    CHECK_FALSE(use.reaches(100));
}

TEST_CASE("no text makes the readers fail") {
    std::mt19937 dice(7);
    const std::string pieces[] = {"Filesystem", " ",
                                  "\n",         "blocks",
                                  "none",       "12",
                                  "12*",        "9M",
                                  "6days",      "%",
                                  "/dev/a",     "Disk quotas for ",
                                  ":",          "99999999999999999999",
                                  "-",          "\xff",
                                  "0"};
    for (int round = 0; round < 20'000; ++round) {
        std::string text = round % 2 == 0 ? header : "";
        for (int i = 0; i < 20; ++i) text += pieces[dice() % std::size(pieces)];
        for (const QuotaReport& report : {read_quota(text, "/dev/a"), read_df(text), read_quota_command(text, "")}) {
            if (report.state == State::known) CHECK(report.use.limit > 0);
        }
    }
}

}  // namespace syncline
