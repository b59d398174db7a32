// Connection: the bytes of one client, within limits: what it may send before its request is whole, and how long it may
// take. Used by one thread; close_down() may come from any.
#pragma once

#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>

namespace syncline::status {

class Connection final : public httplib::Stream {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Takes the descriptor, which does not block.
    explicit Connection(int fd);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Ends every wait of its thread, now and later.
    void close_down();
    /// Tells the client that no more comes, and waits a moment until it has taken all of it.
    void finish();
    /// The request is whole: it may take no longer to write an answer than to read one.
    void begin_answer() { is_reading_ = false; }
    bool is_reading() const { return is_reading_; }
    /// For an answer without an end: each part of it has its own deadline.
    void begin_stream() { is_stream_ = true; }
    /// Whether the client has hung up.
    bool has_hung_up() const;

    bool is_readable() const override { return true; }
    bool is_writable() const override { return !has_hung_up(); }
    ssize_t read(char* data, size_t size) override;
    ssize_t write(const char* data, size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    socket_t socket() const override { return fd_; }

  private:
    bool fill();
    bool wait(short events, Time deadline) const;

    int fd_;
    Time opened_at_ = std::chrono::steady_clock::now();
    std::array<char, 4096> buffer_{};
    size_t begin_ = 0, end_ = 0;
    size_t received_ = 0;
    std::atomic<bool> is_reading_{true}, is_closed_{false};
    bool is_stream_ = false;
};

}  // namespace syncline::status
