#include "s3/transport.hpp"

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <set>

#include "s3/transfer.hpp"

namespace syncline::s3 {
namespace {

using Descriptor = asio::posix::stream_descriptor;
constexpr auto watch_interval = std::chrono::milliseconds(250);

/// A socket of libcurl's while Asio waits for it. libcurl closes it.
struct Socket {
    Socket(const asio::any_io_executor& executor, int fd) : descriptor(executor, fd) {}
    ~Socket() {
        if (descriptor.is_open()) descriptor.release();
    }

    Descriptor descriptor;
    int wanted = CURL_POLL_NONE;
    bool waits_to_read = false, waits_to_write = false, gone = false;
};

}  // namespace

class TransportCore : public std::enable_shared_from_this<TransportCore> {
  public:
    TransportCore(const asio::any_io_executor& executor, std::string ca_file, const Patience& patience);
    ~TransportCore();
    TransportCore(const TransportCore&) = delete;
    TransportCore& operator=(const TransportCore&) = delete;

    Task<HttpResponse> perform(const HttpRequest& request, HeadObserver* observer);
    uint64_t connections() const { return connections_; }

  private:
    class Membership;
    static int on_socket(CURL* handle, curl_socket_t fd, int what, void* self, void* unused);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);
    void change_socket(int fd, int what);
    void set_timer(long timeout_ms);
    void arm(const std::shared_ptr<Socket>& socket, int fd);
    void wait_for(const std::shared_ptr<Socket>& socket, int fd, Descriptor::wait_type type);
    void act(int fd, int events);
    void note_arrival(int fd);
    void watch();
    CURL* take_handle();

    asio::any_io_executor executor_;
    std::string ca_file_;
    Patience patience_;
    CURLM* multi_;
    std::map<int, std::shared_ptr<Socket>> sockets_;
    asio::steady_timer timer_, watch_timer_;
    std::set<Transfer*> transfers_;
    std::vector<CURL*> idle_;
    uint64_t connections_ = 0;
    bool watching_ = false;
};

/// A transfer while libcurl works on it.
class TransportCore::Membership {
  public:
    Membership(TransportCore& core, Transfer& transfer) : core_(core), transfer_(transfer) {
        core_.transfers_.insert(&transfer);
        if (!core_.watching_) core_.watch();
        curl_multi_add_handle(core_.multi_, transfer.handle());
    }
    ~Membership() {
        curl_multi_remove_handle(core_.multi_, transfer_.handle());
        core_.transfers_.erase(&transfer_);
        long made = 0;
        if (curl_easy_getinfo(transfer_.handle(), CURLINFO_NUM_CONNECTS, &made) == CURLE_OK) {
            core_.connections_ += static_cast<uint64_t>(made);
        }
        // Otherwise it would keep pointers into what dies now.
        curl_easy_reset(transfer_.handle());
        core_.idle_.push_back(transfer_.handle());
        if (!core_.transfers_.empty()) return;
        core_.watching_ = false;
        core_.watch_timer_.cancel();
    }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

  private:
    TransportCore& core_;
    Transfer& transfer_;
};

TransportCore::TransportCore(const asio::any_io_executor& executor, std::string ca_file, const Patience& patience)
    : executor_(executor), ca_file_(std::move(ca_file)), patience_(patience), timer_(executor), watch_timer_(executor) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = global == CURLE_OK ? curl_multi_init() : nullptr;
    if (!multi_) throw Error(Errc::failed, "libcurl cannot be started; is there memory left?");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &TransportCore::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &TransportCore::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 128L);
}

TransportCore::~TransportCore() {
    for (auto* handle : idle_) curl_easy_cleanup(handle);
    curl_multi_cleanup(multi_);
}

int TransportCore::on_socket(CURL* /*handle*/, curl_socket_t fd, int what, void* self, void* /*unused*/) {
    try {
        static_cast<TransportCore*>(self)->change_socket(fd, what);
        return 0;
    } catch (const std::exception&) {
        return -1;
    }
}

int TransportCore::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
    static_cast<TransportCore*>(self)->set_timer(timeout_ms);
    return 0;
}

void TransportCore::change_socket(int fd, int what) {
    auto found = sockets_.find(fd);
    if (what == CURL_POLL_REMOVE) {
        if (found == sockets_.end()) return;
        found->second->gone = true;
        found->second->descriptor.release();
        sockets_.erase(found);
        return;
    }
    if (found == sockets_.end()) found = sockets_.emplace(fd, std::make_shared<Socket>(executor_, fd)).first;
    const auto socket = found->second;
    socket->wanted = what;
    arm(socket, fd);
}

