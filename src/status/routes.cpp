#include "status/routes.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "status/host_check.hpp"
#include "status/metrics.hpp"
#include "status/page.hpp"

namespace syncline::status {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain; charset=utf-8";

Answer with_body(int status, std::string_view type, std::string body) {
    Answer answer;
    answer.status = status;
    answer.type = type;
    answer.body = std::make_shared<const std::string>(std::move(body));
    return answer;
}

Answer refusal(int status, const std::string& why) { return with_body(status, text_type, why + "\n"); }

Answer asset(std::string_view type, std::string_view text) { return with_body(200, type, std::string(text)); }

/// Each request has one Host; one that came from a page has an Origin, too.
bool is_meant_for_us(const Asked& asked) {
    if (asked.hosts.size() != 1 || !is_own_host(asked.hosts.front())) return false;
    for (const std::string& origin : asked.origins) {
        if (!is_own_origin(origin, asked.hosts.front())) return false;
    }
    return true;
}

}  // namespace

Answer Routes::answer(const Asked& asked, TimeNs now) {
    if (!is_meant_for_us(asked)) {
        return refusal(403, "this request names another host or comes from another site; open http://localhost:PORT/");
    }
    if (asked.method != "GET" && asked.method != "HEAD") {
        Answer answer = refusal(405, "the status can only be read; use the syncline command to steer the engine");
        answer.headers.emplace_back("Allow", "GET, HEAD");
        return answer;
    }
    return find(asked.path, now);
}

Answer Routes::find(std::string_view path, TimeNs now) {
    constexpr std::string_view jobs = "/jobs/", json = ".json";
    if (path == "/") return asset("text/html; charset=utf-8", page_html);
    if (path == "/page.css") return asset("text/css; charset=utf-8", page_css);
    if (path == "/page.js") return asset("text/javascript; charset=utf-8", page_js);
    if (path == "/icon.svg") return asset("image/svg+xml", page_icon);
    if (path == "/metrics") {
        return with_body(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(*publication_.latest(), now));
    }
    if (path == "/healthz") return health(now);
    Answer answer;
    if (path == "/status.json") {
        answer.type = json_type;
        answer.body = status_text(*publication_.latest());
        return answer;
    }
    if (path == "/events") {
        answer.type = "text/event-stream";
        answer.is_stream = true;
        return answer;
    }
    bool names_a_job = path.size() > jobs.size() + json.size() && path.starts_with(jobs) && path.ends_with(json);
    if (names_a_job) return job(path.substr(jobs.size(), path.size() - jobs.size() - json.size()), now);
    return refusal(404, "there is no such page; see / /status.json /jobs/NAME.json /events /metrics /healthz");
}

Answer Routes::job(std::string_view name, TimeNs now) const {
    auto snapshot = publication_.latest();
    const Job* job = snapshot->find(name);
    if (!job) return refusal(404, "there is no job '" + escape(name.substr(0, 64)) + "'");
    return with_body(200, json_type, job_json(*job, now));
}

Answer Routes::health(TimeNs now) const {
    auto stale = nlohmann::ordered_json::array();
    auto snapshot = publication_.latest();
    for (const auto& job : snapshot->jobs) {
        if (is_stale(*job, now)) stale.push_back(utf8_lossy(job->name));
    }
    bool is_taken_up = snapshot->job_file_error.empty(), is_well = stale.empty() && is_taken_up;
    nlohmann::ordered_json document{{"status", is_well       ? "ok"
                                               : is_taken_up ? "stale"
                                                             : "job_file_error"},
                                    {"stale", std::move(stale)}};
    if (!is_taken_up) document["job_file_error"] = utf8_lossy(snapshot->job_file_error);
    return with_body(is_well ? 200 : 503, json_type, document.dump(-1, ' ', true) + "\n");
}

std::shared_ptr<const std::string> Routes::status_text(const Snapshot& snapshot) {
    std::lock_guard lock(mutex_);
    if (!text_ || snapshot.sequence != text_sequence_) {
        text_ = std::make_shared<const std::string>(status_json(snapshot));
        text_sequence_ = snapshot.sequence;
    }
    return text_;
}

const std::vector<std::pair<std::string, std::string>>& headers_of_all_answers() {
    static const std::vector<std::pair<std::string, std::string>> headers{
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
    };
    return headers;
}

}  // namespace syncline::status
