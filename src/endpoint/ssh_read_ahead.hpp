// ReadAhead: reads the next piece of an input while the one before is sent. Made for one stream; engine's thread; the
// input outlives it, and it outlives the nursery in which it works.
#pragma once

#include <string>
#include <string_view>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "ssh/stream.hpp"

namespace syncline {

class ReadAhead final : public ssh::InputSource {
  public:
    ReadAhead(const asio::any_io_executor& executor, ssh::InputSource& input)
        : input_(input), filled_(executor), taken_(executor) {}

    /// Reads on in `nursery` until the input ends or the nursery is cancelled, which its user does.
    void work_in(Nursery& nursery) { nursery.spawn(read()); }
    Task<std::string_view> next() override;

  private:
    Task<void> read();

    ssh::InputSource& input_;
    Event filled_, taken_;
    std::string ahead_, current_;
    bool is_full_ = false;
};

}  // namespace syncline