void TransportCore::arm(const std::shared_ptr<Socket>& socket, int fd) {
    if ((socket->wanted & CURL_POLL_IN) && !socket->waits_to_read) wait_for(socket, fd, Descriptor::wait_read);
    if ((socket->wanted & CURL_POLL_OUT) && !socket->waits_to_write) wait_for(socket, fd, Descriptor::wait_write);
}

void TransportCore::wait_for(const std::shared_ptr<Socket>& socket, int fd, Descriptor::wait_type type) {
    const bool reads = type == Descriptor::wait_read;
    (reads ? socket->waits_to_read : socket->waits_to_write) = true;
    std::weak_ptr<TransportCore> weak = weak_from_this();
    auto ready = [weak, socket, fd, reads](asio::error_code error) {
        (reads ? socket->waits_to_read : socket->waits_to_write) = false;
        auto core = weak.lock();
        if (error || !core || socket->gone) return;
        // Not wanted any more: the wait was for an earlier state.
        if (socket->wanted & (reads ? CURL_POLL_IN : CURL_POLL_OUT)) {
            core->act(fd, reads ? CURL_CSELECT_IN : CURL_CSELECT_OUT);
        }
        if (!socket->gone) core->arm(socket, fd);
    };
    socket->descriptor.async_wait(type, ready);
}

void TransportCore::set_timer(long timeout_ms) {
    timer_.cancel();
    if (timeout_ms < 0) return;
    timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    std::weak_ptr<TransportCore> weak = weak_from_this();
    timer_.async_wait([weak](asio::error_code error) {
        auto core = weak.lock();
        if (!error && core) core->act(CURL_SOCKET_TIMEOUT, 0);
    });
}

void TransportCore::act(int fd, int events) {
    if (events == CURL_CSELECT_IN) note_arrival(fd);
    int running = 0;
    curl_multi_socket_action(multi_, fd, events, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        char* transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        reinterpret_cast<Transfer*>(transfer)->finish(message->data.result);
    }
}

/// Several transfers may share a connection (HTTP/2), of which nobody can tell whose bytes these are.
void TransportCore::note_arrival(int fd) {
    Transfer* only = nullptr;
    for (auto* transfer : transfers_) {
        curl_socket_t socket = CURL_SOCKET_BAD;
        if (!transfer->awaits_answer()) continue;
        curl_easy_getinfo(transfer->handle(), CURLINFO_ACTIVESOCKET, &socket);
        if (socket != fd) continue;
        if (only) return;
        only = transfer;
    }
    if (only) only->note_arrival();
}

/// One timer looks after all transfers, as long as there are any.
void TransportCore::watch() {
    watching_ = !transfers_.empty();
    if (!watching_) return;
    const auto now = std::chrono::steady_clock::now();
    for (auto* transfer : transfers_) transfer->watch(now);
    watch_timer_.expires_after(watch_interval);
    std::weak_ptr<TransportCore> weak = weak_from_this();
    watch_timer_.async_wait([weak](asio::error_code error) {
        auto core = weak.lock();
        if (!error && core) core->watch();
    });
}

CURL* TransportCore::take_handle() {
    if (!idle_.empty()) {
        CURL* handle = idle_.back();
        idle_.pop_back();
        return handle;
    }
    CURL* handle = curl_easy_init();
    if (!handle) throw Error(Errc::failed, "libcurl has no memory left");
    return handle;
}

Task<HttpResponse> TransportCore::perform(const HttpRequest& request, HeadObserver* observer) {
    Transfer transfer(take_handle(), request, observer, ca_file_, patience_, executor_);
    Membership membership(*this, transfer);
    co_return co_await transfer.run();
}

Transport::Transport(const asio::any_io_executor& executor, std::string ca_file, Patience patience)
    : core_(std::make_shared<TransportCore>(executor, std::move(ca_file), patience)) {}
Transport::~Transport() = default;
Task<HttpResponse> Transport::perform(const HttpRequest& request, HeadObserver* observer) {
    return core_->perform(request, observer);
}
uint64_t Transport::connections() const { return core_->connections(); }

}  // namespace syncline::s3
