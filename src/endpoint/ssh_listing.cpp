#include "endpoint/ssh_listing.hpp"

#include <sys/stat.h>

#include <charconv>

#include "base/lines.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

constexpr size_t max_record_bytes = size_t{256} << 10;

template <class T>
bool read_number(std::string_view word, T& value, int base = 10) {
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

/// SIZE MTIME CTIME INODE DEVICE
bool read_stamp(std::string_view& text, RemoteEntry& entry) {
    bool has_size = read_number(take_word(text), entry.stamp.size);
    std::optional<TimeNs> mtime = parse_seconds(take_word(text));
    std::optional<TimeNs> ctime = parse_seconds(take_word(text));
    bool has_inode = read_number(take_word(text), entry.stamp.inode);
    bool has_device = read_number(take_word(text), entry.device);
    if (!has_size || !mtime || !ctime || !has_inode || !has_device) return false;
    entry.stamp.mtime = *mtime;
    entry.stamp.ctime = *ctime;
    return true;
}

std::optional<Kind> kind_of_letter(std::string_view letter) {
    if (letter == "f") return Kind::file;
    if (letter == "d") return Kind::directory;
    if (letter == "l") return Kind::symlink;
    if (letter.size() == 1 && std::string_view("psbcD").find(letter[0]) != std::string_view::npos) return Kind::special;
    return std::nullopt;
}

Kind kind_of_mode(unsigned mode) {
    if (S_ISREG(mode)) return Kind::file;
    if (S_ISDIR(mode)) return Kind::directory;
    return S_ISLNK(mode) ? Kind::symlink : Kind::special;
}

std::string_view without_dot(std::string_view path) {
    if (path == ".") return "";
    return path.starts_with("./") ? path.substr(2) : path;
}

/// "'./a\'b'" or "./a" to its path; "." when it is not to be trusted.
std::string unquoted(std::string_view text) {
    bool is_quoted = text.size() >= 2 && text.front() == '\'' && text.back() == '\'';
    if (is_quoted) text = text.substr(1, text.size() - 2);
    bool is_escaped = text.find('\\') != std::string_view::npos || text.find('\'') != std::string_view::npos;
    return is_escaped ? "." : std::string(text);
}

}  // namespace

std::optional<TimeNs> parse_seconds(std::string_view text) {
    bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    size_t dot = std::min(text.find('.'), text.size());
    int64_t seconds = 0;
    constexpr int64_t most = INT64_MAX / ns_per_second - 1;
    if (!read_number(text.substr(0, dot), seconds) || seconds < 0) return std::nullopt;
    seconds = std::min(seconds, most);
    TimeNs fraction = 0;
    if (dot < text.size()) {
        std::string_view digits = text.substr(dot + 1);
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
        TimeNs unit = ns_per_second / 10;
        for (char digit : digits.substr(0, 9)) fraction += unit * (digit - '0'), unit /= 10;
    }
    TimeNs time = seconds * ns_per_second + fraction;
    return is_negative ? -time : time;
}

std::optional<RemoteEntry> parse_find_facts(std::string_view facts) {
    RemoteEntry entry;
    std::optional<Kind> kind = kind_of_letter(take_word(facts));
    bool has_mode = read_number(take_word(facts), entry.mode, 8);
    if (!kind || !has_mode || !read_stamp(facts, entry) || !facts.empty()) return std::nullopt;
    entry.kind = *kind;
    return entry;
}

std::optional<RemoteEntry> parse_stat_facts(std::string_view facts) {
    RemoteEntry entry;
    unsigned mode = 0;
    if (!read_number(take_word(facts), mode, 16) || !read_stamp(facts, entry) || !facts.empty()) return std::nullopt;
    entry.kind = kind_of_mode(mode);
    entry.mode = mode & 07777;
    return entry;
}

ListingParser::ListingParser(ListingFormat format, std::string marker, RemoteTree& tree)
    : format_(format), marker_(std::move(marker)), tree_(tree) {}

void ListingParser::feed(std::string_view bytes) {
    if (malformed_) return;
    bool is_continued = !rest_.empty();
    if (is_continued) rest_ += bytes;
    std::string_view text = is_continued ? std::string_view(rest_) : bytes;
    size_t taken = format_ == ListingFormat::find ? take_fields(text) : take_tokens(text);
    if (text.size() - taken > max_record_bytes) malformed_ = true;
    if (is_continued) {
        rest_.erase(0, taken);
    } else {
        rest_.assign(text.substr(taken));
    }
}

