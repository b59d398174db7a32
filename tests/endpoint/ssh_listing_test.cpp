// Listings as servers print them: whole, cut off, and made up by somebody who means harm.
#include <catch2/catch_test_macros.hpp>

#include "endpoint/ssh_listing.hpp"

using namespace syncline;
using namespace std::string_literals;

namespace {

std::string record(const std::string& type, const std::string& path, const std::string& link = "") {
    return type + " 644 5 1700000000.1234567890 1700000001.0 77 9\0"s + path + '\0' + link + '\0';
}

struct Read {
    Listing listing;
    bool is_whole = false;
    std::optional<RemoteEntry> root;
};

Read read(const std::string& text, ListRequest request = {}, size_t piece = 1'000'000,
          ListingFormat format = ListingFormat::find) {
    RemoteTree tree(request);
    ListingParser parser(format, "MARK", tree);
    for (size_t at = 0; at < text.size(); at += piece) parser.feed(std::string_view(text).substr(at, piece));
    Read result;
    result.is_whole = parser.is_whole();
    result.root = parser.root();
    result.listing = tree.finish(parser.server_time());
    return result;
}

std::string paths(const Listing& listing) {
    std::string text;
    for (const Entry& entry : listing.tree.entries()) {
        text += (text.empty() ? "" : " ") + std::string(listing.tree.path(entry));
        if (entry.has(unselected)) text += "(-)";
        if (entry.has(pinned)) text += "(!)";
    }
    return text;
}

const std::string begin = "T 1700000100\0"s;
const std::string end = "E 0\0"s;

bool is_refused(const std::string& records) {
    Read result = read(begin + record("d", "") + records + end);
    return result.listing.incomplete == std::vector<std::string>{""};
}

Filter filter_of(const std::string& exclude, const std::string& include = "") {
    FilterSpec spec;
    std::string why;
    if (!exclude.empty()) spec.exclude.push_back({*Glob::compile(exclude, why), "", ""});
    if (!include.empty()) spec.include.push_back({*Glob::compile(include, why), "", ""});
    return Filter(spec);
}

}  // namespace

TEST_CASE("a listing is read in pieces of any size") {
    std::string text =
        begin + record("d", "") + record("d", "b") + record("f", "b/x\ny") + record("l", "a", "b/x") + end;
    for (size_t piece : {1, 2, 3, 7, 50, 1000}) {
        Read result = read(text, {}, piece);
        REQUIRE(result.is_whole);
        CHECK(paths(result.listing) == "a b b/x\ny");
        CHECK(result.listing.tree.link(result.listing.tree[0]) == "b/x");
        CHECK(result.listing.incomplete.empty());
        const Entry& file = result.listing.tree[2];
        CHECK(file.stamp.mtime == 1'700'000'000'123'456'789);
        CHECK(file.stamp.size == 5);
        CHECK(file.mode == 0644);
        CHECK(result.root->stamp.inode == 77);
        CHECK(result.listing.started_at == 1'700'000'100'000'000'000);
    }
}

TEST_CASE("a listing that ends early is not whole, wherever it ends") {
    std::string text = begin + record("d", "") + record("d", "b") + record("f", "b/x") + end;
    for (size_t length = 0; length < text.size(); ++length) CHECK_FALSE(read(text.substr(0, length)).is_whole);
    CHECK(read(text).is_whole);
    CHECK_FALSE(read(text + record("f", "more")).is_whole);
}

TEST_CASE("impossible names never reach the tree") {
    for (std::string path : {"..", ".", "a/../b", "/etc/passwd", "a//b", "a/", "../x", "./x"}) {
        INFO(path);
        CHECK(is_refused(record("d", "a") + record("f", path)));
    }
}

TEST_CASE("what comes twice, out of order, or below no directory makes the listing incomplete") {
    CHECK(is_refused(record("f", "a") + record("f", "a")));
    CHECK(is_refused(record("d", "a") + record("f", "b") + record("d", "a")));
    CHECK(is_refused(record("f", "a/b")));
    CHECK(is_refused(record("l", "a", "/etc") + record("f", "a/passwd")));
    CHECK(is_refused(record("d", "a") + record("d", "b") + record("f", "a/x")));
    CHECK_FALSE(is_refused(record("d", "a") + record("f", "a/x") + record("d", "b") + record("f", "b/x")));
}

