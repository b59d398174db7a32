// The scripts that put things into place and take them away, in real shells.
#include "ssh_scripts_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

CommitItem put(std::string_view path, const Entry* expected = nullptr) {
    CommitItem item;
    item.path = path;
    item.mode = 0640;
    item.expected = expected;
    return item;
}

void check_commit(const Shell& shell) {
    Scripts scripts(shell);
    TempTree& tree = scripts.tree;
    fill(tree);
    tree.write("root/changed", "before");
    Listing listing = scripts.list();
    const Tree& seen = listing.tree;
    tree.write("root/changed", "by somebody");
    std::string strange = "new/" + strange_name();
    tree.write("content/new/file", "new content");
    tree.write("content/" + strange, std::string(3'000'000, 'x'));
    tree.write("content/b/file", "replaced");
    tree.write("content/changed", "mine");
    tree.write("content/empty", "a file now");

    std::vector<CommitItem> items;
    CommitItem& directory = items.emplace_back(put("new"));
    directory.op = Op::mkdir;
    directory.mode = 0750;
    items.push_back(put("new/file"));
    items.push_back(put(strange));
    items.push_back(put("b/file", &seen[seen.find("b/file")]));
    items.push_back(put("changed", &seen[seen.find("changed")]));
    items.push_back(put("empty", &seen[seen.find("empty")]));
    items.push_back(put("-dash"));        // stands there already
    items.push_back(put("not/there"));    // no such directory
    items.push_back(put("gone-source"));  // cannot be read
    CommitItem& link = items.emplace_back(put("new/link"));
    link.op = Op::symlink;
    link.link = "../b/file";
    CommitItem& mode = items.emplace_back(put("new"));
    mode.op = Op::chmod;
    mode.mode = 0700;
    std::vector<CommitItem*> pointers;
    for (CommitItem& item : items) pointers.push_back(&item);
    CommitBatch batch(pointers, scripts.inspect().tools.stat_fractions);
    CommitReport report = scripts.commit(batch, tree.path("content"));
    INFO(scripts.last_errors);
    REQUIRE(report.whole);
    CHECK(report.tar_status == 0);
    REQUIRE(report.verified);
    CHECK(batch.take(report).empty());

    for (size_t i : {0, 1, 2, 3, 5, 9, 10}) {
        INFO(i << items[i].error);
        CHECK(items[i].error.empty());
    }
    for (size_t i : {4, 6, 7, 8}) {
        INFO(i);
        CHECK_FALSE(items[i].error.empty());
    }
    CHECK(tree.read("root/new/file") == "new content");
    CHECK(tree.read("root/" + strange).size() == 3'000'000);
    CHECK(tree.read("root/b/file") == "replaced");
    CHECK(tree.read("root/changed") == "by somebody");
    CHECK(tree.read("root/empty") == "a file now");
    CHECK(tree.read("root/-dash") == "dash");
    CHECK(std::filesystem::read_symlink(tree.path("root/new/link")) == "../b/file");
    struct stat status{};
    ::stat(tree.path("root/new/file").c_str(), &status);
    CHECK((status.st_mode & 07777) == 0640);
    ::stat(tree.path("root/new").c_str(), &status);
    CHECK((status.st_mode & 07777) == 0700);
    Stamp stamp = tree.stamp("root/b/file");
    CHECK(items[3].target_stamp.inode == stamp.inode);
    CHECK(items[3].target_stamp.mtime / 1'000'000'000 == tree.stamp("content/b/file").mtime / 1'000'000'000);
    CHECK(items[3].committed.hex() == "6c1aa50442a93e42c0eb2907cf4e017cd19547891fa190f3ea473582b0479290");
    CHECK(scripts.list().leftovers.empty());
}

}  // namespace

TEST_CASE("a commit puts each thing into place that still is as it was") {
    check_commit(debian);
    check_commit(bash);
    if (!has_busybox()) return;
    TempTree applets;
    check_commit({{"/usr/bin/busybox", "sh"}, busybox_path(applets, true)});
}

