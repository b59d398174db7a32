// The scripts that list and read, in real shells.
#include "ssh_scripts_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

void check_listing(const Shell& shell) {
    Scripts scripts(shell);
    fill(scripts.tree);
    Listing listing = scripts.list();
    CHECK(paths(listing) == "-dash|b|b/" + strange_name() + "|b/file|empty|link|pipe|");
    CHECK(listing.incomplete.empty());
    CHECK(listing.tree.link(listing.tree[listing.tree.find("link")]) == "b/file\n");
    CHECK(listing.tree[listing.tree.find("pipe")].kind == Kind::special);
    Stamp stamp = scripts.tree.stamp("root/b/file");
    Stamp seen = listing.tree[listing.tree.find("b/file")].stamp;
    CHECK(seen.size == stamp.size);
    CHECK(seen.inode == stamp.inode);
    CHECK(seen.mtime / 1'000'000'000 == stamp.mtime / 1'000'000'000);
    CHECK(std::abs(listing.started_at - wall_clock_now()) < 100'000'000'000);
}

void check_digests(const Shell& shell) {
    Scripts scripts(shell);
    fill(scripts.tree);
    ServerTools tools = scripts.inspect().tools;
    REQUIRE(tools.can_hash());
    Listing listing = scripts.list();
    std::string input;
    for (const std::string& path :
         {"-dash"s, "b/file"s, "b/" + strange_name(), "gone"s, "link"s, "pipe"s, "b/../-dash"s})
        input += read_record(input.size(), 0, path);
    ShellResult result = scripts.run(digest_script(scripts.tree.path("root"), tools, "MARK"), input);
    auto answers = read_answers(result.output, "MARK");
    INFO(result.output + result.errors);
    REQUIRE(answers);
    REQUIRE(answers->size() == 7);
    std::map<size_t, ReadAnswer> by_number;
    for (const ReadAnswer& answer : *answers) by_number[answer.number] = answer;
    std::vector<ReadAnswer> found;
    for (const auto& [number, answer] : by_number) found.push_back(answer);
    CHECK(found[1].digest.hex() == "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73");
    CHECK(found[1].stamp.inode == scripts.tree.stamp("root/b/file").inode);
    CHECK(found[2].digest.hex() == "41b3ab146fd067194352ee20901347a73366adfdf94122d428c3260a1b689ee2");
    CHECK(found[3].state == ReadAnswer::State::gone);
    for (size_t i : {4, 5, 6}) CHECK(found[i].state == ReadAnswer::State::replaced);
    CHECK_FALSE(read_answers(result.output.substr(0, result.output.size() - 8), "MARK"));
}

/// The paths of the input, read in both ways: a file may be given that is the listed inode, below directories alone.
void check_reading_stays_inside(const Shell& shell) {
    Scripts scripts(shell);
    TempTree& tree = scripts.tree;
    tree.write("outside/file", "secret");
    tree.write("root/d/file", "inside");
    ServerTools tools = scripts.inspect().tools;
    Stamp listed = tree.stamp("root/d/file");
    std::string input = read_record(0, listed.inode, "d/file");
    auto read_both = [&](const std::string& content, ReadAnswer::State state) {
        ShellResult tar = scripts.run(give_tar_script(tree.path("root")), input);
        CHECK((tar.output.find(content) != std::string::npos) == (state == ReadAnswer::State::read));
        CHECK(tar.output.find("secret") == std::string::npos);
        ShellResult hashed = scripts.run(digest_script(tree.path("root"), tools, "MARK"), input);
        auto answers = read_answers(hashed.output, "MARK");
        REQUIRE((answers && answers->size() == 1));
        CHECK(answers->front().state == state);
        if (state == ReadAnswer::State::read && tools.stat_fractions) CHECK(answers->front().stamp == listed);
    };
    read_both("inside", ReadAnswer::State::read);
    std::filesystem::rename(tree.path("root/d"), tree.path("aside"));
    tree.link("root/d", "../outside");
    read_both("inside", ReadAnswer::State::replaced);
    std::filesystem::remove(tree.path("root/d"));
    tree.write("root/d/file", "inside");  // of another inode
    read_both("inside", ReadAnswer::State::replaced);
}

}  // namespace