TEST_CASE("malformed facts end the reading") {
    for (std::string facts : {"f 644 5", "f 644 -5 1 1 1 1", "x 644 5 1 1 1 1", "f 9 5 1 1 1 1", "f 644 5 1. 1 1 1",
                              "f 644 5 1 1 1 1 1", "", "f 644 99999999999999999999 1 1 1 1"}) {
        INFO(facts);
        CHECK_FALSE(read(begin + facts + "\0a\0\0"s + end).is_whole);
    }
}

TEST_CASE("a target keeps what is not selected, flagged, and does not look into it") {
    Filter filter = filter_of("*.o");
    ListRequest request;
    request.filter = &filter;
    request.is_target = true;
    std::string text = begin + record("d", "") + record("d", ".git") + record("f", ".git/config") + record("f", "a.o") +
                       record("d", "d.o") + record("d", "d.o/e") + record("f", "d.o/e/f") + record("f", "x") +
                       record("f", ".syncline-tmp-0123456789abcdef") + record("f", ".syncline-tmp-mine") + end;
    Read result = read(text, request);
    CHECK(paths(result.listing) == ".git(-)(!) .syncline-tmp-mine a.o(-) d.o(-) x");
    CHECK(result.listing.leftovers == std::vector<std::string>{".syncline-tmp-0123456789abcdef"});
    request.is_target = false;
    CHECK(paths(read(text, request).listing) == ".syncline-tmp-mine x");
    request.is_target = request.descend_unselected = true;
    CHECK(paths(read(text, request).listing) == ".git(-)(!) .syncline-tmp-mine a.o(-) d.o(-) d.o/e(-) d.o/e/f(-) x");
}

TEST_CASE("directories that lead to what is included are selected with it") {
    Filter filter = filter_of("", "*.c");
    ListRequest request;
    request.filter = &filter;
    std::string text = begin + record("d", "") + record("d", "a") + record("d", "a/b") + record("f", "a/b/x.c") +
                       record("d", "e") + record("f", "e/y.h") + end;
    CHECK(paths(read(text, request).listing) == "a a/b a/b/x.c");
    request.is_target = true;
    CHECK(paths(read(text, request).listing) == "a a/b a/b/x.c e(-) e/y.h(-)");
}

TEST_CASE("the format of stat is read, names with newlines and links included") {
    std::string text =
        "MARKT1700000100\nMARKLl\nMARK=x\ny\nMARKS41ed 4096 1700000000 1700000000 2 5 .\n"
        "MARKS81a4 5 1700000000 1700000000 77 5 ./a\nb\nMARKSa1ff 3 1700000000 1700000000 78 5 ./l\nMARKE0\nMARK";
    for (size_t piece : {1, 5, 1000}) {
        Read result = read(text, {}, piece, ListingFormat::stat);
        CHECK(result.is_whole);
        CHECK(paths(result.listing) == "a\nb l");
        CHECK(result.listing.tree.link(result.listing.tree[1]) == "x\ny");
    }
    for (size_t length = 0; length + 5 < text.size(); ++length) {
        CHECK_FALSE(read(text.substr(0, length), {}, 1000, ListingFormat::stat).is_whole);
    }
}

TEST_CASE("seconds are read to the nanosecond") {
    CHECK(parse_seconds("1.5") == 1'500'000'000);
    CHECK(parse_seconds("-1.5") == -1'500'000'000);
    CHECK(parse_seconds("99999999999999999999") == std::nullopt);
    CHECK(parse_seconds("9999999999999") > 0);
    CHECK(parse_seconds("") == std::nullopt);
    CHECK(parse_seconds("1e5") == std::nullopt);
}

TEST_CASE("errors of the tools name their paths; what is not understood is about the root") {
    std::vector<Problem> problems = read_tool_errors(
        "find: './secret': Permission denied\nfind: './gone': No such file or directory\nfind: ./b: I/O "
        "error\nnoise\n");
    REQUIRE(problems.size() == 3);
    CHECK(problems[0] == Problem{"secret", "Permission denied"});
    CHECK(problems[1] == Problem{"b", "I/O error"});
    CHECK(problems[2] == Problem{"", "noise"});
    CHECK(read_tool_errors("find: './a\\nb': Permission denied\n")[0].path == "");
}
