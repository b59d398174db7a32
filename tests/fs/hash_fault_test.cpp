// Hashing what changes, is not what it was, may not be read; being stopped; kernels without io_uring.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <cstddef>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "hash_fixture.hpp"

using namespace syncline;
using namespace syncline::fs;
using namespace syncline::test;

namespace {

/// Lets io_uring_setup fail with EPERM, as container run-times do.
void forbid_io_uring() {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{sizeof rules / sizeof rules[0], rules};
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    require(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

}  // namespace

TEST_CASE("where io_uring is forbidden, plain reads do the work and it is said why") {
    TempTree tree;
    tree.write("file", "content");
    std::string trouble = in_child([&] {
        forbid_io_uring();
        for (HashBackend backend : {HashBackend::automatic, HashBackend::io_uring}) {
            HashPool pool(2, backend);
            HashFiles files;
            files.add(tree, "file");
            pool.hash(tree.fd(), files.items, {});
            require(files.items[0].digest == digest_of("content"), "digest");
            std::string said = pool.backend_description();
            require(said == "plain reads, as io_uring is not available: Operation not permitted", said);
        }
        require(HashPool(1).backend_description().starts_with("plain reads, as"), "known before the first batch");
    });
    CHECK(trouble == "");
    CHECK(HashPool(1, HashBackend::plain).backend_description() == "plain reads");
}

TEST_CASE("few descriptors are enough") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    HashFiles files;
    for (int i = 0; i < 1000; ++i) {
        tree.write(std::to_string(i), std::to_string(i));
        files.add(tree, std::to_string(i));
    }
    std::string trouble = in_child([&] {
        rlimit limit{16, 16};
        require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
        HashPool(2, backend).hash(tree.fd(), files.items, {});
        for (const HashItem& item : files.items) require(item.error.empty(), item.error);
    });
    CHECK(trouble == "");
}

TEST_CASE("what took a file's place is refused, and a FIFO neither waited for nor read") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree;
    tree.make_fifo("fifo");
    tree.make_fifo("fifo-unseen");
    tree.make_directory("directory");
    tree.make_socket("socket");
    tree.link("link", "/etc/passwd");
    Stamp seen{10, 1, 1, 4711};
    std::string trouble = in_child([&] {
        // A writer that has written: nothing of it may be taken.
        Fd fifo(::open(tree.path("fifo").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        require(::write(fifo.get(), "mine", 4) == 4, "write to the FIFO");
        HashFiles files;
        for (const char* name : {"fifo", "fifo-unseen", "directory", "socket", "link", "missing", "missing/file"}) {
            files.add_unseen(name);
            if (std::string_view(name) != "fifo-unseen") files.items.back().expected = seen;
        }
        HashPool(2, backend).hash(tree.fd(), files.items, {});
        auto error = [&](size_t i) { return files.items[i].error; };
        require(error(0) == "is no regular file any more", "fifo: " + error(0));
        require(error(1) == "is no regular file any more", "fifo-unseen: " + error(1));
        require(error(2) == "is no regular file any more" || error(2) == "Is a directory", "directory: " + error(2));
        require(error(3) == "No such device or address", "socket: " + error(3));
        require(error(4) == "Too many levels of symbolic links", "link: " + error(4));
        require(error(5) == "No such file or directory" && error(6) == error(5), "missing: " + error(5));
        char content[8];
        require(::read(fifo.get(), content, sizeof content) == 4, "the FIFO still holds what was written");
    });
    CHECK(trouble == "");
}

TEST_CASE("a file that may not be read says so") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree;
    tree.write("closed", "x");
    tree.write("directory/inside", "x");
    tree.write("open", "x");
    HashFiles files;
    for (const char* name : {"closed", "directory/inside", "open"}) files.add(tree, name);
    REQUIRE(::chmod(tree.path("closed").c_str(), 0) == 0);
    REQUIRE(::chmod(tree.path("directory").c_str(), 0) == 0);
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    std::string trouble = in_child([&] {
        require(drop_privileges(), "drop privileges");
        HashPool(2, backend).hash(tree.fd(), files.items, {});
        require(files.items[0].error == "Permission denied", "closed: " + files.items[0].error);
        require(files.items[1].error == "Permission denied", "inside: " + files.items[1].error);
        require(files.items[2].error.empty(), "open: " + files.items[2].error);
    });
    CHECK(trouble == "");
}

TEST_CASE("a file that changed since it was listed gets its new digest and stamp") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree;
    HashFiles files;
    const std::string old_content = "old";
    for (size_t size : {size_t{0}, size_t{2}, size_t{100'000}, size_t{3'000'000}}) {
        std::string name = std::to_string(size);
        tree.write(name, old_content);
        files.add(tree, name);
        tree.write(name, std::string(size, 'n'));
    }
    HashPool(2, backend).hash(tree.fd(), files.items, {});
    for (const HashItem& item : files.items) {
        std::string name(item.path);
        CHECK(item.error == "");
        CHECK(item.stamp == tree.stamp(name));
        CHECK(item.stamp != item.expected);
        CHECK(item.digest == digest_of(std::string(std::stoul(name), 'n')));
    }
}

TEST_CASE("a file that keeps growing is an error or a digest of what its stamp says") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    size_t start_size = GENERATE(size_t{100}, size_t{2} << 20);
    TempTree tree(TempTree::Where::memory);
    tree.write("log", std::string(start_size, 'x'));
    std::jthread writer([&](std::stop_token stop) {
        Fd file(::open(tree.path("log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
        while (!stop.stop_requested()) require(::write(file.get(), "xxxxxxx", 7) == 7, "append");
    });
    HashPool pool(2, backend);
    for (int round = 0; round < 50; ++round) {
        HashFiles files;
        files.add(tree, "log");
        pool.hash(tree.fd(), files.items, {});
        const HashItem& item = files.items[0];
        if (item.error == "changes while it is read") continue;
        REQUIRE(item.error == "");
        REQUIRE(item.digest == digest_of(std::string(item.stamp.size, 'x')));
    }
}

TEST_CASE("a file that is replaced again and again is always one of its versions") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    std::vector<std::string> versions;
    std::set<std::string> digests;
    for (size_t i = 0; i < 4; ++i) {
        versions.push_back(std::string(3000 + 97 * i, static_cast<char>('a' + i)));
        digests.insert(digest_of(versions[i]).hex());
    }
    tree.write("file", versions[0]);
    std::jthread writer([&](std::stop_token stop) {
        for (size_t i = 0; !stop.stop_requested(); ++i) {
            tree.write("new", versions[i % versions.size()]);
            require(::renameat(tree.fd(), "new", tree.fd(), "file") == 0, "rename");
        }
    });
    HashPool pool(2, backend);
    for (int round = 0; round < 1000; ++round) {
        HashFiles files;
        files.add(tree, "file");
        pool.hash(tree.fd(), files.items, {});
        const HashItem& item = files.items[0];
        bool is_accepted =
            item.error == "changes while it is read" || (item.error.empty() && digests.contains(item.digest.hex()));
        INFO(item.error);
        REQUIRE(is_accepted);
    }
}

TEST_CASE("a stopped pool answers with Cancelled and can be used again") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    for (int i = 0; i < 3000; ++i) tree.write(std::to_string(i), std::string(1000, 'x'));
    tree.write("large", std::string(64 << 20, 'x'));
    HashFiles all;
    for (int i = 0; i < 3000; ++i) all.add(tree, std::to_string(i));
    all.add(tree, "large");
    HashPool pool(2, backend);
    for (uint64_t stop_after : {0, 1, 20'000, 500'000, 3'000'000, 30'000'000}) {
        HashFiles files = all;
        files.rebind();
        std::stop_source stop;
        std::atomic<uint64_t> bytes{0};
        std::jthread stopper([&](std::stop_token done) {
            while (bytes < stop_after && !done.stop_requested()) std::this_thread::yield();
            stop.request_stop();
        });
        bool is_cancelled = false;
        try {
            pool.hash(tree.fd(), files.items, stop.get_token(), &bytes);
        } catch (const Cancelled&) {
            is_cancelled = true;
        }
        // It may have been done before the stop came.
        bool is_whole =
            std::ranges::all_of(files.items, [](const HashItem& item) { return item.stamp == item.expected; });
        CHECK((is_cancelled || is_whole));
    }
    HashFiles files;
    files.add(tree, "7");
    pool.hash(tree.fd(), files.items, {});
    CHECK(files.items[0].digest == digest_of(std::string(1000, 'x')));
}
