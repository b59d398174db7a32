// The manifest of an archive, and the zstd streams of both.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "base/error.hpp"
#include "endpoint/archive_manifest.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/zstd_stream.hpp"

using namespace syncline;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string packed(std::string_view text) {
    ZstdWriter writer;
    std::string out;
    writer.add(text, out);
    writer.finish(out);
    return out;
}

/// What comes of `bytes` when they arrive in pieces of `piece`; `error` is set, or the stream was whole.
std::string unpacked(std::string_view bytes, size_t piece, std::string& error) {
    ZstdReader reader;
    std::string out;
    ZstdReader::Take take = [&](std::string_view more) { out += more; };
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        reader.feed(bytes.substr(0, piece), take);
    error = reader.error();
    if (error.empty() && !reader.is_whole()) error = "not whole";
    return out;
}

ArchiveManifest some_manifest() {
    ArchiveManifest manifest;
    manifest.archive = new_archive_name();
    manifest.archive_bytes = 12345;
    manifest.archive_etag = "0123456789abcdef0123456789abcdef-2";
    TreeBuilder builder;
    Entry directory, file, link;
    directory.kind = Kind::directory;
    directory.mode = 0750;
    file.mode = 0640;
    file.stamp.size = 5;
    file.stamp.mtime = 1'700'000'000'000'000'001;
    link.kind = Kind::symlink;
    link.mode = 0777;
    builder.add("a", file);
    builder.add("d", directory);
    builder.add("d/\xff\xfe", file);
    builder.add("d/new\nline \"quoted\"", file);
    builder.add("l", link, "d/\xff\xfe");
    manifest.tree = builder.finish();
    for (size_t i = 0; i < manifest.tree.size(); ++i) {
        if (manifest.tree[i].kind == Kind::file) manifest.tree.set_digest(i, sha256_of(manifest.tree.path(i)));
    }
    return manifest;
}

const std::string head =
    R"({"version":1,"archive":".syncline-archive-0123456789abcdef.tar.zst","archive_bytes":1,"archive_etag":"e","entries":)";
const std::string digest(64, 'a');

std::string file_line(const std::string& path) {
    return R"({"path":")" + path + R"(","type":"file","mode":"0644","size":1,"mtime":"1.5","sha256":")" + digest +
           "\"}\n";
}

/// The sentence with which a manifest of these lines is refused; "" when it is taken.
std::string refusal(const std::string& lines) {
    try {
        read_manifest(packed(lines));
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("what is compressed comes back, in whatever pieces") {
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919) + (i % 10 == 0 ? "\n" : "");
    std::string bytes = packed(text), error;
    CHECK(bytes.size() < text.size() / 2);
    for (size_t piece : {size_t{1}, size_t{3}, size_t{4096}, bytes.size()}) {
        CHECK(unpacked(bytes, piece, error) == text);
        CHECK(error.empty());
    }
    CHECK(unpacked(packed(""), 1, error).empty());
    CHECK(error.empty());
}

TEST_CASE("a zstd stream that was cut or damaged is not taken for whole") {
    std::string bytes = packed(std::string(1000, 'x') + "y"), error;
    for (size_t size = 0; size < bytes.size(); ++size) {
        unpacked(std::string_view(bytes).substr(0, size), 7, error);
        CHECK(error == "not whole");
    }
    for (size_t i = 0; i < bytes.size(); ++i) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        std::string text = unpacked(damaged, 5, error);
        CHECK((!error.empty() || text == std::string(1000, 'x') + "y"));
    }
}

