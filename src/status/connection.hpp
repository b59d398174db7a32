// Connection: the bytes of one client, within limits: what it may send before its request is whole, and how long it may
// take. Used by one thread; close_down() may come from any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::status {

class Connection {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Takes the descriptor, which does not block.
    explicit Connection(int fd);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Ends every wait of its thread, now and later.
    void close_down();
    /// What the client sent up to the first empty line, without that; once. nullopt when it has hung up, is too slow or
    /// sends too much.
    std::optional<std::string> read_head();
    /// False when the client has hung up, or does not take it in time.
    bool write(std::string_view data);
    /// Tells the client that no more comes, and waits a moment until it has taken all of it.
    void finish();
    /// The request is whole: it may take no longer to write an answer than to read one.
    void begin_answer() { is_reading_ = false; }
    bool is_reading() const { return is_reading_; }
    /// For an answer without an end: each part of it has its own deadline.
    void begin_stream() { is_stream_ = true; }
    /// Whether the client has hung up.
    bool has_hung_up() const;

  private:
    size_t receive(Time deadline);
    bool wait(short events, Time deadline) const;

    int fd_;
    Time opened_at_ = std::chrono::steady_clock::now();
    std::array<char, 4096> buffer_{};
    size_t received_ = 0;
    std::atomic<bool> is_reading_{true}, is_closed_{false};
    bool is_stream_ = false;
};

}  // namespace syncline::status