TEST_CASE("a stream that was cut off or damaged changes nothing") {
    Scripts scripts(debian);
    scripts.tree.write("content/file", "content");
    CommitItem item = put("file");
    CommitBatch batch({&item}, true);
    TarMember member;
    member.path = staged_name("file");
    member.size = 7;
    std::string stream;
    append_tar_header(stream, member);
    stream += "cOntent" + std::string(505, '\0');
    batch.sent()[0].state = SentItem::State::sent;
    batch.sent()[0].digest = *Digest::from_hex("ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73");
    for (const auto& file : batch.conclude()) append_control_file(stream, file.name, file.text);
    append_tar_end(stream);
    CommitReport report = scripts.commit_stream(stream);
    CHECK(report.whole);
    CHECK_FALSE(report.verified);
    CHECK(batch.take(report).size() == 1);
    for (size_t length = 0; length < stream.size(); length += 512) {
        CHECK_FALSE(scripts.commit_stream(stream.substr(0, length)).verified);
    }
    CHECK(scripts.list().tree.empty());
}

TEST_CASE("a stamp is recorded of what was staged alone") {
    struct Case {
        uint64_t inode, size;
        TimeNs mtime;
        bool is_ours;
    };
    constexpr TimeNs sent_at = 1'700'000'000'123'456'789;
    for (const Case& seen : {Case{7, 3, sent_at, true}, Case{7, 3, sent_at - 200, true}, Case{8, 3, sent_at, false},
                             Case{7, 4, sent_at, false}, Case{7, 3, sent_at + 5'000, false},
                             Case{7, 3, 1'700'000'000'000'000'000, true}}) {
        CommitItem item = put("file");
        CommitBatch batch({&item}, true);
        SentItem& sent = batch.sent()[0];
        sent.state = SentItem::State::sent;
        sent.stamp.size = 3;
        sent.mtime = sent_at;
        batch.conclude();
        CommitReport report;
        report.whole = report.verified = true;
        report.inodes = {7};
        RemoteEntry entry;
        entry.stamp = {seen.size, seen.mtime, seen.mtime, seen.inode};
        report.stamps.emplace_back("file", entry);
        CHECK(batch.take(report).empty());
        CHECK(item.error.empty());
        CHECK((item.target_stamp.inode != 0) == seen.is_ours);
    }
}

TEST_CASE("paths that lead out are refused by the server's side too") {
    Scripts scripts(debian);
    scripts.tree.write("outside", "private");
    scripts.tree.write("content/file", "evil");
    scripts.tree.link("root/link", "..");
    for (const char* path : {"../outside", "link/outside", "./../outside", "a/../../outside", "/outside", "", ".", "..",
                             "//outside", "link"}) {
        INFO(path);
        RemoteOp remove;
        remove.op = 'r';
        remove.path = path;
        remove.unchecked = true;
        RemoteOp mode;
        mode.op = 'c';
        mode.path = path;
        mode.mode = 0777;
        mode.unchecked = true;
        std::vector<RemoteOp> ops{mode};
        if (path != std::string_view("link")) ops.push_back(remove);
        ShellResult result = scripts.run(remove_script({scripts.tree.path("root"), 0}, "MARK"), ops_text(ops, true));
        CommitReport report = read_commit_output(result.output, "MARK");
        CHECK(report.whole);
        CHECK(report.failures.size() == ops.size());
    }
    struct stat status{};
    ::stat(scripts.tree.path("outside").c_str(), &status);
    CHECK((status.st_mode & 0777) != 0777);
    CHECK(scripts.tree.read("outside") == "private");
}

TEST_CASE("leftovers are removed, whatever they are") {
    Scripts scripts(debian);
    scripts.tree.write("root/.syncline-tmp-0123456789abcdef/x", "");
    scripts.tree.write("root/keep", "");
    scripts.run(sweep_script({scripts.tree.path("root"), 0}, nullptr, {"token", "who"}, 0),
                ".syncline-tmp-0123456789abcdef\0"s);
    CHECK(paths(scripts.list()) == "keep|");
}
