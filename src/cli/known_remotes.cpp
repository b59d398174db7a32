#include "cli/known_remotes.hpp"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

#include "cli/job_files.hpp"

namespace syncline::cli {
namespace {

constexpr int deepest_include = 8;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool is_host_name(const std::string& word) {
    return word.find_first_of("*?!") == std::string::npos && !word.starts_with('-');
}

/// Reads what `Host` lines name; `Match` asks too much for a list of names.
class ConfigHosts {
  public:
    ConfigHosts(const std::string& home, std::set<std::string>& names) : home_(home), names_(names) {}

    void read(const std::string& path, int depth = 0) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) {
            std::ranges::replace(line, '=', ' ');
            std::ranges::replace(line, '"', ' ');
            std::istringstream words(line);
            std::string key, word;
            words >> key;
            key = lower(key);
            while (words >> word && !word.starts_with('#')) {
                if (key == "host" && is_host_name(word)) names_.insert(word);
                if (key == "include" && depth < deepest_include) include(word, depth + 1);
            }
        }
    }

  private:
    void include(const std::string& pattern, int depth) {
        std::string path = pattern.starts_with("~/")  ? home_ + pattern.substr(1)
                           : pattern.starts_with('/') ? pattern
                                                      : home_ + "/.ssh/" + pattern;
        glob_t found{};
        if (::glob(path.c_str(), 0, nullptr, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc; ++i) read(found.gl_pathv[i], depth);
        }
        ::globfree(&found);
    }

    const std::string& home_;
    std::set<std::string>& names_;
};

}  // namespace

std::set<std::string> known_remotes(const Session& session) {
    std::set<std::string> names;
    std::string config = session.environment.home + "/.ssh/config";
    if (std::optional<JobFilePath> place = locate_job_file(session, false)) {
        ParseOutcome outcome = load_job_file(place->path, session.environment);
        if (outcome.file) {
            for (const auto& [name, host] : outcome.file->hosts) names.insert(name);
            for (const auto& [name, bucket] : outcome.file->buckets) names.insert(name);
            const std::string& own = outcome.file->engine.ssh_config;
            if (!own.empty()) config = own;
        }
    }
    ConfigHosts(session.environment.home, names).read(config);
    return names;
}

}  // namespace syncline::cli
