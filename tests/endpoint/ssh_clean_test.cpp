// What must never be removed, and what is read of the scripts of a clean.
#include <catch2/catch_test_macros.hpp>

#include "endpoint/ssh_clean_scripts.hpp"

namespace syncline {
namespace {

constexpr const char* project = "thesis-12345678-0badf00d";

std::string fields(std::initializer_list<const char*> all) {
    std::string text;
    for (const char* field : all) text.append(field).push_back('\0');
    return text;
}

}  // namespace

TEST_CASE("the lowest layer refuses everything that is no project of its own") {
    CHECK(why_never_removed("/home/me/projects", "/home/me", project).empty());
    CHECK(why_never_removed("/", "/home/me", project).empty());
    CHECK(why_never_removed("/home/me", "/home/me", project).empty());
    for (const char* wrong : {"", ".", "..", "/", "projects", "../thesis-12345678-0badf00d",
                              "a/thesis-12345678-0badf00d", "thesis-12345678-0badf00d/.."}) {
        CAPTURE(wrong);
        CHECK_FALSE(why_never_removed("/home/me/projects", "/home/me", wrong).empty());
    }
    // A home directory that is called like a project, or lies in one.
    const std::string home = std::string("/home/") + project;
    CHECK_FALSE(why_never_removed("/home", home, project).empty());
    CHECK_FALSE(why_never_removed("/home", home + "/me", project).empty());
    CHECK_FALSE(why_never_removed("/", std::string("/") + project, project).empty());
    // A place that is not known.
    CHECK_FALSE(why_never_removed("", "/home/me", project).empty());
    CHECK_FALSE(why_never_removed("projects", "/home/me", project).empty());
    CHECK_FALSE(why_never_removed("/home/me/projects", "", project).empty());
}

TEST_CASE("a survey is read whole or not at all") {
    const std::string entry = std::string("d 2049 77 1700000000.5 ") + project;
    const std::string linked = "l 2049 78 1700000000 link-12345678-0badf00d";
    const std::string aside = "d 2049 79 1700000000 .syncline-removed-0123456789abcdef0123456789abcdef";
    const std::string strange = "d what 80 then odd-12345678-0badf00d";
    std::string text = fields({"home",   "/home/me\nx",
                               "root",   "/home/me/p\nx",
                               "now",    "1700000100",
                               "df",     "",
                               "quota",  "Disk quotas for user me (uid 1): none",
                               "mounts", "proc /proc proc\n/dev/x /home/me/p/thesis-12345678-0badf00d/mnt ext4",
                               "busy",   "/home/me\n/home/me/p/odd-12345678-0badf00d",
                               "e",      entry.c_str(),
                               "e",      linked.c_str(),
                               "e",      aside.c_str(),
                               "e",      strange.c_str(),
                               "end",    "0"});
    std::optional<CleanSurvey> survey = read_survey(text, {});
    REQUIRE(survey);
    CHECK(survey->root == "/home/me/p");
    CHECK(survey->now == TimeNs{1'700'000'100} * 1'000'000'000);
    CHECK(survey->quota.state == QuotaReport::State::none);
    CHECK(survey->leftovers.size() == 1);
    REQUIRE(survey->found.size() == 3);
    CHECK(survey->found[0].is_directory);
    CHECK(survey->found[0].inode == 77);
    CHECK(survey->found[0].holds_mount);
    CHECK_FALSE(survey->found[1].is_directory);
    // What is of unknown age is never old.
    CHECK(survey->found[2].cannot_be_read);
    CHECK(survey->found[2].newest == INT64_MAX);
    CHECK(survey->found[2].is_busy);
    for (size_t size = 0; size < text.size(); ++size) {
        if (read_survey(text.substr(0, size), {})) FAIL("read a part of " << size << " bytes");
    }
}

TEST_CASE("ages are handed on in minutes, rounded up") {
    std::vector<CleanItem> items{{project, 1, 2, std::chrono::seconds(61)}, {project, 1, 2, Duration{0}}};
    CHECK(look_input(items) == fields({"1:2", "2", project, "1:2", "0", project}));
}

}  // namespace syncline
