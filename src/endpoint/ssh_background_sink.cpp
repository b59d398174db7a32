#include "endpoint/ssh_background_sink.hpp"

namespace syncline {

Task<void> BackgroundSink::take(std::string_view bytes) {
    co_await means_.take_share(bytes.size());
    waiting_ += bytes;
    if (!is_working_) {
        is_working_ = true;
        nursery_->spawn(drain());
    }
    while (waiting_.size() >= most_waiting_bytes) co_await changed_.wait();
}

Task<void> BackgroundSink::drain() {
    while (!waiting_.empty()) {
        std::swap(waiting_, in_work_);
        waiting_.clear();
        auto work = [this](std::stop_token) { consumer_(in_work_); };
        co_await offload(means_.workers, work);
        changed_.notify();
    }
    is_working_ = false;
    changed_.notify();
}

Task<void> BackgroundSink::finish() {
    while (is_working_) co_await changed_.wait();
}

}  // namespace syncline
