#include "cli/completion.hpp"

#include <vector>

#include "cli/command_line.hpp"

namespace syncline::cli {
namespace {

/// The options of a command, the common ones last; hidden ones are nowhere offered.
std::vector<const OptionSpec*> options_of(const CommandSpec& command) {
    std::vector<const OptionSpec*> list;
    for (std::string_view name : command.options) list.push_back(&option_spec(name));
    for (std::string_view name : common_options()) list.push_back(&option_spec(name));
    std::erase_if(list, [](const OptionSpec* option) { return option->hidden; });
    return list;
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : std::string(separator)) + word;
    return out;
}

std::string command_names() {
    std::vector<std::string> names;
    for (const CommandSpec& command : command_table()) {
        if (command.is_built) names.emplace_back(command.name);
    }
    return joined(names, " ");
}

// ---- bash

std::string bash_action(Completes completes) {
    switch (completes) {
        case Completes::nothing: return ":";
        case Completes::job_file:
        case Completes::file: return "_syncline_files -f";
        case Completes::directory: return "_syncline_files -d";
        case Completes::job: return "_syncline_jobs";
        case Completes::job_or_file: return "_syncline_jobs; _syncline_files -f";
        case Completes::shell: return "_syncline_words bash zsh fish";
        case Completes::command: return "_syncline_words " + command_names();
        case Completes::remote: return "_syncline_remotes; _syncline_files -d";
    }
    return ":";
}

// Names are compared by the shell itself: `compgen -W` would expand a `$(...)` in the name of a job.
constexpr std::string_view bash_head = R"sh(# bash completion for syncline; made by `syncline completion bash`

_syncline_words() {
    local name
    for name in "$@"; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$name")
    done
}

_syncline_files() {
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$word")
}

_syncline_jobs() {
    local name
    while IFS= read -r name; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(syncline completion --jobs ${job_file:+-f "$job_file"} 2>/dev/null)
}

# The shell takes the colon of `cse:` for a word of its own: what stands before it is offered whole.
_syncline_remotes() {
    local name
    while IFS= read -r name; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$name") && compopt -o nospace 2>/dev/null
    done < <(syncline completion --remotes ${job_file:+-f "$job_file"} 2>/dev/null)
}

_syncline() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command= job_file= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -f | --file) job_file=${COMP_WORDS[++i]} ;;
            --log-file) ((i++)) ;;
            -*) ;;
            *) [[ $command ]] || command=${COMP_WORDS[i]} ;;
        esac
    done
)sh";

std::string bash_values() {
    std::string out = "    case $previous in\n";
    for (const OptionSpec& option : option_table()) {
        if (option.value.empty()) continue;
        out += "        " + joined(option_names(option), "|") + ") " + bash_action(option.completes) + "; return ;;\n";
    }
    return out + "    esac\n";
}

std::string bash_command(const CommandSpec& command) {
    std::vector<std::string> words;
    for (const OptionSpec* option : options_of(command)) {
        for (std::string& name : option_names(*option)) words.push_back(std::move(name));
    }
    return "        " + std::string(command.name) +
           ")\n            if [[ $word == -* ]]; then\n                _syncline_words " + joined(words, " ") +
           " --help\n            else\n                " + bash_action(command.argument.completes) +
           "\n            fi ;;\n";
}

std::string bash_script() {
    std::string out(bash_head);
    out += bash_values() + "    case $command in\n";
    out += "        '')\n            _syncline_words " + command_names() + " --help --version ;;\n";
    for (const CommandSpec& command : command_table()) {
        if (command.is_built) out += bash_command(command);
    }
    return out + "    esac\n}\n\ncomplete -F _syncline syncline\n";
}

// ---- zsh

/// In a specification of _arguments, inside single quotes.
std::string zsh_quoted(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            if (c == ':' || c == '[' || c == ']') out += '\\';
            out += c;
        }
    }
    return out;
}

std::string zsh_action(Completes completes) {
    switch (completes) {
        case Completes::nothing: return " ";
        case Completes::job_file:
        case Completes::file: return "_files";
        case Completes::directory: return "_files -/";
        case Completes::job: return "_syncline_jobs";
        case Completes::job_or_file: return "_syncline_jobs_or_files";
        case Completes::shell: return "(bash zsh fish)";
        case Completes::command: return "_syncline_commands";
        case Completes::remote: return "_syncline_remotes";
    }
    return " ";
}

std::string zsh_option(const OptionSpec& option) {
    std::vector<std::string> names = option_names(option);
    bool is_repeated = std::holds_alternative<std::vector<std::string> CommandLine::*>(option.field);
    std::string out = is_repeated ? "'*'" : "'(" + joined(names, " ") + ")'";
    out += names.size() == 1 ? names.front() : "{" + joined(names, ",") + "}";
    out += "'[" + zsh_quoted(option.help) + "]";
    if (!option.value.empty()) out += ":" + zsh_quoted(option.value) + ":" + zsh_action(option.completes);
    return out + "'";
}

constexpr std::string_view zsh_head = R"sh(#compdef syncline
# zsh completion for syncline; made by `syncline completion zsh`

