#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "base/rel_path.hpp"
#include "endpoint/bucket_keys.hpp"
#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/bucket_sums.hpp"

using namespace syncline;

namespace {

std::string hex(std::string_view bytes) {
    std::string text;
    for (unsigned char c : bytes) text += "0123456789abcdef"[c >> 4], text += "0123456789abcdef"[c & 15];
    return text;
}

Stamp stamp_of(std::string_view content) { return object_stamp(content.size(), hex(md5_text(content))); }

std::vector<std::string> paths_of(const Listing& listing) {
    std::vector<std::string> paths;
    for (const Entry& entry : listing.tree.entries()) {
        std::string path(listing.tree.path(entry));
        paths.push_back(path + (entry.kind == Kind::directory ? "/" : entry.kind == Kind::symlink ? "@" : ""));
    }
    return paths;
}

Listing list(const std::vector<std::string>& keys, const std::string& prefix = "p") {
    BucketKeys space(prefix);
    ObjectTree tree(space);
    for (const std::string& key : keys) tree.add(key, key.ends_with('/') ? stamp_of("") : stamp_of("x"));
    tree.settle({});
    return tree.finish(ListRequest{}, nullptr);
}

}  // namespace

TEST_CASE("every short key is a path and back, or no path at all") {
    const std::string letters = "/.a\n";
    for (const std::string prefix : {"", "p", "p/q"}) {
        BucketKeys keys(prefix);
        for (size_t number = 0; number < 4096; ++number) {
            std::string rest;
            for (size_t left = number; left > 0; left /= 5) {
                if (left % 5 > 0) rest += letters[left % 5 - 1];
            }
            std::string key = keys.beginning() + rest;
            std::optional<BucketKeys::Place> place = keys.place_of(key);
            bool is_marker = rest.ends_with('/');
            std::string_view bare = std::string_view(rest).substr(0, rest.size() - (is_marker ? 1 : 0));
            bool is_path = rest.empty() || (!bare.empty() && is_valid_path(bare));
            REQUIRE(place.has_value() == is_path);
            if (!place || place->path.empty()) continue;
            REQUIRE(place->is_directory == is_marker);
            REQUIRE((is_marker ? keys.directory_key(place->path) : keys.file_key(place->path)) == key);
        }
    }
    CHECK(BucketKeys("a/b//").prefix() == "a/b");
    CHECK(!BucketKeys("p").place_of("pq/x"));
    CHECK(BucketKeys::why_no_key(std::string(1024, 'k')).empty());
    CHECK(!BucketKeys::why_no_key(std::string(1025, 'k')).empty());
    CHECK(!BucketKeys::why_no_key("caf\xe9").empty());
}

TEST_CASE("a link stays inside however other links turn") {
    CHECK(link_stays_inside("a/b/l", "../c"));
    CHECK(link_stays_inside("a/b/l", "../../c/./d"));
    CHECK(link_stays_inside("l", "x/y"));
    for (const char* target : {"", "/etc", "..", "../x", "x/../y", "./x/.."}) CHECK(!link_stays_inside("l", target));
    CHECK(!link_stays_inside("a/l", "../../x"));
    CHECK(!link_stays_inside("a/b/c/l", "d/../.."));
}

