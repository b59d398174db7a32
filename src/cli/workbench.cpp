#include "cli/workbench.hpp"

#include <unistd.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <thread>

#include "async/cancel.hpp"
#include "async/offload.hpp"
#include "base/text.hpp"
#include "cli/bucket_options.hpp"
#include "cli/engine_place.hpp"
#include "cli/ssh_options.hpp"
#include "cli/terminal.hpp"
#include "endpoint/factory.hpp"
#include "fs/hash.hpp"

namespace syncline::cli {
namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);
/// Between two jobs of a minute's interval a connection is kept; longer it would only be in the server's way.
constexpr Duration longest_idle = std::chrono::seconds(90);
constexpr auto idle_check_interval = std::chrono::seconds(30);

/// As nohup leaves it.
bool is_ignored(int number) {
    struct sigaction action{};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

unsigned processors() { return std::max(2u, std::thread::hardware_concurrency()); }

}  // namespace

struct Workbench::Impl {
    explicit Impl(Session& the_session)
        : session(the_session),
          signals(io),
          redraw(io),
          idle_check(io),
          terminal(io.get_executor(), the_session.console),
          workers(2 * processors()),
          hashes(processors()),
          hosts(ssh_options_for(nullptr)),
          buckets(io.get_executor()),
          endpoints(workers, hashes),
          directory(default_state_directory()),
          store(directory),
          context{store, endpoints, directory} {
        std::optional<std::string> runtime = own_runtime_directory(the_session.environment);
        if (runtime) context.watch_directory = *runtime;
        endpoints.set_ssh_hosts(&hosts);
        endpoints.set_buckets(&buckets);
        limit_bandwidth(std::nullopt);
    }

    /// With what the command line says of hosts for its one run.
    SshOptions ssh_options_for(const JobFile* file) {
        SshOptions options = ssh_options(file, terminal);
        options.accept_new_host_key = session.line.accept_new_host_key;
        return options;
    }

    /// The command line's limit stands before that of the job file.
    void limit_bandwidth(std::optional<uint64_t> limit) {
        const std::string& given = session.line.bandwidth_limit;
        endpoints.set_bandwidth_limit(given.empty() ? limit : require_rate(given));
    }

    Session& session;
    // The loop is declared first and dies last: whatever still refers to it is gone by then.
    asio::io_context io;
    asio::signal_set signals;
    asio::steady_timer redraw, idle_check;
    Terminal terminal;
    asio::cancellation_signal stop;
    std::function<bool(int)> signal_filter;
    std::function<void()> tell_cleaned;
    int interrupts = 0;
    bool has_ended = true;  ///< a handler that was due already is called without an error after its cancel
    WorkerPool workers;
    fs::HashPool hashes;
    SshHosts hosts;
    Buckets buckets;
    Endpoints endpoints;
    std::string directory;
    Store store;
    RunContext context;

    void await_signal() {
        signals.async_wait([this](const std::error_code& error, int number) {
            if (error || has_ended) return;
            if (signal_filter && signal_filter(number)) return await_signal();
            if (++interrupts > 1) {
                restore_terminal();
                ::_exit(128 + number);
            }
            session.output.info("stopping; once more to stop at once");
            stop.emit(asio::cancellation_type::terminal);
            await_signal();
        });
    }

    void await_redraw() {
        redraw.expires_after(redraw_interval);
        redraw.async_wait([this](const std::error_code& error) {
            if (error || has_ended) return;
            session.output.tick(wall_clock_now());
            await_redraw();
        });
    }

    void await_idle_check() {
        idle_check.expires_after(idle_check_interval);
        idle_check.async_wait([this](const std::error_code& error) {
            if (error || has_ended) return;
            hosts.close_idle(longest_idle);
            await_idle_check();
        });
    }

    /// Connections that wait for the next run may have something pending, which must not keep the loop going.
    void end() {
        has_ended = true;
        signals.cancel();
        redraw.cancel();
        idle_check.cancel();
        io.stop();
    }
};

Workbench::Workbench(Session& session) : impl_(std::make_unique<Impl>(session)) {
    const std::string& moved = impl_->store.set_aside();
    if (moved.empty()) return;
    session.output.warning("the state was damaged and is kept as " + escape(moved) +
                           "; the next runs compare contents anew");
}

Workbench::~Workbench() = default;

RunContext& Workbench::context() { return impl_->context; }

void Workbench::use_settings(const JobFile& file) {
    impl_->limit_bandwidth(file.engine.bandwidth_limit);
    impl_->context.max_entries = file.engine.max_entries;
    impl_->hosts.set_options(impl_->ssh_options_for(&file));
    impl_->buckets.set_tables(bucket_tables(file));
}

SshHosts& Workbench::ssh_hosts() { return impl_->hosts; }

Buckets& Workbench::buckets() { return impl_->buckets; }

WorkerPool& Workbench::workers() { return impl_->workers; }

void Workbench::set_signal_filter(std::function<bool(int)> passed) {
    impl_->signal_filter = std::move(passed);
    for (int number : {SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM}) {
        if (impl_->signal_filter) {
            impl_->signals.add(number);
        } else {
            impl_->signals.remove(number);
        }
    }
}

EndpointFactory& Workbench::endpoints() { return impl_->endpoints; }

bool Workbench::asked_the_user() const { return impl_->terminal.was_used(); }

void Workbench::when_cleaned(std::function<void()> tell) { impl_->tell_cleaned = std::move(tell); }

void Workbench::cleaned() {
    if (impl_->tell_cleaned) impl_->tell_cleaned();
}

bool Workbench::was_interrupted() const { return impl_->interrupts > 0; }

void Workbench::run(Task<void> task, bool reloads) {
    std::exception_ptr failure;
    auto ended = [&](std::exception_ptr thrown) {
        failure = std::move(thrown);
        impl_->end();
    };
    impl_->has_ended = false;
    impl_->signals.add(SIGINT);
    impl_->signals.add(SIGTERM);
    if (!reloads && !is_ignored(SIGHUP)) impl_->signals.add(SIGHUP);
    impl_->await_signal();
    if (impl_->session.console.has_status_line()) impl_->await_redraw();
    impl_->await_idle_check();
    asio::co_spawn(impl_->io, std::move(task), asio::bind_cancellation_slot(impl_->stop.slot(), ended));
    impl_->io.restart();
    impl_->io.run();
    impl_->signals.clear();
    impl_->session.console.draw_status("");
    if (!failure) return;
    if (is_cancellation(failure)) throw Cancelled();
    std::rethrow_exception(failure);
}

namespace {

Task<void> keep_pair_key(Job job, EndpointFactory& endpoints, PairKey& key) {
    auto finding = find_pair_key(std::move(job), endpoints);
    key = co_await std::move(finding);
}

}  // namespace

PairKey Workbench::pair_key(const Job& job) {
    PairKey key;
    run(keep_pair_key(job, impl_->endpoints, key));
    key.destination = impl_->store.resolved(key.destination);
    return key;
}

Task<PairKey> find_pair_key(Job job, EndpointFactory& endpoints) {
    Destination root{Destination::Type::local, "", job.root};
    EndpointOptions options;
    options.local_root = job.root;
    std::unique_ptr<Endpoint> remote = endpoints.open(job.remote, options);
    auto preparing = remote->prepare();
    co_await std::move(preparing);
    co_return PairKey{endpoints.open(root, options)->root_text(), remote->identity_text(), job.policy.direction};
}

}  // namespace syncline::cli
