// Whole runs against a bucket server that sends without end, or what is not ours: it is stopped, and not believed.
#include "bucket_run_fixture.hpp"
#include "endpoint/archive_manifest.hpp"
#include "endpoint/ssh_tar.hpp"
#include "endpoint/zstd_stream.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("a bucket that lists without end halts the run, whichever way it goes") {
    for (bool pulls : {false, true}) {
        BucketRunFixture fixture;
        fixture.write("root/kept", "here");
        if (pulls) fixture.pull();
        fixture.max_entries = 5000;
        std::atomic<int> pages{0};
        fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
            if (!s3::is_list(request)) return std::nullopt;
            std::string keys;
            int number = ++pages;
            for (int i = 0; i < 1000; ++i) {
                char key[32];
                std::snprintf(key, sizeof key, "p/%08d-%04d", number, i);
                keys += listed(key);
            }
            return s3::reply(200, page(keys, "token" + std::to_string(number)));
        });
        RunReport report = fixture.run();
        INFO(words(report));
        REQUIRE(report.outcome == Outcome::halted);
        CHECK(report.halts.front().guard == Guard::incomplete_listing);
        CHECK(has(words(report), "more than 5000 entries"));
        CHECK(has(report.halts.front().resolve, "max_entries"));
        CHECK(pages == 6);
        CHECK(fixture.bucket.contents().empty());
        CHECK(fixture.snapshot("root").size() == 1);
    }
}

TEST_CASE("an object that grows past what was listed is that file's problem") {
    BucketRunFixture fixture;
    fixture.pull();
    fixture.bucket.put("p/good", "good");
    fixture.bucket.put("p/liar", "small");
    fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
        if (request.method != "GET" || key_of(request) != "p/liar") return std::nullopt;
        Reply answer{"HTTP/1.1 200 x\r\n\r\n" + std::string(size_t{32} << 20, 'x'), Reply::Then::close};
        return answer;
    });
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(report.outcome == Outcome::partial);
    CHECK(has(words(report), "liar"));
    CHECK(has(words(report), "more of 'p/liar' than was listed"));
    CHECK(fixture.snapshot("root") == std::map<std::string, std::string>{{"good", "good"}});
}

TEST_CASE("an archive that unpacks without end is left, and so is a manifest that lists too much") {
    BucketRunFixture fixture;
    fixture.job.transfer = Transfer::tar;
    fixture.write("root/file", "content");
    REQUIRE(fixture.run().outcome == Outcome::success);
    ZstdWriter writer;
    std::string bomb;
    const std::string piece(size_t{1} << 20, '\0');
    TarMember member;
    member.path = "unwanted";
    member.size = uint64_t{1} << 40;
    append_tar_header(bomb, member);
    std::string packed_bomb;
    writer.add(bomb, packed_bomb);
    for (int i = 0; i < 300; ++i) writer.add(piece, packed_bomb);
    writer.finish(packed_bomb);
    ArchiveManifest manifest;
    for (const auto& [key, content] : fixture.bucket.contents()) {
        if (key.ends_with("manifest") || key.find(manifest_name) != std::string::npos)
            manifest = read_manifest(content);
    }
    REQUIRE(manifest.tree.size() == 1);
    CHECK_THROWS_AS(read_manifest(write_manifest(manifest), 0), ListingTooLarge);
    // The same names, and the bomb in the place of the archive.
    std::string key = "p/" + manifest.archive;
    fixture.bucket.put(key, packed_bomb);
    manifest.archive_bytes = packed_bomb.size();
    manifest.archive_etag.clear();
    fixture.bucket.put("p/" + std::string(manifest_name), write_manifest(manifest));
    fixture.remove("root/file");
    fixture.pull();
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(report.outcome == Outcome::partial);
    CHECK(has(words(report), "it holds far more than its manifest says"));
}

TEST_CASE("what a look after an upload shows is not taken for what was sent") {
    BucketRunFixture fixture;
    fixture.write("root/large", std::string(20'000'000, 'x'));
    std::atomic<bool> is_complete{false};
    std::atomic<int> looks{0};
    // Somebody with the same metadata is faster than the look.
    fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
        bool completes = request.method == "POST" && has(request.target, "uploadId=");
        if (request.method == "HEAD" && is_complete) ++looks;
        bool is_look = request.method == "HEAD" && is_complete && looks == 1;
        Reply answer = fixture.bucket.obey(request);
        is_complete = is_complete || completes;
        if (!is_look) return answer;
        size_t etag = answer.bytes.find("ETag: \"");
        if (etag != std::string::npos) answer.bytes.replace(etag + 7, 32, "0123456789abcdef0123456789abcdef");
        return answer;
    });
    RunReport report = fixture.run();
    INFO(words(report));
    REQUIRE(report.outcome == Outcome::success);
    REQUIRE(looks == 1);
    RunReport again = fixture.run();
    CHECK(again.outcome == Outcome::success);
    CHECK(looks > 1);  // nothing is known of it, so it was looked at
    CHECK(again.done.put == 0);
}
