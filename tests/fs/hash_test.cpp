// What both backends must give: the right digests, of any size and number of files.
#include "fs/hash.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>
#include <thread>

#include "hash_fixture.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using namespace syncline::test;

TEST_CASE("digests are SHA-256") {
    // FIPS 180-4, examples of NIST.
    CHECK(digest_of("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a hasher can be used again and moved") {
    Hasher hasher;
    for (int i = 0; i < 3; ++i) {
        hasher.update(bytes_of("a"));
        Hasher moved = std::move(hasher);
        moved.update(bytes_of("bc"));
        CHECK(moved.finish() == digest_of("abc"));
        hasher = std::move(moved);
    }
}

TEST_CASE("files of every kind of size") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    constexpr size_t KiB = 1024, MiB = KiB * KiB;
    std::vector<size_t> sizes = {0,
                                 1,
                                 63,
                                 64,
                                 4095,
                                 4096,
                                 4097,
                                 64 * KiB - 1,
                                 64 * KiB,
                                 64 * KiB + 1,
                                 256 * KiB - 1,
                                 256 * KiB,
                                 256 * KiB + 1,
                                 512 * KiB,
                                 MiB,
                                 MiB + 1,
                                 2 * MiB - 1,
                                 64 * MiB,
                                 64 * MiB + 7};
    std::mt19937 random(1);
    std::vector<Digest> expected;
    HashFiles files;
    for (size_t size : sizes) {
        std::string content(size, '\0');
        for (size_t i = 0; i < size; i += 1 + random() % 4096) content[i] = static_cast<char>(random());
        std::string name = "file-" + std::to_string(size);
        tree.write(name, content);
        files.add(tree, name);
        expected.push_back(digest_of(content));
    }
    std::atomic<uint64_t> bytes{0};
    HashPool pool(2, backend);
    pool.hash(tree.fd(), files.items, {}, &bytes);
    uint64_t total = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
        INFO(sizes[i]);
        CHECK(files.items[i].error == "");
        CHECK(files.items[i].digest == expected[i]);
        CHECK(files.items[i].stamp == files.items[i].expected);
        total += sizes[i];
    }
    CHECK(bytes == total);
}

TEST_CASE("both backends and any number of workers agree on random trees") {
    TempTree tree(TempTree::Where::memory);
    std::mt19937 random(42);
    HashFiles files;
    std::vector<Digest> expected;
    for (int i = 0; i < 4000; ++i) {
        char directory[32];
        std::snprintf(directory, sizeof directory, "d%02d/\xff\n%02d/", i / 400, i / 20 % 20);
        std::string name = directory + std::to_string(i);
        std::string content(random() % (random() % 50 == 0 ? 300'000 : 5000), static_cast<char>(random()));
        tree.write(name, content);
        files.add(tree, name);
        expected.push_back(digest_of(content));
    }
    for (HashBackend backend : {HashBackend::plain, HashBackend::io_uring, HashBackend::automatic}) {
        for (unsigned workers : {1u, 2u, 5u}) {
            HashPool pool(workers, backend);
            for (int round = 0; round < 2; ++round) {
                HashFiles again = files;
                again.rebind();
                pool.hash(tree.fd(), again.items, {});
                for (size_t i = 0; i < expected.size(); ++i) {
                    REQUIRE(again.items[i].error == "");
                    REQUIRE(again.items[i].digest == expected[i]);
                }
            }
        }
    }
}

TEST_CASE("a pool serves several callers at once") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    for (int i = 0; i < 500; ++i) tree.write(std::to_string(i), std::string(100, 'x') + std::to_string(i));
    HashPool pool(2, backend);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 4; ++caller) {
            callers.emplace_back([&] {
                HashFiles files;
                for (int i = 0; i < 500; ++i) files.add(tree, std::to_string(i));
                pool.hash(tree.fd(), files.items, {});
                for (int i = 0; i < 500; ++i)
                    wrong += files.items[static_cast<size_t>(i)].digest !=
                             digest_of(std::string(100, 'x') + std::to_string(i));
            });
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("nothing to hash is done at once") {
    HashPool pool(2);
    pool.hash(-1, {}, {});
}

TEST_CASE("holes read as zeros") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree;
    tree.write("sparse", "head");
    REQUIRE(::truncate(tree.path("sparse").c_str(), 5 << 20) == 0);
    HashFiles files;
    files.add(tree, "sparse");
    HashPool(2, backend).hash(tree.fd(), files.items, {});
    CHECK(files.items[0].digest == digest_of("head" + std::string((5 << 20) - 4, '\0')));
}

TEST_CASE("@generated counts in the first 4 KiB only") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree;
    const std::string mark = "@generated";
    tree.write("first", mark);
    tree.write("last", std::string(4096 - mark.size(), 'x') + mark);
    tree.write("too-late", std::string(4097 - mark.size(), 'x') + mark);
    tree.write("without", "generated @ generated");
    tree.write("large", "// " + mark + std::string(3 << 20, 'x'));
    HashFiles files;
    for (const char* name : {"first", "last", "too-late", "without", "large"}) files.add(tree, name);
    HashPool(2, backend).hash(tree.fd(), files.items, {});
    std::vector<bool> marked;
    for (const HashItem& item : files.items) marked.push_back(item.generated);
    CHECK(marked == std::vector<bool>{true, true, false, false, true});
}

TEST_CASE("files below paths longer than PATH_MAX are read") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree tree(TempTree::Where::memory);
    std::string deep = tree.make_deep(std::string(250, 'd'), 40);
    Fd last = open_directory(tree.fd(), deep);
    write_at(last.get(), "file", "content");
    HashFiles files;
    files.add_unseen(deep + "/file");
    HashPool(2, backend).hash(tree.fd(), files.items, {});
    CHECK(files.items[0].error == "");
    CHECK(files.items[0].digest == digest_of("content"));
    CHECK(files.items[0].stamp.size == 7);
}

TEST_CASE("symlinks are followed only when asked for") {
    HashBackend backend = GENERATE(HashBackend::plain, HashBackend::io_uring);
    TempTree outside, tree;
    outside.write("file", "content");
    tree.link("link", outside.path("file"));
    tree.link("directory", outside.path());
    HashFiles files;
    files.add_unseen("directory/file");
    files.add_unseen("link");
    HashFiles followed = files;
    followed.rebind();
    HashPool pool(2, backend);
    pool.hash(tree.fd(), files.items, {});
    pool.hash(tree.fd(), followed.items, {}, nullptr, Links::follow);
    for (const HashItem& item : files.items) CHECK(item.error == "Too many levels of symbolic links");
    for (const HashItem& item : followed.items) CHECK(item.digest == digest_of("content"));
}
