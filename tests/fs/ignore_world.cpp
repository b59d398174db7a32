#include "ignore_world.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline::test {

namespace {

constexpr std::string_view names[] = {"a",   "b",   "c",    "ab",   "abc",   "foo",  "bar",   "a.o",  "b.o",
                                      "x.c", "a b", "x ",   "#x",   "!y",    "[z]",  "*s",    "q?",   "back\\slash",
                                      "-d",  "A",   ".hid", "cr\r", "tab\t", "vt\v", "a.b.c", "foo*", "\xc3\xa9"};
constexpr std::string_view sets[] = {"[abc]",
                                     "[!a]",
                                     "[^b]",
                                     "[a-c]",
                                     "[]a]",
                                     "[!]x]",
                                     "[a-]",
                                     "[[:alpha:]]",
                                     "[[:space:]]",
                                     "[[:punct:]]",
                                     "[[:upper:][:digit:]]",
                                     "[\\]z]",
                                     "[c-a]",
                                     "[[:bad:]]",
                                     "[a",
                                     "[",
                                     "[[:alpha]",
                                     "[a/b]",
                                     "[\\a-\\c]",
                                     "[!-~]"};
constexpr std::string_view wild[] = {"*", "?", "**", "***", "*?", "?*", "*.o", "*.*", "a*", "*b*"};
constexpr std::string_view endings[] = {" ", "   ", "\\ ", " \\  ", "\t", "\\", "\r", " \r", "\\  \\ "};

}  // namespace

IgnoreWorld::IgnoreWorld(uint64_t seed) : random_(seed), folds_case_(seed % 5 == 0) {
    make_repository("");
    populate("", 0);
    write_user_excludes();
    for (const std::string& repository : repositories_) {
        if (one_in(3)) write_rules(join_path(repository, ".git/info/exclude"), repository);
    }
    if (!one_in(8)) write_rules(".gitignore", "");
    std::vector<Entry> before = entries_;
    for (const Entry& entry : before) {
        if (entry.is_directory && one_in(3)) write_rules(entry.path + "/.gitignore", entry.path);
        if (entry.is_directory && one_in(12)) root_ = entry.path;
    }
}

void IgnoreWorld::populate(const std::string& directory, int depth) {
    size_t count = 2 + below(depth == 0 ? 5 : 3);
    for (size_t i = 0; i < count; ++i) {
        std::string path = join_path(directory, any_of(names));
        bool exists =
            std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.path == path; });
        if (exists) continue;
        bool is_directory = depth < 4 && one_in(2);
        entries_.push_back({path, is_directory});
        if (!is_directory) {
            if (one_in(10)) {
                tree_.link("repo/" + path, ".");
            } else {
                tree_.write("repo/" + path, "");
            }
            continue;
        }
        tree_.make_directory("repo/" + path);
        if (one_in(12)) make_repository(path);
        populate(path, depth + 1);
    }
}

/// As little as git takes for a repository; in a nested directory `.git` may be a file, as in worktrees and submodules.
void IgnoreWorld::make_repository(const std::string& directory) {
    std::string git = join_path("repo/" + directory, ".git");
    if (directory.empty()) git = "repo/.git";
    repositories_.push_back(directory);
    tree_.make_directory(git + "/objects");
    tree_.make_directory(git + "/refs");
    tree_.write(git + "/HEAD", "ref: refs/heads/main\n");
}

void IgnoreWorld::write_user_excludes() {
    ::setenv("HOME", tree_.path("home").c_str(), 1);
    ::setenv("XDG_CONFIG_HOME", tree_.path("config").c_str(), 1);
    tree_.make_directory("home");
    switch (below(6)) {
        case 0: write_rules("../config/git/ignore", ""); break;
        case 1:
            ::unsetenv("XDG_CONFIG_HOME");
            write_rules("../home/.config/git/ignore", "");
            break;
        case 2:
            tree_.write("home/.gitconfig", "[core]\n\texcludesFile = ~/mine\n");
            write_rules("../config/git/ignore", "");
            write_rules("../home/mine", "");
            break;
        default: break;
    }
    if (!folds_case_) return;
    std::ofstream(tree_.path("home/.gitconfig"), std::ios::app) << "[core]\n\tignoreCase = true\n";
    description_ += "  core.ignoreCase\n";
}