_syncline_jobs() {
    local -a jobs file
    (( ${+opt_args[-f]} )) && file=(-f "${(Q)opt_args[-f]}")
    (( ${+opt_args[--file]} )) && file=(-f "${(Q)opt_args[--file]}")
    jobs=("${(@f)$(syncline completion --jobs $file 2>/dev/null)}")
    compadd -a jobs
}

_syncline_jobs_or_files() {
    _syncline_jobs
    _files
}

_syncline_remotes() {
    local -a remotes file
    (( ${+opt_args[-f]} )) && file=(-f "${(Q)opt_args[-f]}")
    (( ${+opt_args[--file]} )) && file=(-f "${(Q)opt_args[--file]}")
    remotes=("${(@f)$(syncline completion --remotes $file 2>/dev/null)}")
    compadd -S '' -a remotes
    _files -/
}

)sh";

std::string zsh_command(const CommandSpec& command) {
    std::string out = "        " + std::string(command.name) + ")\n            _arguments -s \\\n";
    for (const OptionSpec* option : options_of(command)) out += "                " + zsh_option(*option) + " \\\n";
    if (command.argument.most == 0) return out + "                '--help[Print help]' ;;\n";
    std::string position = command.argument.most > 1 ? "*" : "1";
    return out + "                '--help[Print help]' \\\n                '" + position + ":" +
           zsh_quoted(command.argument.name) + ":" + zsh_action(command.argument.completes) + "' ;;\n";
}

std::string zsh_script() {
    std::string out(zsh_head);
    out += "_syncline_commands() {\n    local -a commands\n    commands=(\n";
    for (const CommandSpec& command : command_table()) {
        if (command.is_built)
            out += "        '" + std::string(command.name) + ":" + zsh_quoted(command.summary) + "'\n";
    }
    out += "    )\n    _describe command commands\n}\n\n";
    out +=
        "_syncline() {\n    local curcontext=$curcontext state line\n    typeset -A opt_args\n    _arguments -C \\\n";
    for (std::string_view name : common_options()) out += "        " + zsh_option(option_spec(name)) + " \\\n";
    out +=
        "        '--help[Print help]' '--version[Print the version]' \\\n"
        "        '1:command:_syncline_commands' '*::argument:->rest'\n"
        "    [[ $state == rest ]] || return\n    case $words[1] in\n";
    for (const CommandSpec& command : command_table()) {
        if (command.is_built) out += zsh_command(command);
    }
    return out +
           "    esac\n}\n\n# Autoloaded, the file is the function; sourced, it defines it.\n"
           "if [[ $funcstack[1] == _syncline ]]; then\n    _syncline \"$@\"\nelse\n    compdef _syncline "
           "syncline\nfi\n";
}

// ---- fish

std::string fish_quoted(std::string_view text) {
    std::string out = "'";
    for (char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string fish_values(Completes completes) {
    switch (completes) {
        case Completes::nothing: return " -x";
        case Completes::job_file:
        case Completes::file: return " -r -F";
        case Completes::directory: return " -x -a '(__fish_complete_directories)'";
        case Completes::job: return " -x -a '(__syncline_jobs)'";
        case Completes::job_or_file: return " -r -F -a '(__syncline_jobs)'";
        case Completes::shell: return " -x -a 'bash zsh fish'";
        case Completes::command: return " -x -a " + fish_quoted(command_names());
        case Completes::remote: return " -x -a '(__syncline_remotes) (__fish_complete_directories)'";
    }
    return "";
}

std::string fish_option(const OptionSpec& option, const std::string& condition) {
    std::string out = "complete -c syncline" + condition;
    for (const std::string& name : option_names(option)) {
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.value.empty()) out += fish_values(option.completes);
    return out + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish_script() {
    std::string out =
        "# fish completion for syncline; made by `syncline completion fish`\n\n"
        "function __syncline_jobs\n    syncline completion --jobs 2>/dev/null\nend\n\n"
        "function __syncline_remotes\n    syncline completion --remotes 2>/dev/null\nend\n\ncomplete -c syncline -f\n"
        "complete -c syncline -l help -d 'Print help'\n"
        "complete -c syncline -n __fish_use_subcommand -l version -d 'Print the version'\n";
    for (std::string_view name : common_options()) out += fish_option(option_spec(name), "");
    for (const CommandSpec& command : command_table()) {
        if (!command.is_built) continue;
        std::string name(command.name);
        std::string condition = " -n '__fish_seen_subcommand_from " + name + "'";
        out +=
            "\ncomplete -c syncline -n __fish_use_subcommand -a " + name + " -d " + fish_quoted(command.summary) + "\n";
        for (std::string_view option : command.options) {
            if (!option_spec(option).hidden) out += fish_option(option_spec(option), condition);
        }
        if (command.argument.most > 0)
            out += "complete -c syncline" + condition + fish_values(command.argument.completes) + "\n";
    }
    return out;
}

}  // namespace

std::optional<Shell> shell_of(std::string_view name) {
    if (name == "bash") return Shell::bash;
    if (name == "zsh") return Shell::zsh;
    if (name == "fish") return Shell::fish;
    return std::nullopt;
}

std::string completion_script(Shell shell) {
    switch (shell) {
        case Shell::bash: return bash_script();
        case Shell::zsh: return zsh_script();
        case Shell::fish: return fish_script();
    }
    return {};
}

}  // namespace syncline::cli