TEST_CASE("metadata comes back as it was written, also from servers that change names") {
    std::mt19937_64 random(7);
    for (int round = 0; round < 500; ++round) {
        ObjectFacts facts;
        facts.sha256 = sha256_of(std::to_string(round));
        facts.mode = static_cast<uint16_t>(random() & 07777);
        facts.mtime = static_cast<TimeNs>(random()) / 4;
        std::string target;
        for (size_t i = random() % 500; i > 0; --i) target += static_cast<char>(1 + random() % 255);
        if (!target.empty()) facts.link = target;
        std::optional<ObjectMetadata> written = write_metadata(facts);
        if (!written) continue;
        ObjectMetadata changed;
        for (const auto& [name, value] : *written) {
            REQUIRE(value.size() <= 256);
            for (char c : value) REQUIRE((c > 32 && c < 127));
            std::string other = name;
            for (char& c : other) c = c == '-' && round % 2 == 0 ? '_' : c;
            changed[other] = value;
        }
        ObjectFacts read = read_metadata(changed);
        REQUIRE(read.sha256 == facts.sha256);
        REQUIRE(read.mode == facts.mode);
        REQUIRE(read.mtime == facts.mtime);
        REQUIRE(read.link == facts.link);
    }
    ObjectFacts long_link;
    long_link.link = std::string(4000, 'x');
    CHECK(!write_metadata(long_link));
    CHECK(parse_mtime("1700000000.5") == 1'700'000'000'500'000'000);
    CHECK(parse_mtime("1700000000") == 1'700'000'000'000'000'000);
    CHECK(format_mtime(-1'500'000'000) == "-1.500000000");
    for (const char* text : {"", "x", "1.", ".5", "1.1234567890", "99999999999999999999", "--1"})
        CHECK(!parse_mtime(text));
    CHECK(read_metadata({{"mode", "99999"}, {"sha256", "ab"}, {"symlink-target", "%zz"}}).mode == std::nullopt);
    CHECK(hex(read_metadata({{"md5chksum", "1B2M2Y8AsgTpgAmY7PhCfg=="}}).md5) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(link_body(sha256_of("x")).size() == link_body_size);
}

TEST_CASE("an ETag that is an MD5 can be had back from the stamp, and no other is taken for one") {
    std::string etag = "0123456789abcdef8877665544332211";
    CHECK(etag_of(object_stamp(5, etag)) == etag);
    CHECK(hex(md5_of(object_stamp(5, etag))) == etag);
    for (const std::string other : {"0123456789abcdef8877665544332211-2", "w/x", "zz23456789abcdef8877665544332211"}) {
        CHECK(etag_of(object_stamp(5, other)).empty());
        CHECK(object_stamp(5, other).known());
        CHECK(object_stamp(5, other) != object_stamp(5, other + "1"));
        CHECK(!is_racy(object_stamp(5, other), INT64_MAX));
    }
    CHECK(!object_stamp(5, "").known());
    CHECK(object_stamp(5, "", 1) != object_stamp(5, "", 2));
}

TEST_CASE("keys become a tree, and what cannot be in it is named") {
    CHECK(paths_of(list({"p/", "p/a", "p/a-b", "p/d/e/f", "p/d.x", "p/g/", "p/g/h"})) ==
          std::vector<std::string>{"a", "a-b", "d/", "d/e/", "d/e/f", "d.x", "g/", "g/h"});
    Listing odd = list({"p//x", "p/../x", "p/a//b", "p/./y", "p/ok", "p/new\nline"});
    CHECK(paths_of(odd) == std::vector<std::string>{"new\nline", "ok"});
    CHECK(odd.problems.size() == 4);
    CHECK(odd.incomplete.empty());
    for (const auto& keys :
         {std::vector<std::string>{"p/a", "p/a/b"}, {"p/a", "p/a/", "p/a/b"}, {"p/a", "p/a-", "p/a/b"}}) {
        Listing both = list(keys);
        REQUIRE(both.problems.size() == 1);
        CHECK(both.problems.front().path == "a");
        CHECK(both.tree[both.tree.find("a")].kind == Kind::directory);
        CHECK(both.tree.find("a/b") != Tree::none);
    }
    CHECK(list({"p/a", "p/a/"}).problems.size() == 1);
    CHECK(paths_of(list({"x", "y/z"}, "")) == std::vector<std::string>{"x", "y/", "y/z"});
}

TEST_CASE("any order of keys gives the same tree") {
    std::mt19937 random(3);
    std::vector<std::string> keys;
    for (int i = 0; i < 300; ++i) {
        std::string key = "p";
        for (unsigned depth = 1 + random() % 4; depth > 0; --depth)
            key += "/" + std::string(1, "ab-.0"[random() % 5]) + "x";
        keys.push_back(key + (random() % 4 == 0 ? "/" : ""));
    }
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::vector<std::string> expected = paths_of(list(keys));
    CHECK(expected.size() > 100);
    for (int round = 0; round < 20; ++round) {
        std::shuffle(keys.begin(), keys.end(), random);
        REQUIRE(paths_of(list(keys)) == expected);
    }
}

TEST_CASE("what the baseline knows is not asked for again") {
    BucketKeys keys("p");
    Baseline baseline;
    BaselineEntry row;
    row.kind = Kind::file;
    row.mode = 0755;
    row.size = 1;
    row.set_target(stamp_of("x"));
    baseline.add("f", row);
    row = {};
    row.kind = Kind::symlink;
    baseline.add("l", row, "to/there");
    baseline.add("m", row, "elsewhere");
    ObjectTree tree(keys);
    std::string body = link_body(sha256_of("to/there"));
    for (const char* key : {"p/l", "p/m", "p/n"}) tree.add(key, stamp_of(body));
    tree.add("p/f", stamp_of("x"));
    ListRequest request;
    request.baseline = &baseline;
    tree.settle(request);
    REQUIRE(tree.unclear().size() == 2);
    CHECK(tree.path(tree.unclear()[0]) == "m");
    Listing listing = tree.finish(ListRequest{}, nullptr);
    const Entry& link = listing.tree[listing.tree.find("l")];
    CHECK(link.kind == Kind::symlink);
    CHECK(listing.tree.link(link) == "to/there");
    CHECK(listing.tree[listing.tree.find("f")].mode == 0755);
    CHECK(listing.tree[listing.tree.find("n")].mode == 0644);
}

TEST_CASE("only a source whose modes are kept is asked for those of its directories") {
    BucketKeys keys("p");
    Baseline baseline;
    BaselineEntry row;
    row.kind = Kind::directory;
    row.mode = 0750;
    baseline.add("known", row);
    for (bool wants_modes : {false, true}) {
        for (bool is_target : {false, true}) {
            ObjectTree tree(keys);
            for (const char* key : {"p/known/", "p/new/", "p/implied/f"}) tree.add(key, stamp_of(""));
            ListRequest request;
            request.baseline = &baseline;
            request.wants_modes = wants_modes;
            request.is_target = is_target;
            tree.settle(request);
            bool asks = wants_modes && !is_target;
            REQUIRE(tree.unclear().size() == (asks ? 1 : 0));
            if (!asks) continue;
            CHECK(tree.path(tree.unclear()[0]) == "new");
            tree.set_mode(tree.unclear()[0], 0711);
            Listing listing = tree.finish(request, nullptr);
            CHECK(listing.tree[listing.tree.find("known")].mode == 0750);
            CHECK(listing.tree[listing.tree.find("new")].mode == 0711);
            CHECK(listing.tree[listing.tree.find("implied")].mode == 0700);
        }
    }
}
