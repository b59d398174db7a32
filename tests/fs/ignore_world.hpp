// IgnoreWorld: a random repository with ignore files in every place that git looks at, made again by the same seed.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "temp_tree.hpp"

namespace syncline::test {

class IgnoreWorld {
  public:
    struct Entry {
        std::string path;  ///< from the top
        bool is_directory = false;
    };

    /// Sets HOME and XDG_CONFIG_HOME of this process to directories of this world.
    explicit IgnoreWorld(uint64_t seed);

    /// Absolute.
    std::string top() const { return tree_.path("repo"); }
    /// A directory of the world, "" or below the top.
    const std::string& root() const { return root_; }
    /// Parents come before their children. `.git` is not among them.
    const std::vector<Entry>& entries() const { return entries_; }
    /// The directories where repositories begin; "" comes first, and outer ones before inner ones.
    const std::vector<std::string>& repositories() const { return repositories_; }
    /// All ignore files and their text, for messages.
    const std::string& description() const { return description_; }

    /// Where files for talking to git may be put.
    std::string scratch(std::string_view name) const { return tree_.path(name); }

  private:
    size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }
    bool one_in(size_t times) { return below(times) == 0; }
    template <size_t size>
    std::string_view any_of(const std::string_view (&choices)[size]) {
        return choices[below(size)];
    }

    void populate(const std::string& directory, int depth);
    void make_repository(const std::string& directory);
    void write_user_excludes();
    void write_rules(const std::string& path, const std::string& base);
    std::string line(const std::string& base);
    std::string pattern(const std::string& base);
    std::string component(std::string_view name);
    std::string some_path_below(const std::string& base);

    std::mt19937_64 random_;
    TempTree tree_;
    std::string root_;
    bool folds_case_ = false;  ///< core.ignoreCase is set
    std::vector<Entry> entries_;
    std::vector<std::string> repositories_;
    std::string description_;
};

}  // namespace syncline::test
