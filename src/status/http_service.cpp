#include "status/http_service.hpp"

namespace syncline::status {
namespace {

using namespace std::chrono_literals;

constexpr int most_streams = 16;
/// How soon a client that hung up gives its place back.
constexpr auto hang_up_check = 1s;
/// Proxies and browsers give up on a stream that is silent for long.
constexpr int checks_for_heartbeat = 15;

std::vector<std::string> values_of(const httplib::Request& request, const std::string& name) {
    std::vector<std::string> values;
    for (size_t i = 0; i < request.get_header_value_count(name); ++i)
        values.push_back(request.get_header_value(name, i));
    return values;
}

/// The connection whose request this thread answers: handlers are not given it.
thread_local Connection* current = nullptr;

/// What would make a small request cost much: parts of an answer over and over, and compression.
void take_costly_wishes(httplib::Request& request) {
    request.ranges.clear();
    request.headers.erase("Range");
    request.headers.erase("Accept-Encoding");
}

}  // namespace

HttpService::HttpService(const Publication& publication) : publication_(publication), routes_(publication) {
    // It listens on nothing itself, but takes an invalid socket for the order to break off every stream.
    svr_sock_ = 0;
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
        return HandlerResponse::Handled;
    });
    set_payload_max_length(0);
    // No answer goes out before the request was judged.
    set_expect_100_continue_handler([](const httplib::Request&, httplib::Response&) { return 417; });
}

void HttpService::serve(Connection& connection) {
    current = &connection;
    bool is_closed = false;
    process_request(connection, true, is_closed, take_costly_wishes);
    current = nullptr;
    connection.finish();
}

void HttpService::answer(const httplib::Request& request, httplib::Response& response) {
    current->begin_answer();
    Asked asked{request.method, request.path, values_of(request, "Host"), values_of(request, "Origin")};
    Answer answer = routes_.answer(asked, wall_clock_now());
    for (const auto& [name, value] : headers_of_all_answers()) response.set_header(name, value);
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    response.status = answer.status;
    if (answer.is_stream && request.method == "GET") return stream_events(response);
    if (answer.body) {
        response.set_content(*answer.body, answer.type);
    } else {
        response.set_header("Content-Type", answer.type);
    }
}

void HttpService::stream_events(httplib::Response& response) {
    if (++streams_ > most_streams) {
        --streams_;
        response.status = 503;
        response.set_content("too many clients follow the events already\n", "text/plain; charset=utf-8");
        return;
    }
    current->begin_stream();
    response.set_chunked_content_provider(
        "text/event-stream", [this](size_t, httplib::DataSink& sink) { return send_events(sink); },
        [this](bool) { --streams_; });
}

/// Ends with the client, or with the publication.
bool HttpService::send_events(httplib::DataSink& sink) {
    auto* connection = current;
    auto send = [&](const std::string& text) { return sink.write(text.data(), text.size()); };
    auto snapshot = publication_.latest();
    bool goes_on = send("retry: 2000\n\nevent: status\ndata: " + *routes_.status_text(*snapshot) + "\n\n");
    int silent_checks = 0;
    while (goes_on && !connection->has_hung_up() && !publication_.has_ended()) {
        auto newer = publication_.wait_for_newer(snapshot->sequence, hang_up_check);
        if (newer) {
            snapshot = std::move(newer);
            goes_on = send("event: status\ndata: " + *routes_.status_text(*snapshot) + "\n\n");
            silent_checks = 0;
        } else if (++silent_checks >= checks_for_heartbeat) {
            goes_on = send(": still here\n\n");
            silent_checks = 0;
        }
    }
    return false;
}

}  // namespace syncline::status
