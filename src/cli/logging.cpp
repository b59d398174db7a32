#include "cli/logging.hpp"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <mutex>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/report_text.hpp"
#include "fs/fd.hpp"

namespace syncline::cli {
namespace {

constexpr size_t most_bytes = 5 << 20;
constexpr size_t old_files = 3;

/// Log lines on standard error, above the status line. Only the main thread logs, so nothing needs a lock.
class ConsoleSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    explicit ConsoleSink(Console& console) : console_(console) {}

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t formatted;
        formatter_->format(message, formatted);
        console_.complain({formatted.data(), formatted.size()});
    }
    void flush_() override {}

    Console& console_;
};

/// Makes the file where there is none, before the library does: for its owner only, in a directory that is there. What
/// is no regular file cannot be rotated.
void prepare_log_file(const std::string& path) {
    fs::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600));
    if (!file && errno == ELOOP)
        throw Error(Errc::usage, "the log file " + escape(path) + " is a symlink; name what it leads to");
    if (!file) throw Error(Errc::usage, "cannot write the log file " + escape(path) + ": " + errno_text(errno));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw Error(Errc::usage, "the log file " + escape(path) + " is no regular file, so it cannot be rotated");
    }
    if (status.st_uid != ::geteuid() || status.st_nlink > 1) {
        throw Error(Errc::usage, "the log file " + escape(path) +
                                     " belongs to another user or has other names too; choose one of your own");
    }
}

/// Those that a rotation makes are for the owner only too; one that was there keeps its mode.
void close_to_others(std::FILE* file) {
    struct stat status{};
    if (::fstat(::fileno(file), &status) == 0 && status.st_size == 0) ::fchmod(::fileno(file), 0600);
}

spdlog::sink_ptr file_sink(const LogOptions& options) {
    prepare_log_file(options.file);
    spdlog::file_event_handlers handlers;
    handlers.after_open = [](const spdlog::filename_t&, std::FILE* file) { close_to_others(file); };
    try {
        auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, most_bytes, old_files, false,
                                                                           handlers);
        sink->set_level(options.verbose ? spdlog::level::debug : spdlog::level::info);
        return sink;
    } catch (const spdlog::spdlog_ex& failure) {
        throw Error(Errc::usage, "cannot write the log file " + escape(options.file) + ": " + escape(failure.what()));
    }
}

/// The part of the log that is for the file alone: what the terminal hears from the inner output already.
std::shared_ptr<spdlog::logger> file_log;

void log_lines(spdlog::level::level_enum level, std::string_view lines) {
    while (!lines.empty()) {
        size_t end = std::min(lines.find('\n'), lines.size());
        file_log->log(level, "{}", lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
}

class LoggedOutput final : public Output {
  public:
    explicit LoggedOutput(std::unique_ptr<Output> inner) : inner_(std::move(inner)) {}

    void run_started(const std::string& job, const Progress& progress) override {
        log_lines(spdlog::level::debug, escape(job) + ": started");
        inner_->run_started(job, progress);
    }
    void run_stopped(const std::string& job) override { inner_->run_stopped(job); }
    void run_finished(const RunReport& report) override {
        log_lines(spdlog::level::debug, action_lines(report, Style()) + note_lines(report, Style(), SIZE_MAX));
        log_lines(spdlog::level::info, summary_line(report, Style()));
        log_lines(spdlog::level::err, trouble_lines(report, Style()));
        inner_->run_finished(report);
    }
    void run_locked(const RunReport& report) override {
        log_lines(spdlog::level::err, report.error + "\n");
        inner_->run_locked(report);
    }
    void plans(const std::vector<RunReport>& reports, bool as_events) override { inner_->plans(reports, as_events); }
    void explained(const Explanation& explanation) override { inner_->explained(explanation); }
    void found(const Finding& finding) override {
        log_lines(finding.level == "ok" ? spdlog::level::info : spdlog::level::warn,
                  escape(finding.subject) + ": " + finding.message);
        inner_->found(finding);
    }
    void cleaned(const CleanReport& report) override {
        log_lines(spdlog::level::info, clean_text(report, Style(), true));
        log_lines(spdlog::level::err, clean_trouble(report));
        inner_->cleaned(report);
    }
    void diagnostic(const std::string& level, const Diagnostic& diagnostic) override {
        log_lines(level == "error" ? spdlog::level::err : spdlog::level::warn, diagnostic.text());
        inner_->diagnostic(level, diagnostic);
    }
    void checked(const std::string& file, size_t jobs, size_t errors, size_t warnings) override {
        inner_->checked(file, jobs, errors, warnings);
    }
    void info(const std::string& message) override {
        log_lines(spdlog::level::info, message);
        inner_->info(message);
    }
    void warning(const std::string& message) override {
        log_lines(spdlog::level::warn, message);
        inner_->warning(message);
    }
    void error(const std::string& message) override {
        log_lines(spdlog::level::err, message);
        inner_->error(message);
    }
    void tick(TimeNs now) override { inner_->tick(now); }
    void set_long_running() override { inner_->set_long_running(); }

  private:
    std::unique_ptr<Output> inner_;
};

}  // namespace

void begin_logging(Console& console, const LogOptions& options) {
    auto terminal = std::make_shared<ConsoleSink>(console);
    terminal->set_level(options.quiet     ? spdlog::level::err
                        : options.verbose ? spdlog::level::info
                                          : spdlog::level::warn);
    terminal->set_pattern("syncline: %v");
    auto logger = std::make_shared<spdlog::logger>("syncline", terminal);
    if (!options.file.empty()) {
        auto file = file_sink(options);
        file->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        logger->sinks().push_back(file);
        file_log = std::make_shared<spdlog::logger>("syncline-file", file);
        file_log->set_level(spdlog::level::debug);
        file_log->flush_on(spdlog::level::info);
    }
    logger->set_level(spdlog::level::debug);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(logger);
}

void end_logging() {
    file_log.reset();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("syncline"));
}

std::unique_ptr<Output> make_logged_output(std::unique_ptr<Output> inner) {
    return std::make_unique<LoggedOutput>(std::move(inner));
}

}  // namespace syncline::cli
