#include "core/ignore.hpp"

#include <algorithm>

#include "base/rel_path.hpp"

namespace syncline {

namespace {

/// Without the spaces at its end, but for those behind a backslash. Other white space stays.
std::string_view without_trailing_spaces(std::string_view line) {
    size_t end = 0;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            // git leaves a line alone whose last byte is a backslash.
            if (++i == line.size()) return line;
            end = i + 1;
        } else if (line[i] != ' ') {
            end = i + 1;
        }
    }
    return line.substr(0, end);
}

/// The bytes that are no wildcard, up to the first that is one.
size_t literal_length(std::string_view pattern) { return std::min(pattern.find_first_of("*?[\\"), pattern.size()); }

}  // namespace

IgnoreRules::IgnoreRules(std::string file, std::string_view text, bool folds_case)
    : file_(std::move(file)), folds_case_(folds_case) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    for (uint32_t line_number = 1; !text.empty(); ++line_number) {
        size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        // git reads a line as a C string.
        line = line.substr(0, line.find('\0'));
        if (!line.starts_with('#')) add(without_trailing_spaces(line), line_number);
    }
    std::reverse(rules_.begin(), rules_.end());
    rules_.shrink_to_fit();
}

void IgnoreRules::add(std::string_view line, uint32_t line_number) {
    IgnoreRule rule;
    rule.text = line;
    rule.line = line_number;
    if (line.starts_with('!')) {
        rule.negated = true;
        line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
        rule.directory_only = true;
        line.remove_suffix(1);
    }
    rule.name_only = line.find('/') == std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) return;
    // As in git the literal beginning is compared apart, so that in "a**/b" the stars stand at a beginning.
    size_t head = literal_length(line);
    std::optional<Wildcard> wildcard =
        Wildcard::compile(line.substr(0, head), line.substr(head), folds_case_ ? Letters::folded : Letters::bytes);
    if (!wildcard) return;
    rule.wildcard = std::move(*wildcard);
    needs_path_ |= !rule.name_only;
    rules_.push_back(std::move(rule));
}

const IgnoreRule* IgnoreRules::last_match(std::string_view path, std::string_view name, bool is_directory) const {
    std::string folded;
    if (folds_case_) {
        folded = path;
        for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        path = folded;
        name = path.substr(path.size() - name.size());
    }
    for (const IgnoreRule& rule : rules_) {
        if (rule.directory_only && !is_directory) continue;
        if (rule.wildcard.matches(rule.name_only ? name : path)) return &rule;
    }
    return nullptr;
}

namespace {

/// One entry, seen from the directories of a chain in turn.
class Subject {
  public:
    Subject(std::string_view path, std::string_view name, bool is_directory)
        : path_(path), name_(name), is_directory_(is_directory) {}

    IgnoreMatch match(const IgnoreFrame& frame, const IgnoreRulesPtr& rules) {
        if (rules == nullptr) return {};
        const IgnoreRule* rule =
            rules->last_match(rules->needs_path() ? seen_from(frame) : name_, name_, is_directory_);
        return rule == nullptr ? IgnoreMatch{} : IgnoreMatch{rules.get(), rule};
    }

  private:
    std::string_view seen_from(const IgnoreFrame& frame) {
        if (!frame.above.empty()) return joined_.assign(frame.above).append(path_);
        return frame.directory.empty() ? path_ : path_.substr(frame.directory.size() + 1);
    }

    std::string_view path_;
    std::string_view name_;
    bool is_directory_;
    std::string joined_;
};

}  // namespace

IgnoreMatch find_ignore_rule(const IgnoreChain& chain, std::string_view path, bool is_directory) {
    return find_ignore_rule(chain, path, last_name(path), is_directory);
}

IgnoreMatch find_ignore_rule(const IgnoreChain& chain, std::string_view path, std::string_view name,
                             bool is_directory) {
    if (chain == nullptr) return {};
    Subject subject(path, name, is_directory);
    for (size_t layer = 0; layer < chain->layers.size(); ++layer) {
        for (const IgnoreFrame* frame = chain.get(); frame != nullptr; frame = frame->outer.get()) {
            if (IgnoreMatch match = subject.match(*frame, frame->layers[layer]); match.rule != nullptr) return match;
            if (frame->border != layer) continue;
            for (const IgnoreRulesPtr& rules : frame->repository) {
                if (IgnoreMatch match = subject.match(*frame, rules); match.rule != nullptr) return match;
            }
            break;
        }
    }
    return {};
}

}  // namespace syncline
