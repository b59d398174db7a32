#include "cli/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <new>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_arguments.hpp"
#include "cli/logging.hpp"
#include "cli/parse_command_line.hpp"

namespace syncline::cli {
namespace {

int dispatch(Session& session) {
    switch (session.line.command) {
        case Command::apply: return apply_command(session);
        case Command::plan: return plan_command(session);
        case Command::check: return check_command(session);
        case Command::push:
        case Command::pull:
        case Command::sync: return direct_command(session);
        case Command::run: return run_command(session);
        case Command::status: return status_command(session);
        case Command::trigger:
        case Command::pause:
        case Command::resume: return control_command(session);
        case Command::wait: return wait_command(session);
        case Command::stop: return stop_command(session);
        case Command::watch:
        case Command::automatic: return schedule_command(session);
        case Command::explain: return explain_command(session);
        case Command::init: return init_command(session);
        case Command::trust: return trust_command(session);
        case Command::clean: return clean_command(session);
        case Command::doctor: return doctor_command(session);
        case Command::completion: return completion_command(session);
        case Command::buckets: return buckets_command(session);
        default: break;
    }
    std::string name(command_spec(session.line.command).name);
    throw Error(Errc::usage, "'syncline " + name + "' is not built yet");
}

OutputOptions output_options(const CommandLine& line) {
    OutputOptions options;
    options.json = line.json;
    options.is_document = line.command == Command::plan;
    options.verbose = line.verbose;
    options.quiet = line.quiet;
    return options;
}

/// What a run that was stopped leaves behind.
std::string words_of_a_stop(Command command) {
    bool makes_runs =
        command == Command::push || command == Command::pull || command == Command::sync || command == Command::apply;
    return makes_runs ? "cancelled; what was done is verified and recorded, and the next run goes on from there"
                      : "cancelled";
}

/// Runs the command and tells what ended it.
int run_one(CommandLine line, Console& console) {
    std::unique_ptr<Output> output = make_output(console, output_options(line));
    try {
        // The log of an engine that goes to the background is the engine's own to write.
        bool is_for_another = line.detach || line.command == Command::watch || line.command == Command::automatic;
        std::string log = is_for_another ? "" : line.log_file;
        begin_logging(console, {log, line.verbose, line.quiet});
        if (!log.empty()) output = make_logged_output(std::move(output));
        ParseEnvironment environment = ParseEnvironment::of_process();
        sort_job_arguments(line, environment);
        Session session{line, console, *output, std::move(environment)};
        return dispatch(session);
    } catch (const Reported& reported) {
        return reported.status;
    } catch (const Error& error) {
        output->error(error.what());
        return exit_status(error.code());
    } catch (const Cancelled&) {
        output->error(words_of_a_stop(line.command));
    } catch (const std::bad_alloc&) {
        output->error("out of memory");
    } catch (const std::exception& bug) {
        output->error("internal error: " + escape(bug.what()));
    }
    return exit_failed;
}

/// What could not be written is a failure, even when the work was done. A reader that went away (`| head`) is told
/// nothing.
int with_output_error(int status, Console& console) {
    const std::string& why = console.output_error();
    if (why.empty()) return status;
    if (why != "closed") console.complain("syncline: cannot write standard output: " + why + "\n");
    return worse_status(status, exit_failed);
}

/// Opens the three standard descriptors where a caller closed them: no file of ours may take their place. What is
/// written to an output that was closed fails all the same.
void open_standard_descriptors() {
    for (int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) >= 0) continue;
        // The lowest number that is free is this one.
        ::open("/dev/null", number == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    }
}

}  // namespace

int run_program(int argc, char** argv) {
    open_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN);
    ParsedCommandLine parsed = parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
    // Standard output belongs to the remote command.
    bool is_remote = parsed.kind == ParsedCommandLine::Kind::command && parsed.line.command == Command::run;
    Console console(is_remote ? STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO);
    if (parsed.kind == ParsedCommandLine::Kind::error) {
        console.complain(parsed.text);
        return exit_usage;
    }
    if (parsed.kind == ParsedCommandLine::Kind::text) {
        console.print(parsed.text);
        return with_output_error(exit_ok, console);
    }
    int status = run_one(parsed.line, console);
    end_logging();
    return with_output_error(status, console);
}

}  // namespace syncline::cli
