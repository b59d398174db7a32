// Which way content takes over SSH, and what is known of content that was begun.
#include "endpoint/ssh_ways.hpp"

#include <catch2/catch_test_macros.hpp>

#include "endpoint/kept_beginnings.hpp"
#include "endpoint/ssh_side_streams.hpp"
#include "fs/walk.hpp"

using namespace syncline;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr uint64_t mebi = 1 << 20;

}  // namespace

TEST_CASE("small files share a stream, large ones go by themselves, and how large depends on the distance") {
    WayChooser near(Transfer::automatic, microseconds(100), 10);
    CHECK(near.choose(0, 0) == Way::stream);
    CHECK(near.choose(8 * mebi - 1, 0) == Way::stream);
    CHECK(near.choose(8 * mebi, 0) == Way::file);
    WayChooser far(Transfer::automatic, milliseconds(40), 10);
    CHECK(far.large_bytes() > near.large_bytes());
    WayChooser crowd(Transfer::automatic, microseconds(100), 5000);
    CHECK(crowd.choose(8 * mebi, 0) == Way::stream);
    CHECK(crowd.choose(64 * mebi, 0) == Way::file);
    WayChooser unknown(Transfer::automatic, std::chrono::hours(1), 10);
    CHECK(unknown.choose(64 * mebi, 0) == Way::file);
}

TEST_CASE("a file of which a part lies there goes by itself, but for the job's own word") {
    WayChooser by_itself(Transfer::automatic, microseconds(100), 5000);
    CHECK(by_itself.choose(1000, 10) == Way::file);
    CHECK(by_itself.choose(1000, 1000) == Way::stream);
    CHECK(WayChooser(Transfer::files, microseconds(100), 1).choose(1, 0) == Way::file);
    CHECK(WayChooser(Transfer::tar, microseconds(100), 1).choose(1 << 30, 0) == Way::stream);
}

TEST_CASE("several streams are for large batches over long round trips") {
    CHECK(side_streams_for(microseconds(200), 1000 * mebi) == 0);
    CHECK(side_streams_for(milliseconds(9), 1000 * mebi) == 0);
    CHECK(side_streams_for(milliseconds(10), 1000 * mebi) == 1);
    CHECK(side_streams_for(milliseconds(40), 1000 * mebi) == 3);
    CHECK(side_streams_for(milliseconds(40), 16 * mebi) == 2);
    CHECK(side_streams_for(milliseconds(40), 1000) == 0);
    CHECK(side_streams_for(std::chrono::hours(1), 1000 * mebi) == 3);
}

TEST_CASE("a beginning is found again by the path that it was begun for, once") {
    KeptBeginnings kept;
    std::string one = new_beginning("d/large"), other = new_beginning("d/other");
    CHECK(one != new_beginning("d/large"));
    CHECK(one.starts_with("d/"));
    CHECK(fs::is_temporary_name(one.substr(2)));
    kept.add(one, 5 * mebi);
    kept.add(other, 6 * mebi);
    kept.add(new_beginning("large"), 7 * mebi);
    CHECK_FALSE(kept.take("d/third"));
    auto found = kept.take("d/large");
    REQUIRE(found);
    CHECK(found->path == one);
    CHECK(found->size == 5 * mebi);
    CHECK_FALSE(kept.take("d/large"));
    CHECK(kept.take("large")->size == 7 * mebi);
    CHECK(kept.take_all() == std::vector{other});
    CHECK(kept.is_empty());
}
