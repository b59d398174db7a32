// Transfer: one request on one libcurl handle, from its start to its end. Lives on the stack of Transport::perform().
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <string>

#include "async/event.hpp"
#include "s3/transport.hpp"

namespace syncline::s3 {

class Transfer {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `handle` is fresh or reset, and stays the caller's.
    Transfer(CURL* handle, const HttpRequest& request, HeadObserver* observer, const std::string& ca_file,
             const Patience& patience, const asio::any_io_executor& executor);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    CURL* handle() const { return handle_; }

    /// Something of this connection's can be read, which libcurl tells of only once a line is whole.
    void note_arrival();
    /// Whether that matters: the answer has not begun.
    bool awaits_answer() const { return response_.status < 200; }

    /// libcurl is done with it.
    void finish(CURLcode result);
    /// Gives it up when it stalls, trickles or has no answer in time.
    void watch(Time now);

    /// Feeds and drains it until it has ended; then the answer, or throws TransportError.
    Task<HttpResponse> run();

  private:
    enum class Phase : uint8_t { connecting, sending, waiting, receiving };

    static size_t on_header(char* data, size_t size, size_t count, void* self);
    static size_t on_body(char* data, size_t size, size_t count, void* self);
    static size_t on_read(char* data, size_t size, size_t count, void* self);
    static int on_seek(void* self, curl_off_t offset, int origin);
    void set_options(const std::string& ca_file, const Patience& patience);
    void set_body();
    bool take_header(std::string_view line);
    size_t take_body(std::string_view bytes);
    size_t give_body(char* data, size_t size);
    void judge_head();
    bool goes_to_sink() const { return request_.sink && response_.status / 100 == 2; }
    Phase phase() const;
    void give_up(Failure failure, const std::string& why);
    void judge_time(Phase phase, Duration passed);
    bool is_kept_waiting() const;
    size_t refuse(const std::string& why);
    Task<void> drain();
    Task<void> allow_more();
    void unpause();
    [[noreturn]] void fail() const;

    CURL* handle_;
    const HttpRequest& request_;
    HeadObserver* observer_;
    const Patience& patience_;
    HttpResponse response_;
    curl_slist* headers_ = nullptr;
    char curl_words_[CURL_ERROR_SIZE] = "";
    Event wake_;
    std::string pending_;   ///< came in and is not yet in the sink
    std::string draining_;  ///< on its way there
    std::exception_ptr refusal_;
    bool head_done_ = false;
    bool head_ended_ = false;  ///< its empty line came
    size_t head_bytes_ = 0;    ///< of the answer and of those before it ("100 Continue")
    unsigned heads_ = 0, arrivals_ = 0;
    bool receive_paused_ = false, send_paused_ = false;
    bool busy_ = false;  ///< we hold it up ourselves: sink or pacer
    bool ended_ = false;
    size_t sent_ = 0;
    size_t allowed_ = 0;                   ///< by the pacer, up to this offset of the body
    size_t pace_step_ = size_t{64} << 10;  ///< bytes that the pacer is asked for next
    uint64_t moved_ = 0;                   ///< bytes in both directions
    uint64_t moved_at_mark_ = 0;
    Time mark_;
    Time phase_began_;
    Phase phase_at_mark_ = Phase::connecting;
    CURLcode result_ = CURLE_OK;
    Failure given_up_as_ = Failure::lost;
    std::string given_up_why_;
};

}  // namespace syncline::s3
