#include "cli/parse_command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.hpp"

namespace syncline::cli {
namespace {

void add_option(CLI::App& app, const OptionSpec& spec, CommandLine& line) {
    std::string names(spec.names), help(spec.hidden ? "" : spec.help);
    CLI::Option* option = nullptr;
    if (auto* flag = std::get_if<bool CommandLine::*>(&spec.field)) {
        option = app.add_flag(names, line.*(*flag), help);
    } else if (auto* text = std::get_if<std::string CommandLine::*>(&spec.field)) {
        option = app.add_option(names, line.*(*text), help);
        option->check([](const std::string& value) {
            return value.empty() ? std::string("it is empty (a variable that is not set?)") : "";
        });
    } else {
        // Otherwise `-x a b` would take both words, and `-x [ab]` would be read as a list.
        option = app.add_option(names, line.*std::get<std::vector<std::string> CommandLine::*>(spec.field), help);
        option->allow_extra_args(false);
    }
    if (!spec.value.empty()) option->type_name(std::string(spec.value));
    if (spec.hidden) option->group("");
}

void add_command(CLI::App& app, const CommandSpec& spec, CommandLine& line) {
    CLI::App* command = app.add_subcommand(std::string(spec.name), std::string(spec.summary));
    command->callback([&line, id = spec.command] { line.command = id; });
    if (!spec.is_built) {
        command->group("Not built yet");
        command->prefix_command();
        return;
    }
    command->group("Commands");
    if (!spec.argument.name.empty()) {
        // How many there may be is checked in argument_count_error(): the library's words for it name no argument.
        command->add_option(std::string(spec.argument.name), line.arguments, std::string(spec.argument.help))
            ->type_name("")
            ->group("Arguments");
    }
    for (std::string_view name : spec.options) add_option(*command, option_spec(name), line);
    for (std::string_view name : common_options()) add_option(*command, option_spec(name), line);
}

/// "psh" -> "push": which command the word may have been meant to be.
std::string did_you_mean_command(const std::string& word) {
    std::vector<std::string> names;
    for (const CommandSpec& command : command_table()) names.emplace_back(command.name);
    return did_you_mean(word, names);
}

/// The same for options too: "--exlude" -> "--exclude".
std::string meant(const CLI::App& app, const std::string& word) {
    if (!word.starts_with("-")) return did_you_mean_command(word);
    std::vector<std::string> candidates;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) candidates.push_back("--" + name);
    }
    return did_you_mean(word.substr(0, word.find('=')), candidates);
}

/// The command that was named, or the program itself.
const CLI::App& innermost(const CLI::App& app) {
    std::vector<const CLI::App*> chosen = app.get_subcommands([](const CLI::App* sub) { return sub->count() > 0; });
    return chosen.empty() ? app : *chosen.front();
}

std::string usage_error(const CLI::App& app, const std::string& what) {
    const CLI::App& command = innermost(app);
    std::string program = &command == &app ? "syncline" : "syncline " + command.get_name();
    return program + ": " + what + "\nTry '" + program + " --help'.\n";
}

std::string unexpected_word(const CLI::App& app, const std::vector<std::string>& words) {
    const CLI::App& command = innermost(app);
    bool is_option = words.front().starts_with("-");
    std::string what = is_option ? "unknown option" : &command == &app ? "unknown command" : "unexpected argument";
    what += " '" + escape(words.front()) + "'";
    if (!is_option && &command != &app) return what;
    std::string nearest = meant(command, words.front());
    return nearest.empty() ? what : what + "; did you mean '" + nearest + "'?";
}

ParsedCommandLine failure(const CLI::App& app, const CLI::ParseError& error) {
    using Kind = ParsedCommandLine::Kind;
    if (dynamic_cast<const CLI::CallForHelp*>(&error)) return {Kind::text, {}, app.help()};
    if (dynamic_cast<const CLI::CallForVersion*>(&error)) return {Kind::text, {}, std::string(error.what()) + "\n"};
    std::vector<std::string> unknown = app.remaining(true);
    bool is_incomplete = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
    std::string what = !unknown.empty() ? unexpected_word(app, unknown)
                       : is_incomplete  ? "no command given"
                                        : escape(error.what());
    return {Kind::error, {}, usage_error(app, what)};
}

/// "" or what is wrong with the number of arguments.
std::string argument_count_error(const CommandLine& line) {
    const CommandSpec& spec = command_spec(line.command);
    size_t count = line.arguments.size();
    if (line.command == Command::run && line.remote_command.empty())
        return "CMD is missing; it stands behind '--': syncline run [JOB] -- CMD [ARG...]";
    if (std::ranges::find(line.arguments, "") != line.arguments.end())
        return "an argument is empty (a variable that is not set?)";
    if (count < spec.argument.least) return std::string(spec.argument.name) + " is missing";
    if (count <= spec.argument.most) return {};
    return "unexpected argument '" + escape(line.arguments[spec.argument.most]) + "'";
}

