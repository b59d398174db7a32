#include "fs/ignore_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "fs/fd.hpp"
#include "fs/git_files.hpp"

namespace syncline::fs {

namespace {

constexpr std::string_view git_name = ".gitignore";
// Beyond this the kernel may not take a directory's path and a file name in one piece.
constexpr size_t max_direct_bytes = 3072;

struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// With symlinks resolved as far as the path exists, and without a '/' at its end: "/" is "".
std::string real_path(const std::string& path) {
    std::error_code error;
    std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
    std::string text = error ? path : real.string();
    while (text.ends_with('/')) text.pop_back();
    return text;
}

/// The nearest directory above `path` that exists, or itself.
std::string existing_part(std::string path) {
    struct stat status{};
    while (!path.empty() && ::stat(path.c_str(), &status) != 0) path.erase(path.rfind('/'));
    return path;
}

/// A directory as the place that names are looked up from.
struct Place {
    int fd = -1;
    std::string prefix;
};

/// A frame in the making.
struct Draft {
    IgnoreFrame frame;
    std::vector<Problem> problems;
    std::vector<std::string> outside;  ///< files that were asked for

    bool adds_rules() const {
        auto is_there = [](const IgnoreRulesPtr& rules) { return rules != nullptr; };
        return std::any_of(frame.layers.begin(), frame.layers.end(), is_there) || !frame.repository.empty();
    }

    /// A directory that changes nothing shares the frame of its parent.
    IgnoreChain finish() {
        bool ends_outer_rules = frame.border && (frame.outer != nullptr || frame.folds_case);
        if (!adds_rules() && !ends_outer_rules) return std::move(frame.outer);
        return std::make_shared<const IgnoreFrame>(std::move(frame));
    }
};

}  // namespace

struct IgnoreFiles::Impl {
    Impl(const std::string& root, std::vector<std::string> names) : root_(real_path(root)), names_(std::move(names)) {
        // Strongest first, the order in which layers are asked.
        std::reverse(names_.begin(), names_.end());
        auto git = std::find(names_.begin(), names_.end(), git_name);
        if (git != names_.end()) git_layer_ = static_cast<size_t>(git - names_.begin());
    }

    IgnoreChain chain_for(std::string_view directory) {
        if (names_.empty()) return nullptr;
        std::call_once(prepared_, [this] { prepare(); });
        {
            std::shared_lock lock(mutex_);
            if (auto known = chains_.find(directory); known != chains_.end()) return known->second;
        }
        Draft draft = load(directory);
        std::unique_lock lock(mutex_);
        auto [place, is_first] = chains_.try_emplace(std::string(directory));
        // Two threads may have read the same directory: the second one's draft is dropped, problems and all.
        if (!is_first) return place->second;
        problems_.insert(problems_.end(), draft.problems.begin(), draft.problems.end());
        outside_.insert(outside_.end(), draft.outside.begin(), draft.outside.end());
        place->second = draft.finish();
        return place->second;
    }

    std::vector<std::string> files_outside() const {
        std::shared_lock lock(mutex_);
        return outside_;
    }

    std::vector<Problem> problems() const {
        std::shared_lock lock(mutex_);
        std::vector<Problem> result = problems_;
        std::sort(result.begin(), result.end(), [](const Problem& a, const Problem& b) {
            return a.path == b.path ? a.why < b.why : compare_paths(a.path, b.path) < 0;
        });
        return result;
    }