TEST_CASE("a manifest comes back as it was written") {
    ArchiveManifest manifest = some_manifest();
    ArchiveManifest read = read_manifest(write_manifest(manifest));
    CHECK(read.archive == manifest.archive);
    CHECK(read.archive_bytes == manifest.archive_bytes);
    CHECK(read.archive_etag == manifest.archive_etag);
    REQUIRE(read.tree.size() == manifest.tree.size());
    for (size_t i = 0; i < read.tree.size(); ++i) {
        CHECK(read.tree.path(i) == manifest.tree.path(i));
        CHECK(read.tree.link(read.tree[i]) == manifest.tree.link(manifest.tree[i]));
        CHECK(read.tree[i].kind == manifest.tree[i].kind);
        CHECK(read.tree[i].mode == manifest.tree[i].mode);
        CHECK(read.tree[i].digest == manifest.tree[i].digest);
        CHECK(read.tree[i].stamp.mtime == manifest.tree[i].stamp.mtime);
    }
}

TEST_CASE("a manifest that was cut or damaged is refused, and never something else") {
    std::string content = write_manifest(some_manifest());
    for (size_t size = 0; size < content.size(); ++size) {
        CHECK_THROWS_AS(read_manifest(std::string_view(content).substr(0, size)), Error);
    }
    for (size_t i = 0; i < content.size(); ++i) {
        std::string damaged = content;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x41);
        try {
            CHECK(write_manifest(read_manifest(damaged)) == content);
        } catch (const Error&) {
            continue;
        }
    }
}

TEST_CASE("a manifest that says what cannot be is refused for that") {
    CHECK(refusal(head + "1}\n" + file_line("a")).empty());
    CHECK_THAT(refusal(head + "2}\n" + file_line("a")), ContainsSubstring("ends early"));
    CHECK_THAT(refusal(head + "0}\n" + file_line("a")), ContainsSubstring("more entries"));
    CHECK_THAT(refusal(head + "2}\n" + file_line("b") + file_line("a")), ContainsSubstring("out of order"));
    CHECK_THAT(refusal(head + "2}\n" + file_line("a") + file_line("a")), ContainsSubstring("out of order"));
    CHECK_THAT(refusal(head + "1}\n" + file_line("d/a")), ContainsSubstring("does not name the directory"));
    CHECK_THAT(refusal(head + "2}\n" + file_line("d") + file_line("d/a")), ContainsSubstring("does not name"));
    CHECK_THAT(refusal(""), ContainsSubstring("ends early"));
    CHECK_THAT(refusal("[]\n"), ContainsSubstring("no JSON object"));
    CHECK_THAT(refusal("{\"version\":7}\n"), ContainsSubstring("newer"));
    CHECK_THAT(refusal("{}\n"), ContainsSubstring("version"));
    CHECK_THAT(refusal(std::string(size_t{3} << 20, 'x')), ContainsSubstring("too long"));
    std::string other = head;
    other.replace(other.find(".syncline"), 9, "../escape");
    CHECK_THAT(refusal(other + "0}\n"), ContainsSubstring("names no archive"));
    std::string no_digest = file_line("a");
    no_digest.replace(no_digest.find("sha256"), 6, "sha257");
    CHECK_THAT(refusal(head + "1}\n" + no_digest), ContainsSubstring("nothing that an archive holds"));
}

TEST_CASE("paths of a manifest stay in the tree") {
    auto path = GENERATE("..", "../a", "/a", "a//b", "a/", ".", "", ".syncline-archive.jsonl.zst",
                         ".syncline-archive-0123456789abcdef.tar.zst");
    CHECK_THAT(refusal(head + "1}\n" + file_line(path)), ContainsSubstring("impossible path"));
}

TEST_CASE("names that are kept for archives") {
    CHECK(is_archive_name(new_archive_name()));
    CHECK(new_archive_name() != new_archive_name());
    for (const char* name : {".syncline-archive-0123456789abcde.tar.zst", ".syncline-archive-0123456789abcdeg.tar.zst",
                             "d/.syncline-archive-0123456789abcdef.tar.zst", ".syncline-archive.jsonl.zst", ""}) {
        CHECK_FALSE(is_archive_name(name));
    }
    CHECK(is_reserved_for_archives(manifest_name));
}
