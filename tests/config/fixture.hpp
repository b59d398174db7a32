// What the tests of config/ share: an environment that is nobody's, and short ways to parse.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline::test {

inline ParseEnvironment make_environment(std::map<std::string, std::string> variables = {}) {
    ParseEnvironment environment;
    environment.home = "/home/user";
    environment.current_directory = "/project";
    environment.variable = [variables](const std::string& name) -> std::optional<std::string> {
        auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    environment.resolve = [](const std::string& path) { return resolve_symlinks(path); };
    return environment;
}

/// Parses `text` as /project/jobs.toml.
inline ParseOutcome parse(std::string_view text, std::map<std::string, std::string> variables = {}) {
    return parse_job_file(text, "/project/jobs.toml", make_environment(std::move(variables)));
}

/// The same with `version = 1` before it, on the first line.
inline ParseOutcome parse_body(const std::string& body, std::map<std::string, std::string> variables = {}) {
    return parse("version = 1\n" + body, std::move(variables));
}

/// One job "x" from /data/x to /copy/x with more `keys`, each on its line from line 5 on.
inline ParseOutcome parse_job(const std::string& keys, std::map<std::string, std::string> variables = {}) {
    return parse_body("[jobs.x]\nroot = \"/data/x\"\nremote = \"/copy/x\"\n" + keys, std::move(variables));
}

inline std::vector<std::string> texts(const std::vector<Diagnostic>& list) {
    std::vector<std::string> out;
    for (const Diagnostic& diagnostic : list) out.push_back(diagnostic.text());
    return out;
}

/// The texts, one a line: "" when there are none.
inline std::string joined(const std::vector<Diagnostic>& list) {
    std::string out;
    for (const std::string& text : texts(list)) out += (out.empty() ? "" : "\n") + text;
    return out;
}

/// A directory that is removed at the end.
class TempDirectory {
  public:
    TempDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "syncline-config-XXXXXX").string();
        path_ = resolve_symlinks(::mkdtemp(pattern.data()));
    }
    ~TempDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

    std::string write(std::string_view name, std::string_view text) const {
        std::string file = *this / name;
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

  private:
    std::string path_;
};

}  // namespace syncline::test