  private:
    /// What lies outside of the root: the repository around it, the user's excludes, the directories up to the
    /// repository's top.
    void prepare() {
        root_fd_ = Fd(::open(root_.empty() ? "/" : root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        std::string existing = existing_part(root_);
        repository_ = repository_around(existing);
        std::vector<Problem> problems;
        std::vector<std::string> outside;
        folds_case_ = folds_ignored_case(existing.empty() ? "/" : existing, repository_);
        if (git_layer_) {
            std::string excludes = user_excludes_path(existing.empty() ? "/" : existing, repository_);
            if (!excludes.empty()) outside.push_back(excludes);
            if (!excludes.empty())
                user_excludes_ = read_rules({AT_FDCWD, ""}, excludes, true, {"", excludes}, folds_case_, problems);
        }
        for (size_t end = repository_ ? repository_->top.size() : root_.size(); end < root_.size();
             end = root_.find('/', end + 1)) {
            Draft draft;
            draft.frame.outer = outer_;
            draft.frame.above = root_.substr(end + 1) + "/";
            draft.frame.folds_case = folds_case_;
            read_layers(draft, {AT_FDCWD, root_.substr(0, end) + "/"});
            if (end == repository_->top.size()) begin_repository(draft, *repository_);
            problems.insert(problems.end(), draft.problems.begin(), draft.problems.end());
            outside.insert(outside.end(), draft.outside.begin(), draft.outside.end());
            outer_ = draft.finish();
        }
        std::unique_lock lock(mutex_);
        problems_ = std::move(problems);
        outside_ = std::move(outside);
    }

    Draft load(std::string_view directory) {
        Draft draft;
        draft.frame.outer = directory.empty() ? outer_ : chain_for(parent_path(directory));
        draft.frame.directory = directory;
        draft.frame.folds_case = draft.frame.outer == nullptr ? folds_case_ : draft.frame.outer->folds_case;
        Fd deep;
        Place place{root_fd_.get(), directory.empty() ? "" : std::string(directory) + "/"};
        if (directory.size() > max_direct_bytes) {
            deep = open_directory(root_fd_.get(), directory);
            place = {deep.get(), ""};
        }
        std::optional<Repository> nested = nested_repository(place, directory);
        if (nested) draft.frame.folds_case = folds_ignored_case(join_path(root_, directory), nested);
        if (place.fd >= 0) read_layers(draft, place);
        if (!git_layer_) return draft;
        if (directory.empty() && (!repository_ || repository_->top != root_)) {
            // Outside of repositories the root counts as the top of one.
            if (!repository_) begin_repository(draft, {});
            return draft;
        }
        if (nested) begin_repository(draft, *nested);
        return draft;
    }

    /// What begins in a directory of the tree, the root included.
    std::optional<Repository> nested_repository(const Place& place, std::string_view directory) const {
        struct stat status{};
        bool is_looked_for = git_layer_ && place.fd >= 0;
        if (!is_looked_for || ::fstatat(place.fd, (place.prefix + ".git").c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return std::nullopt;
        return repository_at(join_path(root_, directory));
    }

    void read_layers(Draft& draft, const Place& place) {
        bool is_above = !draft.frame.above.empty();
        for (const std::string& name : names_) {
            std::string inside = is_above ? "" : join_path(draft.frame.directory, name);
            std::string shown = is_above ? place.prefix + name : inside;
            if (is_above) draft.outside.push_back(shown);
            draft.frame.layers.push_back(
                read_rules(place, name, false, {inside, shown}, draft.frame.folds_case, draft.problems));
        }
    }

    void begin_repository(Draft& draft, const Repository& repository) {
        draft.frame.layers.resize(names_.size());
        draft.frame.border = git_layer_;
        if (!repository.common_dir.empty()) {
            std::string path = repository.common_dir + "/info/exclude";
            draft.outside.push_back(path);
            std::string shown = path.starts_with(root_ + "/") ? path.substr(root_.size() + 1) : path;
            std::string inside = draft.frame.above.empty() ? join_path(draft.frame.directory, ".git") : "";
            IgnoreRulesPtr rules =
                read_rules({AT_FDCWD, ""}, path, true, {inside, shown}, draft.frame.folds_case, draft.problems);
            if (rules != nullptr) draft.frame.repository.push_back(std::move(rules));
        }
        if (user_excludes_ != nullptr) draft.frame.repository.push_back(user_excludes_);
    }

    /// How a file is spoken of: the path that a problem with it has, and the name that explain gives it.
    struct Naming {
        std::string problem;
        std::string shown;
    };

    /// Null when there is no such file, no rule in it, or it cannot be read.
    static IgnoreRulesPtr read_rules(const Place& place, const std::string& name, bool follow, const Naming& naming,
                                     bool folds_case, std::vector<Problem>& problems) {
        FileText file = read_text(place.fd, place.prefix + name, follow);
        if (!file.error.empty()) {
            std::string why = "the rules of ignore file " + escape(naming.shown) + " are not known: " + file.error;
            problems.push_back({naming.problem, why});
        }
        if (!file.text) return nullptr;
        auto rules = std::make_shared<const IgnoreRules>(naming.shown, *file.text, folds_case);
        return rules->empty() ? nullptr : rules;
    }

    const std::string root_;  ///< "" is "/"
    std::vector<std::string> names_;
    std::optional<size_t> git_layer_;

    std::once_flag prepared_;
    Fd root_fd_;
    std::optional<Repository> repository_;
    IgnoreRulesPtr user_excludes_;
    IgnoreChain outer_;        ///< what the directories above the root say
    bool folds_case_ = false;  ///< core.ignoreCase around the root

    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, IgnoreChain, StringHash, std::equal_to<>> chains_;
    std::vector<Problem> problems_;
    std::vector<std::string> outside_;
};

IgnoreFiles::IgnoreFiles(const std::string& root, std::vector<std::string> names)
    : impl_(std::make_unique<Impl>(root, std::move(names))) {}
IgnoreFiles::~IgnoreFiles() = default;

IgnoreChain IgnoreFiles::chain_for(std::string_view directory) { return impl_->chain_for(directory); }
std::vector<Problem> IgnoreFiles::problems() const { return impl_->problems(); }
std::vector<std::string> IgnoreFiles::files_outside() const { return impl_->files_outside(); }

}  // namespace syncline::fs
