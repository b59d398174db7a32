// watch and auto: schedules that hold while the engine lives, in the engine that runs or in one that they start.
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/detach.hpp"
#include "cli/engine_place.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;

status::ControlRequest request_for(const Session& session) {
    const CommandLine& line = session.line;
    status::ControlRequest request;
    request.command = command_spec(line.command).name;
    request.job = line.arguments.front();
    request.directory = session.environment.current_directory;
    request.exclude = line.exclude;
    request.interval = line.interval;
    request.bucket = line.bucket;
    request.remote_dir = line.remote_dir;
    request.adopt = line.adopt;
    request.show = line.show;
    request.end = line.end;
    return request;
}

std::string text_or(const Json& object, const char* name, const std::string& otherwise) {
    auto found = object.find(name);
    return found != object.end() && found->is_string() ? escape(found->get<std::string>()) : otherwise;
}

std::string schedule_text(const Json& answer) {
    bool is_watch = answer.value("event", "") == "watch";
    std::string state = !answer.value("active", false) ? (answer.value("paused", false) ? "paused" : "off")
                        : is_watch                     ? "watched"
                                                       : "on";
    std::string text = text_or(answer, "job", "") + ": " + state;
    if (!is_watch && answer.contains("interval_ms") && answer["interval_ms"].is_number_unsigned()) {
        text += ", every " + format_duration(Duration(answer["interval_ms"].get<int64_t>()));
    }
    text += answer.value("running", false) ? ", running now" : "";
    text += "; next run " + text_or(answer, "next_run_at", "not planned");
    text += "; last run " + text_or(answer, "last_outcome", "none yet") + "\n";
    for (const Json& line : answer.value("log", Json::array())) {
        if (line.is_string()) text += "  " + escape(line.get<std::string>()) + "\n";
    }
    return text;
}

int show_schedule(Session& session, const std::string& line) {
    Json answer = Json::parse(line, nullptr, false);
    bool is_status = answer.is_object() && answer.value("exit_status", -1) == exit_ok;
    if (!is_status) return tell_answer(session, line);
    if (session.line.json) {
        session.console.print(line + "\n");
    } else {
        session.console.print(schedule_text(answer));
    }
    return exit_ok;
}

/// What a start of an engine with this job alone would check.
void check_start(Session& session) {
    std::optional<JobFile> file = find_and_load(session, false);
    if (!file) return;  // engine_place() has told
    keep_jobs(*file, {session.line.arguments.front()});
    require_trust_for(session, *file, file->jobs.front());
}

/// Only for this job: what else the file holds was not asked for. It begins nothing before it is told to.
int start_engine(Session& session, const EnginePlace& place) {
    std::vector<std::string> words = words_for_engine(session, false);
    words.insert(words.end(), {"--job", session.line.arguments.front(), "--wait-for-orders"});
    return start_detached(session, place, std::move(words), log_for_engine(session, place));
}

}  // namespace

int schedule_command(Session& session) {
    const CommandLine& line = session.line;
    if (line.show && line.end) throw Error(Errc::usage, "--status and --stop exclude each other");
    EnginePlace place = engine_place(session);
    const bool is_start = !line.show && !line.end;
    if (is_start && !line.interval.empty()) require_interval(line.interval);
    // An engine that is there serves what it read itself, by leave that was given to it.
    bool is_new = is_start && !find_engine(place);
    if (is_new) {
        check_start(session);
        int status = start_engine(session, place);
        if (status != exit_ok) return status;
    }
    status::ControlClient engine = require_engine(place);
    std::string answer = ask(engine, request_for(session));
    if (line.show) return show_schedule(session, answer);
    int status = tell_answer(session, answer);
    if (status == exit_ok || !is_new) return status;
    // An engine that has nothing to do must not stay.
    status::ControlRequest stop;
    stop.command = "stop";
    ask(engine, stop);
    return status;
}

}  // namespace syncline::cli
