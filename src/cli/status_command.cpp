// status: what the running engine does, as a table or as /status.json.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/engine_place.hpp"
#include "cli/exit_status.hpp"
#include "cli/report_text.hpp"
#include "cli/style.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto follow_interval = std::chrono::seconds(1);

std::string text(const Json& object, const char* name) {
    auto found = object.find(name);
    return found != object.end() && found->is_string() ? escape(found->get<std::string>()) : "";
}

uint64_t number(const Json& object, const char* name) {
    auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

/// "2026-01-31T12:00:00.000Z" as local time: "12:00:00" today, else with the date; "-" for anything else.
std::string local_time(const std::string& stamp) {
    std::tm utc{};
    if (stamp.empty() || ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return "-";
    std::time_t time = ::timegm(&utc), now = std::time(nullptr);
    std::tm then{}, today{};
    ::localtime_r(&time, &then);
    ::localtime_r(&now, &today);
    bool is_today = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    bool is_this_year = then.tm_year == today.tm_year;
    char buffer[32];
    size_t size = std::strftime(buffer, sizeof buffer, is_today ? "%T" : is_this_year ? "%b %d %H:%M" : "%F", &then);
    return {buffer, size};
}

std::string local_time_of(const Json& run) { return run.is_object() ? local_time(text(run, "finished_at")) : "-"; }

std::string progress_of(const Json& job) {
    const Json progress = job.value("progress", Json::object());
    return grouped(number(progress, "files_done")) + "/" + grouped(number(progress, "files_total")) + " files, " +
           format_byte_count(number(progress, "bytes_done")) + "/" + format_byte_count(number(progress, "bytes_total"));
}

/// The one thing that a reader should know of the job.
std::string remark_of(const Json& job, bool is_stale) {
    const std::string state = text(job, "state");
    if (state == "transferring") return progress_of(job);
    if (job.contains("halt") && job["halt"].is_object()) {
        // Where several guards halted it, the detail names each by its code.
        std::string code = text(job["halt"], "code") + ": ", detail = text(job["halt"], "detail");
        return detail.starts_with(code) ? detail : code + detail;
    }
    const Json problems = job.value("problems", Json::array());
    if (problems.is_array() && !problems.empty() && problems.front().is_object()) {
        std::string path = text(problems.front(), "path");
        std::string more = problems.size() > 1 ? " (and more)" : "";
        return (path.empty() ? "" : path + ": ") + text(problems.front(), "why") + more;
    }
    if (is_stale) return "stale: the last success is older than max_staleness";
    const Json watch = job.value("watch", Json::object());
    return watch.value("active", false) ? "watching (the source only)" : "";
}

/// Names may be as long as anybody likes; the columns behind them are to be seen, too.
std::string capped(const std::string& name, size_t columns) {
    constexpr size_t most = 32, most_of_a_narrow_window = 16, narrow = 100;
    return cut_to_width(name, columns < narrow ? most_of_a_narrow_window : most);
}

using Row = std::array<std::string, 5>;

std::string coloured(const Style& style, const std::string& state, const std::string& padded) {
    if (state == "failed" || state == "halted") return style.red(padded);
    if (state == "paused" || state == "partial") return style.yellow(padded);
    return state == "idle" ? style.green(padded) : style.bold(padded);
}

/// What there is room for; by default for everything.
struct Window {
    size_t rows = std::string::npos, columns = std::string::npos;
    bool wraps = false;  ///< what is too long for the last column goes on below
};

/// As large as the terminal is now. The last column stays free, as some terminals wrap as soon as it is written, and so
/// does the last row, to which the line feed of the one before leads.
Window window_of(int fd) {
    winsize size{};
    bool is_known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_row > 1;
    return is_known ? Window{size.ws_row - 1U, size.ws_col - 1U} : Window{23, 79};
}

using Lines = std::vector<std::string>;

/// Takes from `word` what has room in so many columns, and at least one character.
std::string take_piece(std::string& word, size_t columns) {
    auto is_inside = [&](size_t at) {
        return at < word.size() && (static_cast<unsigned char>(word[at]) & 0xC0) == 0x80;
    };
    size_t end = 0;
    for (size_t next = 1; next <= word.size(); ++next) {
        if (is_inside(next)) continue;
        if (end > 0 && display_width(word.substr(0, next)) > columns) break;
        end = next;
    }
    std::string piece = word.substr(0, end);
    word.erase(0, end);
    return piece;
}

/// In pieces of at most so many columns, broken at spaces where there are any.
Lines wrapped(const std::string& text, size_t columns) {
    Lines pieces{""};
    for (size_t begin = 0; begin < text.size();) {
        size_t end = std::min(text.find(' ', begin), text.size());
        std::string word = text.substr(begin, end - begin);
        bool fits = display_width(pieces.back()) + 1 + display_width(word) <= columns;
        if (!pieces.back().empty() && !fits) pieces.emplace_back();
        if (!pieces.back().empty()) pieces.back() += ' ';
        begin = end + 1;
        while (display_width(word) > columns) {
            pieces.back() += take_piece(word, columns);
            pieces.emplace_back();
        }
        pieces.back() += word;
    }
    return pieces;
}

void add_table(Lines& lines, std::vector<Row> rows, const Style& style, const Window& window) {
    constexpr size_t least_to_wrap = 16;
    const size_t columns = window.columns;
    std::array<size_t, 5> widths{};
    for (const Row& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    }
    for (Row& row : rows) {
        std::string line;
        size_t left = columns, before = 0;
        Lines below;
        for (size_t i = 0; i + 1 < row.size(); ++i) before += widths[i] + 2;
        if (window.wraps && before + least_to_wrap <= columns) {
            below = wrapped(row.back(), columns - before);
            row.back() = below.front();
            below.erase(below.begin());
        }
        for (size_t i = 0; i < row.size(); ++i) {
            std::string cell = cut_to_width(row[i], left);
            size_t padding = i + 1 == row.size() ? 0 : std::min(left, widths[i]) - display_width(cell);
            cell += std::string(padding, ' ');
            left -= display_width(cell);
            if (&row == &rows.front()) cell = style.bold(cell);
            if (i == 1 && &row != &rows.front()) cell = coloured(style, row[i], cell);
            line += cell;
            if (left < 3) break;
            line += "  ";
            left -= 2;
        }
        lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
        for (const std::string& piece : below) lines.push_back(std::string(before, ' ') + piece);
    }
}

std::string joined(Lines lines, const Window& window) {
    if (lines.size() > window.rows) {
        std::string more = "... and " + grouped(lines.size() - window.rows + 1) + " more lines";
        lines.resize(window.rows);
        lines.back() = cut_to_width(more, window.columns);
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}

std::string clean_line(const Json& clean) {
    std::string error = text(clean, "error"), after = text(clean, "quota_after");
    return "last clean of " + text(clean, "host") + " " + local_time(text(clean, "at")) + ": " +
           (error.empty() ? "" : "broke off (" + error + ") after ") + std::to_string(number(clean, "removed")) +
           " removed, " + std::to_string(number(clean, "kept")) + " kept, " +
           format_byte_count(number(clean, "bytes_freed")) + " freed; quota " + text(clean, "quota_before") +
           (after.empty() ? "" : " -> " + after);
}

std::string status_text(const Json& answer, const Style& style, const Window& window) {
    const Json status = answer.value("status", Json::object());
    const Json stale = answer.value("stale", Json::array());
    std::vector<Row> rows{{"JOB", "STATE", "LAST SUCCESS", "NEXT RUN", "REASON"}};
    for (const Json& job : status.value("jobs", Json::array())) {
        bool is_stale = std::find(stale.begin(), stale.end(), job.value("name", "")) != stale.end();
        rows.push_back({capped(text(job, "name"), window.columns), text(job, "state"),
                        local_time_of(job.contains("last_success") ? job["last_success"] : Json()),
                        local_time(text(job, "next_run_at")), remark_of(job, is_stale)});
    }
    std::string engine = text(status, "job_file") + ": engine " + std::to_string(number(status, "pid")) + ", since " +
                         local_time(text(status, "started_at"));
    Lines lines{cut_to_width(engine, window.columns)};
    std::string error = text(status, "job_file_error");
    if (!error.empty())
        lines.push_back(style.red(cut_to_width("the job file on disk is not what runs: " + error, window.columns)));
    add_table(lines, std::move(rows), style, window);
    for (const Json& clean : status.value("cleans", Json::array())) {
        lines.push_back(cut_to_width(clean_line(clean), window.columns));
    }
    return joined(std::move(lines), window);
}

/// Shows one answer, behind what is given; its exit status.
int show(Session& session, const std::string& line, const std::string& before, const Window& window) {
    Json answer = Json::parse(line, nullptr, false);
    if (!answer.is_object() || answer.value("event", "") != "status") return tell_answer(session, line);
    int status = answer.value("exit_status", int{exit_failed});
    if (session.line.json) {
        session.console.print(answer["status"].dump(-1, ' ', true) + "\n");
    } else if (!session.line.quiet) {
        session.console.print(before + status_text(answer, Style(session.console.colours_output()), window));
    }
    return status;
}

}  // namespace

int status_command(Session& session) {
    EnginePlace place = engine_place(session);
    status::ControlClient engine = require_engine(place);
    status::ControlRequest request;
    request.command = "status";
    if (!session.line.arguments.empty()) request.job = session.line.arguments.front();
    bool is_screen = ::isatty(STDOUT_FILENO) != 0;
    Window once{std::string::npos, is_screen ? window_of(STDOUT_FILENO).columns : std::string::npos, is_screen};
    if (!session.line.follow) return show(session, ask(engine, request), "", once);
    // On a terminal each table takes the place of the one before; elsewhere they follow each other.
    int status = exit_ok;
    for (bool is_first = true; session.console.output_error().empty(); is_first = false) {
        if (!is_first) std::this_thread::sleep_for(follow_interval);
        std::string before = is_screen ? "\x1b[H\x1b[J" : is_first ? "" : "\n";
        status = show(session, ask(engine, request), before, is_screen ? window_of(STDOUT_FILENO) : Window{});
    }
    return status;
}

}  // namespace syncline::cli
