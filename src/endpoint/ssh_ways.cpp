#include "endpoint/ssh_ways.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr uint64_t smallest_large_bytes = 8 << 20;
constexpr uint64_t largest_large_bytes = 64 << 20;
/// To open a channel, start SFTP on it, learn its limits, open the file.
constexpr int64_t round_trips_of_a_file = 5;
constexpr int64_t bytes_a_microsecond = 100;
/// From so many files on, a large one among them is sent sooner in their stream than by itself, unless it is very
/// large.
constexpr size_t many_files = 1000;

}  // namespace

WayChooser::WayChooser(Transfer wanted, std::chrono::microseconds round_trip, size_t files) : wanted_(wanted) {
    int64_t sent_meanwhile = round_trip.count() * round_trips_of_a_file * bytes_a_microsecond;
    uint64_t smallest = files >= many_files ? 2 * smallest_large_bytes : smallest_large_bytes;
    large_bytes_ =
        std::clamp(static_cast<uint64_t>(std::max<int64_t>(sent_meanwhile, 0)), smallest, largest_large_bytes);
}

Way WayChooser::choose(uint64_t size, uint64_t kept_bytes) const {
    if (wanted_ == Transfer::files) return Way::file;
    bool goes_on = kept_bytes > 0 && kept_bytes < size;
    if (goes_on) return Way::file;
    if (wanted_ == Transfer::tar) return Way::stream;
    return size >= large_bytes_ ? Way::file : Way::stream;
}

}  // namespace syncline
