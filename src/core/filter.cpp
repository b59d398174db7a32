#include "core/filter.hpp"

#include <cstring>
#include <optional>

#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {

namespace {

using Choice = Verdict::Choice;

/// As last_name, which looks at one byte after the other: this is done for each entry of each tree.
std::string_view name_of(std::string_view path) {
    auto* slash = static_cast<const char*>(::memrchr(path.data(), '/', path.size()));
    return slash == nullptr ? path : path.substr(static_cast<size_t>(slash - path.data()) + 1);
}

/// The path as a rule's base directory sees it; nullopt when it does not lie below that.
std::optional<std::string_view> below_base(const GlobRule& rule, std::string_view path) {
    if (rule.base.empty()) return path;
    if (path.size() == rule.base.size() || !is_at_or_below(path, rule.base)) return std::nullopt;
    return path.substr(rule.base.size() + 1);
}

/// Whether the glob matches a directory on the way to the root, and so everything. A bare name is meant for what is in
/// the root, not for what the root lies in.
bool matches_above_root(const GlobRule& rule) {
    std::string_view way = rule.prefix;
    for (size_t slash = way.find('/'); slash != std::string_view::npos; slash = way.find('/', slash + 1)) {
        if (rule.glob.matches_entry(way.substr(0, slash), "", true)) return true;
    }
    return false;
}

/// Whether the entry by itself matches.
bool matches_entry(const GlobRule& rule, std::string_view path, std::string_view name, bool is_directory) {
    if (!rule.prefix.empty()) {
        std::string whole = rule.prefix + std::string(path);
        return matches_above_root(rule) || rule.glob.matches_entry(whole, name, is_directory);
    }
    auto relative = below_base(rule, path);
    return relative && rule.glob.matches_entry(*relative, name, is_directory);
}

/// Whether the entry, or a directory above it, matches.
bool matches(const GlobRule& rule, std::string_view path, bool is_directory) {
    if (rule.prefix.empty()) {
        auto relative = below_base(rule, path);
        return relative && rule.glob.matches(*relative, is_directory);
    }
    for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        std::string_view above = path.substr(0, slash);
        if (matches_entry(rule, above, name_of(above), true)) return true;
    }
    return matches_entry(rule, path, name_of(path), is_directory);
}

std::string in_quotes(std::string_view text) { return "'" + escape(text) + "'"; }

/// "jobs.toml:14: exclude '*.log'", and for the command line "--exclude '*.log'", which says what it is by itself.
std::string describe(const GlobRule& rule, std::string_view key) {
    std::string text = escape(rule.origin);
    if (!rule.origin.starts_with('-')) text.append(": ").append(key);
    return text.append(" ").append(in_quotes(rule.glob.pattern()));
}

std::string describe(const IgnoreMatch& match) {
    return escape(match.rules->file()) + ":" + std::to_string(match.rule->line) + ": " + in_quotes(match.rule->text);
}

}  // namespace

Filter::Filter(FilterSpec spec) : spec_(std::move(spec)) {}

/// The rule that decided, as far as one did: at most one of the pointers is set.
struct Filter::Decision {
    Choice choice = Choice::selected;
    bool is_git = false;
    const GlobRule* exclude = nullptr;
    IgnoreMatch ignore;
    const GlobRule* include = nullptr;
};

Filter::Decision Filter::decide(const IgnoreChain& chain, std::string_view path, bool is_directory) const {
    Decision decision;
    auto unselected = [&] {
        decision.choice = Choice::unselected;
        return decision;
    };
    std::string_view name = name_of(path);
    decision.is_git = !spec_.include_git && name == ".git";
    if (decision.is_git) return unselected();
    for (const GlobRule& rule : spec_.exclude) {
        if (!matches_entry(rule, path, name, is_directory)) continue;
        decision.exclude = &rule;
        return unselected();
    }
    decision.ignore = find_ignore_rule(chain, path, name, is_directory);
    if (decision.ignore.ignored()) return unselected();
    if (spec_.include.empty()) return decision;
    // What is included by a directory above it was not matched itself, so here the directories count too.
    for (const GlobRule& rule : spec_.include) {
        if (!matches(rule, path, is_directory)) continue;
        decision.include = &rule;
        return decision;
    }
    decision.choice = is_directory ? Choice::passage : Choice::unselected;
    return decision;
}

Verdict::Choice Filter::judge(const IgnoreChain& chain, std::string_view path, bool is_directory) const {
    // Without rules there is one question left, and most entries come this way.
    if (chain == nullptr && spec_.exclude.empty() && spec_.include.empty() && !path.ends_with(".git"))
        return Choice::selected;
    return decide(chain, path, is_directory).choice;
}

std::string Filter::explain(const Decision& decision) const {
    if (decision.is_git) return ".git is not synced unless include_git = true";
    if (decision.exclude != nullptr) return describe(*decision.exclude, "exclude");
    if (decision.ignore.ignored()) return describe(decision.ignore);
    if (decision.include != nullptr) return describe(*decision.include, "include");
    if (decision.choice != Choice::selected) return "include: no pattern matches";
    return decision.ignore.rule != nullptr ? describe(decision.ignore) : "";
}

Verdict Filter::explain(IgnoreSource& ignores, std::string_view path, bool is_directory) const {
    for (size_t end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1)) {
        std::string_view directory = path.substr(0, end);
        Decision decision = decide(ignores.chain_for(parent_path(directory)), directory, true);
        if (decision.choice != Choice::unselected) continue;
        return {Choice::unselected, explain(decision) + " (holds for the directory " + in_quotes(directory) + ")"};
    }
    Decision decision = decide(ignores.chain_for(parent_path(path)), path, is_directory);
    return {decision.choice, explain(decision)};
}

std::string Filter::explain_empty_root(IgnoreSource& ignores) const {
    constexpr std::string_view any_name = "\x01";  // a name that no rule has in mind
    const IgnoreChain chain = ignores.chain_for("");
    for (bool is_directory : {false, true}) {
        Decision decision = decide(chain, any_name, is_directory);
        if (decision.choice != Choice::unselected) return "";
        if (is_directory) return explain(decision);
    }
    return "";
}

}  // namespace syncline
