// The scripts in real shells, with the tools of this machine and those of BusyBox, without a connection.
#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "async/run_task.hpp"
#include "endpoint/ssh_commit.hpp"
#include "endpoint/ssh_root.hpp"
#include "endpoint/ssh_scripts.hpp"
#include "endpoint/ssh_tar.hpp"
#include "fs/temp_tree.hpp"
#include "fs/walk.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::string_literals;

namespace {

struct ShellResult {
    std::string output, errors;
    int status = 0;
};

/// A server's shell: which one, and where its commands come from.
struct Shell {
    std::vector<std::string> words;
    std::string path;
};

class Scripts {
  public:
    explicit Scripts(Shell shell) : shell_(std::move(shell)) { tree.make_directory("root"); }

    ShellResult run(const std::string& script, const std::string& input = "") {
        files_.write("in", input);
        files_.write("out", "");
        files_.write("err", "");
        pid_t child = ::fork();
        if (child == 0) {
            ::dup2(::open(files_.path("in").c_str(), O_RDONLY), 0);
            ::dup2(::open(files_.path("out").c_str(), O_WRONLY | O_TRUNC), 1);
            ::dup2(::open(files_.path("err").c_str(), O_WRONLY | O_TRUNC), 2);
            ::setenv("HOME", files_.path().c_str(), 1);
            ::setenv("PATH", shell_.path.c_str(), 1);
            std::vector<std::string> words = shell_.words;
            words.insert(words.end(), {"-c", script});
            std::vector<char*> arguments;
            for (std::string& word : words) arguments.push_back(word.data());
            arguments.push_back(nullptr);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ShellResult result;
        ::waitpid(child, &result.status, 0);
        result.output = files_.read("out");
        result.errors = files_.read("err");
        return result;
    }

    RootReport inspect(std::optional<uint16_t> create_mode = std::nullopt) {
        std::string word = shell_word_of_directory(tree.path("root"));
        ShellResult result = run(inspect_script(word, shell_word_of_directory("~/projects"), create_mode, true));
        std::optional<RootReport> report = read_inspect_output(result.output);
        INFO(result.errors);
        REQUIRE(report);
        return *report;
    }

    Listing list(bool skips_git = false) {
        ServerTools tools = inspect().tools;
        RemoteTree found(request);
        ListingParser parser(listing_format(tools), "MARK", found);
        std::vector<std::string> pruned;
        if (skips_git) pruned.emplace_back(".git");
        ShellResult result = run(list_script(tree.path("root"), tools, "MARK", pruned));
        parser.feed(result.output);
        INFO(result.errors);
        CHECK(parser.is_whole());
        CHECK(parser.root().has_value());
        for (Problem& problem : read_tool_errors(result.errors)) found.add_problem(problem.path, problem.why);
        return found.finish(parser.server_time());
    }

    CommitReport commit(CommitBatch& batch, const std::string& content_directory) {
        fs::Fd root = fs::open_root(content_directory);
        Progress progress;
        WorkerPool workers(1);
        fs::RateLimiter limiter;
        SendQueue queue(batch.sent());
        TransferMeans means(workers, limiter);
        TarContent source({root.get()}, queue, [&] { return conclude(batch); }, means, progress);
        std::string stream;
        auto collect = [&]() -> Task<void> { return collect_all(source, stream); };
        run_task(collect());
        return commit_stream(stream);
    }
    CommitReport commit_stream(const std::string& stream) {
        ServerTools tools = inspect().tools;
        std::string script = commit_script(tree.path("root"), ".syncline-tmp-0123456789abcdef", tools, "MARK");
        ShellResult result = run(script, stream);
        last_errors = result.errors;
        return read_commit_output(result.output, "MARK");
    }

    TempTree tree;
    ListRequest request;
    std::string last_errors;

  private:
    static Task<std::vector<TarContent::ControlFile>> conclude(CommitBatch& batch) { co_return batch.conclude(); }
    static Task<void> collect_all(TarContent& source, std::string& stream) {
        while (true) {
            std::string_view piece = co_await source.next();
            if (piece.empty()) co_return;
            stream += piece;
        }
    }

    Shell shell_;
    TempTree files_;
};

/// A directory with BusyBox's applets, and Perl where `with_perl` says so.
std::string busybox_path(const TempTree& directory, bool with_perl) {
    for (const char* applet : {"sh", "find", "stat", "xargs", "tar", "sha256sum", "readlink", "sed", "cat", "rm",
                               "mkdir", "ls", "date", "printf", "echo", "df", "sync"}) {
        std::filesystem::create_symlink("/usr/bin/busybox", directory.path(applet));
    }
    if (with_perl) std::filesystem::create_symlink("/usr/bin/perl", directory.path("perl"));
    return directory.path();
}

bool has_busybox() { return std::filesystem::exists("/usr/bin/busybox"); }

const Shell debian{{"/bin/sh"}, "/usr/bin:/bin"};
const Shell bash{{"/bin/bash"}, "/usr/bin:/bin"};

std::string strange_name() { return "a\nb'\"$(x)\\ \xff*"; }

void fill(TempTree& tree) {
    tree.make_directory("root/empty");
    tree.write("root/b/file", "content");
    tree.write("root/b/" + strange_name(), "strange");
    tree.write("root/-dash", "dash");
    tree.link("root/link", "b/file\n");
    tree.make_fifo("root/pipe");
}

std::string paths(const Listing& listing) {
    std::string text;
    for (const Entry& entry : listing.tree.entries()) text += std::string(listing.tree.path(entry)) + "|";
    return text;
}

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
    CHECK(found[3].state == ReadAnswer::gone);
    for (size_t i : {4, 5, 6}) CHECK(found[i].state == ReadAnswer::replaced);
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
        CHECK((tar.output.find(content) != std::string::npos) == (state == ReadAnswer::read));
        CHECK(tar.output.find("secret") == std::string::npos);
        ShellResult hashed = scripts.run(digest_script(tree.path("root"), tools, "MARK"), input);
        auto answers = read_answers(hashed.output, "MARK");
        REQUIRE((answers && answers->size() == 1));
        CHECK(answers->front().state == state);
        if (state == ReadAnswer::read && tools.stat_fractions) CHECK(answers->front().stamp == listed);
    };
    read_both("inside", ReadAnswer::read);
    std::filesystem::rename(tree.path("root/d"), tree.path("aside"));
    tree.link("root/d", "../outside");
    read_both("inside", ReadAnswer::replaced);
    std::filesystem::remove(tree.path("root/d"));
    tree.write("root/d/file", "inside");  // of another inode
    read_both("inside", ReadAnswer::replaced);
}

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

TEST_CASE("leftovers are removed, whatever they are") {
    Scripts scripts(debian);
    scripts.tree.write("root/.syncline-tmp-0123456789abcdef/x", "");
    scripts.tree.write("root/keep", "");
    scripts.run(sweep_script(scripts.tree.path("root")), "./.syncline-tmp-0123456789abcdef\0"s);
    CHECK(paths(scripts.list()) == "keep|");
}
