// InputPump: reads a descriptor that is shared with other processes, on a thread of its own. Made non-blocking it would
// be so for all of them, and regular files cannot be waited for at all.
//
// Engine's thread. Its end ends the thread, whatever that waits for; bytes that were read by then and not taken are
// lost.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <thread>
#include <vector>

#include "ssh/stream.hpp"

namespace syncline::ssh {

class InputPump final : public InputSource {
  public:
    /// Reads from now on. `fd` outlives it and is not closed. Throws Error when the process has no descriptors left.
    InputPump(const asio::any_io_executor& executor, int fd);
    ~InputPump() override;

    /// What has come; waits for at least a byte. A descriptor that cannot be read counts as one that has ended.
    Task<std::string_view> next() override;

  private:
    void serve(int to, std::stop_token stop) const;

    int fd_;
    int wake_;  ///< an eventfd
    asio::posix::stream_descriptor pipe_;
    std::vector<char> buffer_;
    std::jthread thread_;
};

}  // namespace syncline::ssh
