#include "fs/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using syncline::test::TempTree;

namespace {

uint64_t inode_of(const Fd& fd) {
    struct stat status{};
    return fd && ::fstat(fd.get(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

TEST_CASE("a directory opens below its root, and nothing else does") {
    TempTree tree;
    tree.make_directory("a/b");
    tree.write("a/file", "x");
    tree.link("a/up", "..");
    tree.link("out", "/");
    CHECK(inode_of(open_directory(tree.fd(), "a/b")) == tree.stamp("a/b").inode);
    CHECK(inode_of(open_directory(tree.fd(), "")) == tree.stamp("").inode);
    for (std::string_view path :
         {"..", "a/..", "/", "/etc", "a//b", "a/", ".", "a/up/a", "a/up", "out", "out/etc", "a/file"}) {
        INFO(path);
        CHECK_FALSE(open_directory(tree.fd(), path));
        CHECK(errno != 0);
    }
    CHECK_FALSE(open_directory(tree.fd(), "missing/b"));
    CHECK(errno == ENOENT);
}

TEST_CASE("links are followed only where they are to be") {
    TempTree tree;
    tree.make_directory("a/b");
    tree.link("link", "a");
    CHECK(inode_of(open_directory(tree.fd(), "link/b", Links::follow)) == tree.stamp("a/b").inode);
    CHECK_FALSE(open_directory(tree.fd(), "link/b"));
}

TEST_CASE("directories open however long their path is") {
    for (const std::string& name : {std::string(255, 'n'), std::string("n"), std::string(100, 'n')}) {
        int depth = name.size() == 1 ? 4000 : 80;
        TempTree own(TempTree::Where::memory);
        std::string deep = own.make_deep(name, depth);
        REQUIRE(deep.size() > 4096);
        Fd fd = open_directory(own.fd(), deep);
        CHECK(inode_of(fd) != 0);
        REQUIRE(::mkdirat(fd.get(), "last", 0755) == 0);
        CHECK(inode_of(open_directory(own.fd(), deep + "/last")) != 0);
        CHECK_FALSE(open_directory(own.fd(), deep + "/other"));
        CHECK(errno == ENOENT);
    }
}

TEST_CASE("the directory cache gives the directory that it is asked for") {
    TempTree tree;
    tree.make_directory("a");
    tree.make_directory("b");
    DirectoryCache cache(tree.fd());
    for (std::string path : {"a", "a", "b", "", "a"}) {
        struct stat status{};
        REQUIRE(::fstat(cache.open(path), &status) == 0);
        CHECK(status.st_ino == tree.stamp(path).inode);
    }
    CHECK(cache.open("c") == -1);
    CHECK(errno == ENOENT);
    CHECK(cache.open("a") >= 0);
}

TEST_CASE("an entry is what it is, not what it points to") {
    TempTree tree;
    tree.write("file", "12345");
    tree.link("link", "file");
    tree.make_fifo("fifo");
    REQUIRE(::chmod(tree.path("file").c_str(), 04751) == 0);
    Entry entry;
    REQUIRE(read_entry(tree.fd(), "file", entry));
    CHECK(entry.kind == Kind::file);
    CHECK(entry.mode == 04751);
    CHECK(entry.stamp.size == 5);
    REQUIRE(read_entry(tree.fd(), "link", entry));
    CHECK(entry.kind == Kind::symlink);
    REQUIRE(read_entry(tree.fd(), "fifo", entry));
    CHECK(entry.kind == Kind::special);
    REQUIRE(read_entry(tree.fd(), "", entry));
    CHECK(entry.kind == Kind::directory);
    CHECK_FALSE(read_entry(tree.fd(), "missing", entry));
    CHECK(errno == ENOENT);
}

TEST_CASE("times before 1970 and far in the future are kept") {
    TempTree tree;
    tree.write("file", "");
    for (int64_t seconds : {int64_t{-1}, int64_t{-86400}, int64_t{0}, int64_t{9'000'000'000}}) {
        timespec times[2] = {{seconds, 5}, {seconds, 5}};
        REQUIRE(::utimensat(tree.fd(), "file", times, 0) == 0);
        CHECK(tree.stamp("file").mtime == seconds * 1'000'000'000 + 5);
    }
}

TEST_CASE("a root that cannot be opened is an error that names it") {
    TempTree tree;
    CHECK_THROWS_AS(open_root(tree.path("missing")), Error);
    tree.write("file", "");
    CHECK_THROWS_AS(open_root(tree.path("file")), Error);
}
