#include "ssh/dial.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "ssh/error.hpp"
#include "ssh/exec.hpp"

namespace syncline::ssh {
namespace {

using asio::ip::tcp;

/// As many times the patience with one address is that with all.
constexpr int most_patience = 4;

SshError cannot_connect(const SshSettings& settings, Failure kind, const std::string& why) {
    return SshError(kind, settings.shown() + ": cannot connect: " + why);
}

Task<void> connect_to(tcp::socket& socket, tcp::endpoint endpoint) {
    auto connecting = socket.async_connect(endpoint, asio::use_awaitable);
    co_await std::move(connecting);
    socket.set_option(tcp::no_delay(true));
}

Task<Dialed> dial_tcp(SshSettings settings) {
    auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    asio::error_code unresolved;
    auto resolving = resolver.async_resolve(settings.hostname, std::to_string(settings.port),
                                            asio::redirect_error(asio::use_awaitable, unresolved));
    auto addresses = co_await std::move(resolving);
    if (unresolved) {
        throw cannot_connect(settings, Failure::unknown_name,
                             "the name '" + escape(settings.hostname) + "' is not known: " + unresolved.message() +
                                 "; check the spelling, ssh_config and the network");
    }
    std::string tried;
    // A name may have any number of addresses.
    auto give_up_at = std::chrono::steady_clock::now() + settings.connect_timeout * most_patience;
    for (const auto& address : addresses) {
        if (std::chrono::steady_clock::now() >= give_up_at) break;
        tcp::socket socket(executor);
        tried += (tried.empty() ? "" : "; ") + address.endpoint().address().to_string() + ": ";
        try {
            auto attempt = connect_to(socket, address.endpoint());
            co_await with_deadline(std::move(attempt), settings.connect_timeout, "connecting");
            Dialed dialed;
            dialed.socket = Descriptor(socket.release());
            co_return dialed;
        } catch (const asio::system_error& failure) {
            if (failure.code() == asio::error::operation_aborted) throw;
            tried += failure.code().message();
        } catch (const TimedOut& failure) {
            tried += failure.what();
        }
    }
    throw cannot_connect(settings, Failure::connect, tried + "; is the server running, and are name and port right?");
}

Dialed dial_proxy(const std::string& command) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw errno_error("create", "a socket pair", errno);
    Dialed dialed;
    dialed.socket = Descriptor(ends[0]);
    Descriptor other(ends[1]);
    dialed.proxy_messages = std::make_unique<MessagePipe>();
    // Ctrl-C is for us; the proxy lasts as long as its connection.
    std::vector<std::string> shell = {"/bin/sh", "-c", "trap '' INT; exec " + command};
    dialed.proxy = Child(shell, other.get(), other.get(), dialed.proxy_messages->writer.get());
    return dialed;
}

}  // namespace

std::string proxy_jump_command(const SshSettings& settings) {
    auto last = settings.proxy_jump;
    std::string before;
    if (auto comma = last.rfind(','); comma != std::string::npos) {
        before = last.substr(0, comma);
        last = last.substr(comma + 1);
    }
    if (!last.starts_with("ssh://")) last = "ssh://" + last;
    auto command = std::string("ssh");
    if (!settings.ssh_config_file.empty()) command += " -F " + sh_quote(settings.ssh_config_file);
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(settings.connect_timeout).count();
    command += " -o ConnectTimeout=" + std::to_string(std::max<long>(1, static_cast<long>(seconds)));
    command += " -o ServerAliveInterval=15";
    if (!before.empty()) command += " -J " + sh_quote(before);
    auto target = settings.hostname.find(':') == std::string::npos ? settings.hostname : "[" + settings.hostname + "]";
    command += " -W " + sh_quote(target + ":" + std::to_string(settings.port));
    return command + " -- " + sh_quote(last);
}

Task<Dialed> dial(SshSettings settings) {
    if (!settings.proxy_jump.empty()) co_return dial_proxy(proxy_jump_command(settings));
    if (!settings.proxy_command.empty()) co_return dial_proxy(settings.proxy_command);
    auto dialing = dial_tcp(std::move(settings));
    co_return co_await std::move(dialing);
}

}  // namespace syncline::ssh
