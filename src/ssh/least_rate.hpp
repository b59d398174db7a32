// LeastRate: tells a peer that drips from one that is busy. Pure.
//
// A server may be silent for as long as its disks take, and says much at once when it has something to say. One that
// sends a few bytes now and then, for ever, keeps every limit on silence from coming.
#pragma once

#include <chrono>
#include <cstddef>

namespace syncline::ssh {

class LeastRate {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// A piece came in; false when all that came within the last half minute came in crumbs.
    bool note(size_t bytes, Time now) {
        bytes_ += bytes;
        ++pieces_;
        if (now - began_ < window) return true;
        bool drips = pieces_ >= many_pieces && bytes_ < pieces_ * bytes_of_a_crumb;
        began_ = now;
        bytes_ = pieces_ = 0;
        return !drips;
    }

    explicit LeastRate(Time now) : began_(now) {}

  private:
    static constexpr auto window = std::chrono::seconds(30);
    static constexpr size_t many_pieces = 25, bytes_of_a_crumb = 48;

    Time began_;
    size_t bytes_ = 0, pieces_ = 0;
};

}  // namespace syncline::ssh