/// The library reads a word in brackets as a list. It is not one: a mark at its end hides that.
constexpr char not_a_list = '\x01';

std::vector<std::string> mark_brackets(std::vector<std::string> words) {
    for (std::string& word : words) {
        if (word.starts_with('[') && word.ends_with(']')) word += not_a_list;
    }
    return words;
}

void remove_mark(std::string& word) {
    if (word.starts_with('[') && word.ends_with(std::string("]") + not_a_list)) word.pop_back();
}

void remove_marks(CommandLine& line) {
    for (std::string& word : line.arguments) remove_mark(word);
    for (const OptionSpec& spec : option_table()) {
        if (auto* text = std::get_if<std::string CommandLine::*>(&spec.field)) remove_mark(line.*(*text));
        if (auto* list = std::get_if<std::vector<std::string> CommandLine::*>(&spec.field)) {
            for (std::string& word : line.*(*list)) remove_mark(word);
        }
    }
}

/// Where the name of the command stands; the end when there is none.
std::vector<std::string>::iterator find_command(std::vector<std::string>& words) {
    auto command = words.begin();
    auto is_value = [&] { return command != words.begin() && *(command - 1) == "--log-file"; };
    while (command != words.end() && (command->starts_with('-') || is_value())) ++command;
    return command;
}

/// The words up to the name of a command that is not built yet, and what asks for help: the library would take what
/// belongs to such a command, `-- ls`, for the program's own.
std::vector<std::string> without_unbuilt_part(std::vector<std::string> words) {
    auto command = find_command(words);
    if (command == words.end()) return words;
    auto spec = std::ranges::find(command_table(), *command, &CommandSpec::name);
    if (spec == command_table().end() || spec->is_built) return words;
    auto end = std::find(command, words.end(), "--");
    auto is_help = [](const std::string& word) { return word == "-h" || word == "--help"; };
    bool wants_help = std::find_if(command, end, is_help) != end;
    words.erase(command + 1, words.end());
    if (wants_help) words.emplace_back("--help");
    return words;
}

/// Takes away what stands behind `--`: nothing there is an option, and the library would take what looks like one for
/// one when an argument stands before.
std::vector<std::string> take_words_behind_dashes(std::vector<std::string>& words) {
    auto dashes = std::ranges::find(words, "--");
    if (dashes == words.end()) return {};
    std::vector<std::string> taken(dashes + 1, words.end());
    words.erase(dashes, words.end());
    // `syncline -- push x`: the command is the first of them.
    if (find_command(words) == words.end() && !taken.empty()) {
        words.push_back(std::move(taken.front()));
        taken.erase(taken.begin());
    }
    return taken;
}

/// Those behind `--` are what `run` runs, and arguments as others are to every other command.
void give_words_behind_dashes(CommandLine& line, std::vector<std::string> words) {
    std::vector<std::string>& to = line.command == Command::run ? line.remote_command : line.arguments;
    to.insert(to.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
}

/// `help`, `help push`: what --help says there.
ParsedCommandLine help_for(const CLI::App& app, std::vector<std::string> words) {
    bool is_known =
        words.empty() || std::ranges::find(command_table(), words.front(), &CommandSpec::name) != command_table().end();
    if (is_known) {
        words.emplace_back("--help");
        return parse_command_line(words);
    }
    std::string what = "unknown command '" + escape(words.front()) + "'", nearest = did_you_mean_command(words.front());
    if (!nearest.empty()) what += "; did you mean '" + nearest + "'?";
    return {ParsedCommandLine::Kind::error, {}, usage_error(app, what)};
}

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments) {
    CommandLine line;
    CLI::App app("Keep directory trees in step, as one file declares it", "syncline");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("syncline ") + SYNCLINE_VERSION);
    app.get_formatter()->column_width(34);
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.footer(
        "The job file is FILE or -f FILE, else ./jobs.toml, the nearest one upwards, or\n"
        "$XDG_CONFIG_HOME/syncline/jobs.toml. See syncline(1) and syncline-jobs(5).");
    for (std::string_view name : common_options()) add_option(app, option_spec(name), line);
    for (const CommandSpec& spec : command_table()) add_command(app, spec, line);
    std::vector<std::string> words = without_unbuilt_part(arguments);
    std::vector<std::string> literal = take_words_behind_dashes(words);
    words = mark_brackets(std::move(words));
    std::ranges::reverse(words);
    try {
        app.parse(words);
    } catch (const CLI::ParseError& error) {
        return failure(app, error);
    }
    remove_marks(line);
    give_words_behind_dashes(line, std::move(literal));
    if (std::string what = argument_count_error(line); !what.empty()) {
        return {ParsedCommandLine::Kind::error, {}, usage_error(app, what)};
    }
    if (line.command == Command::help) return help_for(app, line.arguments);
    return {ParsedCommandLine::Kind::command, std::move(line), {}};
}

}  // namespace syncline::cli