void IgnoreWorld::write_rules(const std::string& path, const std::string& base) {
    std::string text(one_in(20) ? "\xef\xbb\xbf" : "");
    for (size_t count = 1 + below(6); count > 0; --count) {
        text += line(base);
        if (one_in(12)) text += '\r';
        if (count > 1 || !one_in(3)) text += '\n';
    }
    tree_.write("repo/" + path, text);
    description_ += "  " + escape(path) + ": \"" + escape(text) + "\"\n";
    bool is_new = path.ends_with("/.gitignore") || path == ".gitignore";
    if (is_new) entries_.push_back({path, false});
}

std::string IgnoreWorld::line(const std::string& base) {
    if (one_in(25)) return one_in(2) ? "" : "# a comment";
    std::string text = pattern(base);
    for (char& byte : text) {
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (folds_case_ && is_letter && one_in(3)) byte = static_cast<char>(byte ^ 0x20);
    }
    if (one_in(5)) text = "/" + text;
    if (one_in(5)) text += "/";
    if (one_in(12)) text += one_in(2) ? "/**" : "/*";
    if (one_in(15)) text = "**/" + text;
    if (one_in(30)) text = one_in(2) ? "\\" + text : "**\\/" + text;
    if (one_in(60) && !text.empty()) text[below(text.size())] = '\0';
    if (one_in(4)) text = "!" + text;
    if (one_in(12)) text += any_of(endings);
    return text;
}

std::string IgnoreWorld::pattern(const std::string& base) {
    std::string path = some_path_below(base);
    size_t skipped = one_in(2) ? 0 : below(3);
    std::string result;
    while (!path.empty()) {
        size_t slash = std::min(path.find('/'), path.size());
        std::string name = path.substr(0, slash);
        path.erase(0, std::min(slash + 1, path.size()));
        if (skipped > 0 && !path.empty()) {
            --skipped;
            continue;
        }
        if (!result.empty()) result += one_in(40) ? "\\/" : "/";
        result += component(name);
        if (one_in(25)) {
            // Stars right behind a literal beginning, in place of one directory or of none.
            result += "**";
            size_t next = path.find('/');
            if (next != std::string::npos && one_in(2)) path.erase(0, next + 1);
        }
        if (one_in(8)) return result;
    }
    return result;
}

/// Something that may match `name`.
std::string IgnoreWorld::component(std::string_view name) {
    std::string text(name);
    switch (below(12)) {
        case 0: return std::string(any_of(wild));
        case 1: return "**";
        case 2: return "*" + text.substr(below(text.size() + 1));
        case 3: return text.substr(0, below(text.size() + 1)) + "*";
        case 4: return text.replace(below(text.size()), 1, "?");
        case 5: return text.replace(below(text.size()), 1, any_of(sets));
        case 6: return text.insert(below(text.size() + 1), any_of(wild));
        case 7: return text.insert(below(text.size() + 1), "\\");
        case 8: return std::string(any_of(names));
        default: break;
    }
    std::string escaped;
    for (char byte : text) {
        if (std::string_view("#!*?[\\ ").find(byte) != std::string_view::npos && !one_in(4)) escaped += '\\';
        escaped += byte;
    }
    return escaped;
}

std::string IgnoreWorld::some_path_below(const std::string& base) {
    for (int attempt = 0; attempt < 10 && !entries_.empty(); ++attempt) {
        const std::string& path = entries_[below(entries_.size())].path;
        if (path == base || !is_at_or_below(path, base)) continue;
        return base.empty() ? path : path.substr(base.size() + 1);
    }
    return std::string(any_of(names));
}

}  // namespace syncline::test
