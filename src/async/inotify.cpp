#include "async/inotify.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

constexpr size_t event_buffer_bytes = size_t{64} << 10;
/// Between two looks at the queue: while nobody looks, the kernel makes one event of equal ones in a row, so that a
/// file that is written to without pause costs fifty wake-ups a second, and not one for each write.
constexpr std::chrono::milliseconds pause_between_looks{20};
/// What an inbox is told whether it asked or not.
constexpr uint32_t always_told = IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW;
constexpr uint32_t kinds_of_events = IN_ALL_EVENTS | always_told;

}  // namespace

class Inotify {
  public:
    /// Made by the first who asks, gone with the last who holds it.
    static std::shared_ptr<Inotify> shared() {
        static std::mutex mutex;
        static std::weak_ptr<Inotify> instance;
        std::lock_guard lock(mutex);
        auto living = instance.lock();
        if (!living) instance = living = std::make_shared<Inotify>();
        return living;
    }

    Inotify() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        if (fd_ < 0) {
            std::string advice =
                errno == EMFILE ? "; raise the limit with `sysctl fs.inotify.max_user_instances=1024`" : "";
            throw Error(Errc::failed, "the kernel gives no inotify instance: " + errno_text(errno) + advice);
        }
        end_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        reader_ = std::thread([this] { read_until_the_end(); });
    }

    ~Inotify() {
        ::eventfd_write(end_, 1);
        reader_.join();
        ::close(end_);
        ::close(fd_);
    }
    Inotify(const Inotify&) = delete;
    Inotify& operator=(const Inotify&) = delete;

    int watch(InotifyInbox& inbox, const std::string& path, uint32_t mask) {
        std::lock_guard lock(mutex_);
        int watch = ::inotify_add_watch(fd_, path.c_str(), mask | IN_MASK_ADD);
        if (watch < 0) return watch;
        for (Listener& listener : listeners_[watch]) {
            if (listener.inbox != &inbox) continue;
            listener.mask |= mask;
            return watch;
        }
        listeners_[watch].push_back({&inbox, mask});
        return watch;
    }

    void forget(InotifyInbox& inbox, int watch) {
        std::lock_guard lock(mutex_);
        auto found = listeners_.find(watch);
        if (found != listeners_.end() && leave(inbox, found->second)) remove(found);
    }

    void forget_all(InotifyInbox& inbox) {
        std::lock_guard lock(mutex_);
        for (auto at = listeners_.begin(); at != listeners_.end();) {
            auto next = std::next(at);
            if (leave(inbox, at->second)) remove(at);
            at = next;
        }
        std::erase(inboxes_, &inbox);
    }

    void join(InotifyInbox& inbox) {
        std::lock_guard lock(mutex_);
        inboxes_.push_back(&inbox);
    }

    std::vector<InotifyEvent> take(InotifyInbox& inbox) {
        std::lock_guard lock(mutex_);
        read_events();
        return std::exchange(inbox.events_, {});
    }

  private:
    struct Listener {
        InotifyInbox* inbox;
        uint32_t mask;
    };
    using Listeners = std::unordered_map<int, std::vector<Listener>>;

    void read_until_the_end() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the engine's thread's
        pollfd waiting[] = {{fd_, POLLIN, 0}, {end_, POLLIN, 0}};
        while (true) {
            if (::poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR) return;
            if (waiting[1].revents != 0) return;
            if (waiting[0].revents == 0) continue;
            {
                std::lock_guard lock(mutex_);
                read_events();
            }
            std::this_thread::sleep_for(pause_between_looks);
        }
    }

    void read_events() {
        alignas(inotify_event) char buffer[event_buffer_bytes];
        while (true) {
            ssize_t size = ::read(fd_, buffer, sizeof buffer);
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return;
            for (ssize_t at = 0; at < size;) {
                auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
                hand_out({event->wd, event->mask, event->len == 0 ? "" : event->name});
                at += static_cast<ssize_t>(sizeof *event + event->len);
            }
        }
    }

    void hand_out(InotifyEvent event) {
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
            for (InotifyInbox* inbox : inboxes_) put(*inbox, event);
            return;
        }
        auto found = listeners_.find(event.watch);
        if (found == listeners_.end()) return;
        for (const Listener& listener : found->second) {
            if ((event.mask & kinds_of_events & (listener.mask | always_told)) != 0) put(*listener.inbox, event);
        }
        if ((event.mask & IN_IGNORED) != 0) listeners_.erase(found);  // The kernel has let go of it.
    }

    static void put(InotifyInbox& inbox, const InotifyEvent& event) {
        std::vector<InotifyEvent>& events = inbox.events_;
        if (!events.empty() && events.back() == event) return;
        bool was_empty = events.empty();
        if (events.size() >= InotifyInbox::most_events) events = {{-1, IN_Q_OVERFLOW, ""}};
        bool is_lost = events.size() == 1 && events.front().watch < 0;
        if (!is_lost) events.push_back(event);
        if (was_empty && inbox.told_) inbox.told_();
    }

    /// Whether nobody is left.
    static bool leave(InotifyInbox& inbox, std::vector<Listener>& listeners) {
        std::erase_if(listeners, [&](const Listener& each) { return each.inbox == &inbox; });
        return listeners.empty();
    }

    void remove(Listeners::iterator at) {
        ::inotify_rm_watch(fd_, at->first);
        listeners_.erase(at);
    }

    int fd_ = -1, end_ = -1;
    std::mutex mutex_;
    Listeners listeners_;
    std::vector<InotifyInbox*> inboxes_;
    std::thread reader_;
};

InotifyInbox::InotifyInbox(std::function<void()> told) : instance_(Inotify::shared()), told_(std::move(told)) {
    instance_->join(*this);
}

InotifyInbox::~InotifyInbox() { instance_->forget_all(*this); }

int InotifyInbox::watch(const std::string& path, uint32_t mask) { return instance_->watch(*this, path, mask); }

void InotifyInbox::forget(int watch) { instance_->forget(*this, watch); }

std::vector<InotifyEvent> InotifyInbox::take() { return instance_->take(*this); }

}  // namespace syncline
