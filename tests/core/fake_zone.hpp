// A time zone made of a list of changes, for tests.
#pragma once

#include <utility>
#include <vector>

#include "core/local_time.hpp"

namespace syncline {

class FakeZone final : public LocalTime {
  public:
    /// `changes`: from this UTC second on, that offset; in order.
    FakeZone(int64_t first_offset_s, std::vector<std::pair<int64_t, int64_t>> changes)
        : first_offset_s_(first_offset_s), changes_(std::move(changes)) {}

    int64_t utc_offset_s(TimeNs instant) const override {
        int64_t offset_s = first_offset_s_;
        for (auto [from_s, changed_s] : changes_) {
            if (instant >= from_s * 1'000'000'000) offset_s = changed_s;
        }
        return offset_s;
    }

  private:
    int64_t first_offset_s_;
    std::vector<std::pair<int64_t, int64_t>> changes_;
};

}  // namespace syncline