TEST_CASE("the tools of this machine are recognised") {
    Scripts scripts(debian);
    RootReport report = scripts.inspect();
    CHECK(report.state == RootReport::State::directory);
    CHECK(report.path == std::filesystem::canonical(scripts.tree.path("root")));
    CHECK(report.inode != 0);
    CHECK_FALSE(report.file_system.empty());
    CHECK(report.tools.find_printf);
    CHECK(report.tools.stat_fractions);
    CHECK(report.tools.can_take_tar());
    CHECK(report.tools.can_give_tar());
    CHECK(report.tools.sha256 == "sha256sum");
    std::filesystem::remove(scripts.tree.path("root"));
    CHECK(scripts.inspect().state == RootReport::State::absent);
    CHECK(scripts.inspect(true).state == RootReport::State::directory);
    std::filesystem::remove(scripts.tree.path("root"));
    scripts.tree.make_directory("other");
    scripts.tree.link("root", "other");
    CHECK(scripts.inspect().state == RootReport::State::link_to_directory);
}

TEST_CASE("listings by GNU find, in dash and bash") {
    check_listing(debian);
    check_listing(bash);
}

TEST_CASE("listings by BusyBox") {
    if (!has_busybox()) SKIP("no busybox");
    TempTree applets;
    check_listing({{"/usr/bin/busybox", "sh"}, busybox_path(applets, false)});
}

TEST_CASE("what is in directories that are left out is not listed") {
    std::vector<Shell> shells{debian};
    TempTree applets;
    if (has_busybox()) shells.push_back({{"/usr/bin/busybox", "sh"}, busybox_path(applets, false)});
    for (const Shell& shell : shells) {
        Scripts scripts(shell);
        scripts.tree.write("root/a/node_modules/package/file", "x");
        scripts.tree.write("root/a/file", "x");
        scripts.tree.write("root/target", "a file of that name");
        std::vector<std::string> pruned{"node_modules", "target"};
        ServerTools tools = scripts.inspect().tools;
        ShellResult result = scripts.run(list_script(scripts.tree.path("root"), tools, "MARK", pruned));
        CHECK(result.output.find("package") == std::string::npos);
        ListRequest everything;
        RemoteTree found(everything);
        found.set_pruned(pruned);
        ListingParser parser(listing_format(tools), "MARK", found);
        parser.feed(result.output);
        CHECK(parser.is_whole());
        CHECK(found.missed_some());
        CHECK(paths(found.finish(0)) == "a|a/file|a/node_modules|target|");
    }
}

TEST_CASE("digests by coreutils and by BusyBox") {
    check_digests(debian);
    if (!has_busybox()) return;
    TempTree applets;
    check_digests({{"/usr/bin/busybox", "sh"}, busybox_path(applets, true)});
}

TEST_CASE("what was put in the place of a directory or a file is not read") {
    check_reading_stays_inside(debian);
    if (!has_busybox()) return;
    TempTree applets;
    check_reading_stays_inside({{"/usr/bin/busybox", "sh"}, busybox_path(applets, true)});
}

TEST_CASE("an unreadable directory is named") {
    std::string result = in_child([] {
        Scripts scripts(debian);
        scripts.tree.make_directory("root/secret");
        scripts.tree.write("root/file", "x");
        ::chmod(scripts.tree.path().c_str(), 0777);
        ::chmod(scripts.tree.path("root/secret").c_str(), 0);
        ::chmod(scripts.tree.path("root").c_str(), 0777);
        // The script's shell must not be root.
        Scripts other({{"/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "/bin/sh"}, "/usr/bin:/bin"});
        ShellResult listed = other.run(list_script(scripts.tree.path("root"), other.inspect().tools, "M", {}));
        std::vector<Problem> problems = read_tool_errors(listed.errors);
        require(problems.size() == 1 && problems[0].path == "secret", "secret is named: " + listed.errors);
        ::chmod(scripts.tree.path("root/secret").c_str(), 0755);
    });
    CHECK(result == "");
}
