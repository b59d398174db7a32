// How much one listing may tell: what a server says of its tree is held in memory, and an endless one would take it
// all. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/error.hpp"

namespace syncline {

/// `max_entries` in [engine].
constexpr uint64_t default_max_entries = 20'000'000;

/// A listing was given up for its size: nothing may be decided by it, and the run halts (incomplete-listing).
class ListingTooLarge : public Error {
  public:
    explicit ListingTooLarge(const std::string& why) : Error(Errc::failed, why) {}
};

/// Counts what one listing told so far. Whoever adds to a listing takes from its budget first.
class ListingBudget {
  public:
    explicit ListingBudget(uint64_t max_entries)
        : max_entries_(max_entries), max_bytes_(std::max(least_bytes, max_entries * bytes_of_an_entry)) {}

    /// An entry whose path and link have so many bytes. Throws ListingTooLarge.
    void take(uint64_t name_bytes) {
        if (++entries_ > max_entries_) {
            throw ListingTooLarge("it has more than " + std::to_string(max_entries_) + " entries");
        }
        take_bytes(name_bytes);
    }

    /// What is held beside whole entries. Throws ListingTooLarge.
    void take_bytes(uint64_t bytes) {
        bytes_ += bytes;
        if (bytes_ > max_bytes_) {
            throw ListingTooLarge("its " + std::to_string(entries_) + " entries have more than " +
                                  std::to_string(max_bytes_ >> 20) + " MiB of names");
        }
    }

  private:
    // Of paths and links. Real trees have some 60 bytes in each.
    static constexpr uint64_t bytes_of_an_entry = 256, least_bytes = uint64_t{64} << 20;

    uint64_t max_entries_, max_bytes_;
    uint64_t entries_ = 0, bytes_ = 0;
};

}  // namespace syncline
