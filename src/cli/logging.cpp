#include "cli/logging.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <mutex>

#include "base/error.hpp"
#include "base/text.hpp"

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

spdlog::sink_ptr file_sink(const LogOptions& options) {
    spdlog::file_event_handlers handlers;
    handlers.after_open = [](const spdlog::filename_t&, std::FILE* file) { ::fchmod(::fileno(file), 0600); };
    try {
        auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, most_bytes, old_files, false,
                                                                           handlers);
        sink->set_level(options.verbose ? spdlog::level::debug : spdlog::level::info);
        return sink;
    } catch (const spdlog::spdlog_ex& failure) {
        throw Error(Errc::usage, "cannot write the log file " + escape(options.file) + ": " + escape(failure.what()));
    }
}

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
    }
    logger->set_level(spdlog::level::debug);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(logger);
}

void end_logging() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("syncline")); }

}  // namespace syncline::cli
