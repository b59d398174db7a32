#include "status/http_service.hpp"

namespace syncline::status {
namespace {

using namespace std::chrono_literals;

constexpr int most_streams = 16;
/// How soon a client that hung up gives its place back.
constexpr auto hang_up_check = 1s;
/// Proxies and browsers give up on a stream that is silent for long.
constexpr int checks_for_heartbeat = 15;

std::string_view reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        default: return "Service Unavailable";
    }
}

/// A stream has no length: it ends with its connection, as every answer does.
std::string head_of(const Answer& answer) {
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    head += reason_of(answer.status);
    head += "\r\n";
    auto add = [&](std::string_view name, std::string_view value) {
        head.append(name).append(": ").append(value).append("\r\n");
    };
    for (const auto& [name, value] : headers_of_all_answers()) add(name, value);
    for (const auto& [name, value] : answer.headers) add(name, value);
    add("Content-Type", answer.type);
    if (answer.body) add("Content-Length", std::to_string(answer.body->size()));
    add("Connection", "close");
    return head + "\r\n";
}

void send_answer(Connection& connection, const Answer& answer, bool with_body) {
    if (connection.write(head_of(answer)) && with_body && answer.body) connection.write(*answer.body);
}

Answer in_words(int status, std::string text) {
    Answer answer;
    answer.status = status;
    answer.type = "text/plain; charset=utf-8";
    answer.body = std::make_shared<const std::string>(std::move(text));
    return answer;
}

}  // namespace

void HttpService::serve(Connection& connection) {
    auto head = connection.read_head();
    auto request = head ? parse_http_request(*head) : std::nullopt;
    if (request) {
        connection.begin_answer();
        answer(connection, *request);
    } else {
        send_answer(connection, in_words(400, "this is no request of HTTP/1.1, is too long, or took too long\n"), true);
    }
    connection.finish();
}

void HttpService::answer(Connection& connection, const HttpRequest& request) {
    Asked asked{request.method, request.path, request.values_of("Host"), request.values_of("Origin")};
    Answer answer = routes_.answer(asked, wall_clock_now());
    bool with_body = request.method != "HEAD";
    if (answer.is_stream && with_body) return stream_events(connection, answer);
    send_answer(connection, answer, with_body);
}

void HttpService::stream_events(Connection& connection, const Answer& answer) {
    if (++streams_ <= most_streams) {
        connection.begin_stream();
        if (connection.write(head_of(answer))) send_events(connection);
    } else {
        send_answer(connection, in_words(503, "too many clients follow the events already\n"), true);
    }
    --streams_;
}

/// Ends with the client, or with the publication.
void HttpService::send_events(Connection& connection) {
    auto send_status = [&](const Snapshot& snapshot, const std::string& before) {
        return connection.write(before + "event: status\ndata: " + *routes_.status_text(snapshot) + "\n\n");
    };
    auto snapshot = publication_.latest();
    bool goes_on = send_status(*snapshot, "retry: 2000\n\n");
    int silent_checks = 0;
    while (goes_on && !connection.has_hung_up() && !publication_.has_ended()) {
        auto newer = publication_.wait_for_newer(snapshot->sequence, hang_up_check);
        if (newer) {
            snapshot = std::move(newer);
            goes_on = send_status(*snapshot, "");
            silent_checks = 0;
        } else if (++silent_checks >= checks_for_heartbeat) {
            goes_on = connection.write(": still here\n\n");
            silent_checks = 0;
        }
    }
}

}  // namespace syncline::status