/// Takes what is whole of `text`; returns how much that was.
size_t ListingParser::take_fields(std::string_view text) {
    size_t taken = 0;
    while (!malformed_) {
        size_t first = text.find('\0', taken);
        if (first == std::string_view::npos) return taken;
        std::string_view facts = text.substr(taken, first - taken);
        if (facts.starts_with("T ") || facts.starts_with("E ")) {
            facts.front() == 'T' ? take_time(facts.substr(2)) : end(facts.substr(2));
            taken = first + 1;
            continue;
        }
        size_t second = text.find('\0', first + 1);
        size_t third = second == std::string_view::npos ? second : text.find('\0', second + 1);
        if (third == std::string_view::npos) return taken;
        take_entry(facts, text.substr(first + 1, second - first - 1), text.substr(second + 1, third - second - 1));
        taken = third + 1;
    }
    return text.size();
}

void ListingParser::take_entry(std::string_view facts, std::string_view path, std::string_view link) {
    std::optional<RemoteEntry> entry = parse_find_facts(facts);
    if (!entry || ended_) {
        malformed_ = true;
        return;
    }
    bool is_as_expected = !has_dots_ || path == "." || path.starts_with("./");
    if (!is_as_expected) malformed_ = true;
    deliver(has_dots_ ? without_dot(path) : path, *entry, link);
}

size_t ListingParser::take_tokens(std::string_view text) {
    size_t taken = 0;
    while (!malformed_) {
        if (!text.substr(taken).starts_with(marker_)) {
            malformed_ = text.size() - taken >= marker_.size();
            return taken;
        }
        size_t begin = taken + marker_.size();
        size_t next = text.find("\n" + marker_, begin);
        if (next == std::string_view::npos) return taken;
        take_token(text.substr(begin, next - begin));
        taken = next + 1;
    }
    return text.size();
}

void ListingParser::take_token(std::string_view token) {
    char tag = token.empty() ? '\0' : token.front();
    std::string_view text = token.substr(std::min<size_t>(1, token.size()));
    switch (ended_ ? '\0' : tag) {
        case 'T': return take_time(text);
        case 'E': return end(text);
        case 'L': link_path_ = without_dot(text); return;
        case '=': return take_link(text);
        case 'S': return take_stat(text);
        default: malformed_ = true;
    }
}

void ListingParser::take_link(std::string_view target) {
    tree_.take_bytes(link_path_.size() + target.size());
    links_[link_path_] = target;
}

void ListingParser::take_stat(std::string_view token) {
    size_t end_of_facts = 0;
    for (int i = 0; i < 6 && end_of_facts != std::string_view::npos; ++i) {
        end_of_facts = token.find(' ', i == 0 ? 0 : end_of_facts + 1);
    }
    std::optional<RemoteEntry> entry;
    if (end_of_facts != std::string_view::npos) entry = parse_stat_facts(token.substr(0, end_of_facts));
    if (!entry) {
        malformed_ = true;
        return;
    }
    std::string path(without_dot(token.substr(end_of_facts + 1)));
    if (entry->kind != Kind::symlink) return deliver(path, *entry, "");
    auto link = links_.find(path);
    if (link == links_.end()) return tree_.add_problem(path, "became a symlink while it was listed");
    deliver(path, *entry, link->second);
    links_.erase(link);
}

void ListingParser::deliver(std::string_view path, const RemoteEntry& entry, std::string_view link) {
    if (!path.empty()) return tree_.add(path, entry, link);
    root_ = entry;
    tree_.set_root(entry);
}

void ListingParser::take_time(std::string_view text) {
    std::optional<TimeNs> time = parse_seconds(text);
    malformed_ = malformed_ || !time || server_time_ != 0;
    server_time_ = time.value_or(0);
}

void ListingParser::end(std::string_view status) {
    malformed_ = malformed_ || ended_ || !read_number(status, status_);
    ended_ = true;
}

std::vector<Problem> read_tool_errors(std::string_view text) {
    std::vector<Problem> problems;
    for (std::string_view line : lines_of(text)) {
        size_t tool = line.find(": ");
        size_t why = line.rfind(": ");
        if (line.empty() || line.ends_with(": No such file or directory")) continue;
        bool is_understood = tool != std::string_view::npos && tool < why;
        std::string path = is_understood ? unquoted(line.substr(tool + 2, why - tool - 2)) : ".";
        bool is_path = path.starts_with("./");
        std::string reason(is_path ? line.substr(why + 2) : line);
        problems.push_back({is_path ? path.substr(2) : "", escape(reason)});
    }
    return problems;
}

}  // namespace syncline
