#include "ssh/agent.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include "async/cancel.hpp"
#include "ssh/sftp_packet.hpp"

namespace syncline::ssh {
namespace {

constexpr uint8_t request_identities = 11, identities_answer = 12, sign_request = 13, sign_response = 14;
constexpr uint32_t longest_answer_bytes = 256 * 1024;
constexpr uint32_t most_keys = 1000;

void add_u32(std::string& bytes, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
}

void add_string(std::string& bytes, std::string_view text) {
    add_u32(bytes, static_cast<uint32_t>(text.size()));
    bytes += text;
}

}  // namespace

Task<bool> Agent::connect(std::string path) {
    // Longer ones do not fit into a socket's address.
    if (path.empty() || path.size() > 107) co_return false;
    asio::local::stream_protocol::endpoint endpoint(path);
    asio::error_code error;
    auto connecting = socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    co_await std::move(connecting);
    co_return !error;
}

Task<std::optional<std::string>> Agent::ask(std::string body) {
    std::string request;
    add_string(request, body);
    asio::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    auto writing = asio::async_write(socket_, asio::buffer(request), token);
    co_await std::move(writing);
    if (error) co_return std::nullopt;
    std::string head(4, '\0');
    auto reading = asio::async_read(socket_, asio::buffer(head), token);
    co_await std::move(reading);
    auto size = SftpReader(head).read_u32();
    if (error || size == 0 || size > longest_answer_bytes) co_return std::nullopt;
    std::string answer(size, '\0');
    auto rest = asio::async_read(socket_, asio::buffer(answer), token);
    co_await std::move(rest);
    if (error) co_return std::nullopt;
    co_return answer;
}

Task<std::vector<Agent::Key>> Agent::list() {
    std::string body(1, static_cast<char>(request_identities));
    auto answer = co_await ask(body);
    std::vector<Key> keys;
    if (!answer) co_return keys;
    SftpReader reader(*answer);
    if (reader.read_u8() != identities_answer) co_return keys;
    auto count = std::min(reader.read_u32(), most_keys);
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
        Key key;
        key.blob = std::string(reader.read_string());
        key.comment = std::string(reader.read_string());
        if (reader.ok()) keys.push_back(std::move(key));
    }
    co_return keys;
}

Task<std::optional<std::string>> Agent::sign(std::string key_blob, std::string data, uint32_t flags) {
    std::string body(1, static_cast<char>(sign_request));
    add_string(body, key_blob);
    add_string(body, data);
    add_u32(body, flags);
    auto answer = co_await ask(std::move(body));
    if (!answer) co_return std::nullopt;
    SftpReader reader(*answer);
    if (reader.read_u8() != sign_response) co_return std::nullopt;
    std::string signature(reader.read_string());
    if (!reader.ok()) co_return std::nullopt;
    co_return signature;
}

}  // namespace syncline::ssh
