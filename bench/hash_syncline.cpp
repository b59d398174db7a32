// Hashes the same files as hash_plain.c by HashPool. The digests must come out the same.
//
// usage: hash_syncline DIRECTORY [WORKERS [automatic|io_uring|plain]] < LIST
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"

using namespace syncline;

namespace {

struct File {
    std::string path;
    Stamp stamp;
};

/// As a scan would have seen them.
std::vector<File> read_list(int root) {
    std::vector<File> files;
    for (std::string line; std::getline(std::cin, line);) {
        Entry entry;
        if (!fs::read_entry(root, line.c_str(), entry)) throw errno_error("look at", line, errno);
        files.push_back({line, entry.stamp});
    }
    return files;
}

fs::HashBackend backend_of(const std::string& name) {
    if (name == "io_uring") return fs::HashBackend::io_uring;
    return name == "plain" ? fs::HashBackend::plain : fs::HashBackend::automatic;
}

int run(const std::string& directory, unsigned workers, const std::string& backend) {
    fs::Fd root = fs::open_root(directory);
    std::vector<File> files = read_list(root.get());
    std::vector<fs::HashItem> items(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
        items[i].path = files[i].path;
        items[i].expected = files[i].stamp;
    }

    fs::HashPool pool(workers, backend_of(backend));
    auto start = std::chrono::steady_clock::now();
    pool.hash(root.get(), items, {});
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

    fs::Hasher all;
    for (const fs::HashItem& item : items) {
        if (!item.error.empty()) throw Error(Errc::failed, std::string(item.path) + ": " + item.error);
        all.update(std::as_bytes(std::span(item.digest.bytes)));
    }
    std::printf("%.4f %zu %s %s\n", seconds.count(), items.size(), all.finish().hex().c_str(),
                pool.backend_description().c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: hash_syncline DIRECTORY [WORKERS [automatic|io_uring|plain]] < LIST\n");
        return 2;
    }
    try {
        unsigned workers = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 2;
        return run(argv[1], workers, argc > 3 ? argv[3] : "automatic");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hash_syncline: %s\n", error.what());
        return 1;
    }
}
