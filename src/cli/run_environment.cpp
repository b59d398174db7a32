#include "cli/run_environment.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "core/glob.hpp"

namespace syncline::cli {
namespace {

bool is_name(std::string_view text) {
    auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
    return !text.empty() && is_letter(text[0]) && std::ranges::all_of(text, is_part);
}

[[noreturn]] void refuse(const std::string& spec, const std::string& why) {
    throw Error(Errc::usage, "--env '" + escape(spec) + "': " + why);
}

Glob glob_of(const std::string& spec, const std::string& pattern) {
    if (pattern.empty() || pattern.find_first_of(",= \t\n") != std::string::npos)
        refuse(spec, "no pattern of names; give one --env for each");
    std::string why;
    std::optional<Glob> glob = Glob::compile(pattern, why);
    if (!glob) refuse(spec, why);
    return std::move(*glob);
}

}  // namespace

std::map<std::string, std::string> chosen_variables(const std::vector<std::string>& specs,
                                                    const std::map<std::string, std::string>& here) {
    std::map<std::string, std::string> chosen, given;
    std::vector<Glob> excluded;
    for (const std::string& spec : specs) {
        size_t equals = spec.find('=');
        if (spec.starts_with('!')) {
            excluded.push_back(glob_of(spec, spec.substr(1)));
        } else if (equals != std::string::npos) {
            if (!is_name(spec.substr(0, equals))) refuse(spec, "no name of a variable stands before '='");
            given[spec.substr(0, equals)] = spec.substr(equals + 1);
        } else if (is_name(spec)) {
            auto found = here.find(spec);
            if (found == here.end()) refuse(spec, "it is not set here; give it as NAME=VALUE, or export it");
            chosen.insert(*found);
        } else {
            Glob glob = glob_of(spec, spec);
            for (const auto& variable : here) {
                if (is_name(variable.first) && glob.matches(variable.first, false)) chosen.insert(variable);
            }
        }
    }
    std::erase_if(chosen, [&](const auto& variable) {
        return std::ranges::any_of(excluded, [&](const Glob& glob) { return glob.matches(variable.first, false); });
    });
    given.merge(chosen);
    return given;
}

std::map<std::string, std::string> process_variables() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string_view text(*entry);
        size_t equals = text.find('=');
        if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace syncline::cli
