#include "core/quota.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/lines.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// Products of two counts fit.
__extension__ using Wide = unsigned __int128;

using Words = std::vector<std::string_view>;

Words split(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    Words words;
    for (size_t at = line.find_first_not_of(blanks); at != line.npos;) {
        size_t end = std::min(line.find_first_of(blanks, at), line.size());
        words.push_back(line.substr(at, end - at));
        at = line.find_first_not_of(blanks, end);
    }
    return words;
}

/// "1234", "1234*" (over the limit), "98M" (of -s, where a bare number counts as kilobytes too).
std::optional<uint64_t> amount(std::string_view word) {
    if (word.ends_with('*')) word.remove_suffix(1);
    constexpr std::string_view units = "KMGTPE";
    uint64_t factor = 1;
    if (!word.empty()) {
        size_t unit = units.find(word.back());
        if (unit != units.npos) {
            factor = uint64_t{1} << (10 * unit);
            word.remove_suffix(1);
        }
    }
    uint64_t number = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    if (number > UINT64_MAX / factor) return std::nullopt;
    return number * factor;
}

/// Three columns from `at` on: used, soft and hard limit; a limit of 0 is none. nullopt when they are no numbers.
std::optional<QuotaUse> columns(const Words& words, size_t at) {
    if (words.size() < at + 3) return std::nullopt;
    std::optional<uint64_t> used = amount(words[at]), soft = amount(words[at + 1]), hard = amount(words[at + 2]);
    if (!used || !soft || !hard) return std::nullopt;
    return QuotaUse{"", *used, *soft > 0 ? *soft : *hard};
}

bool is_fuller(const QuotaUse& a, const QuotaUse& b) {
    return static_cast<Wide>(a.used) * b.limit > static_cast<Wide>(b.used) * a.limit;
}

/// Where the columns of the files begin: behind the grace time of the blocks, which is left out where it is none.
size_t files_column(const Words& words) {
    constexpr size_t without_grace = 3, with_grace = 4;
    if (words.size() >= 8) return with_grace;
    bool is_over = words[0].ends_with('*');
    return words.size() == 7 && is_over ? with_grace : without_grace;
}

/// `words` is a row without the file system's name. A limit of 0: none is set. nullopt when it is no such row.
std::optional<QuotaUse> row(const Words& words) {
    if (words.size() < 6 || words.size() > 8) return std::nullopt;
    std::optional<QuotaUse> blocks = columns(words, 0), files = columns(words, files_column(words));
    if (!blocks || !files) return std::nullopt;
    if (blocks->limit == 0) return files;
    return files->limit > 0 && is_fuller(*files, *blocks) ? files : blocks;
}

struct Table {
    std::vector<QuotaUse> rows;
    bool has_header = false, says_none = false, has_strange_rows = false;
};

/// A row whose file system has a long name goes on in the next line.
Table read_table(std::string_view text) {
    Table table;
    std::string_view name;
    bool in_rows = false;
    for (std::string_view line : lines_of(text)) {
        Words words = split(line);
        if (words.empty()) continue;
        if (line.starts_with("Disk quotas for ")) {
            in_rows = false;
            if (words.back() == "none") table.says_none = true;
            continue;
        }
        if (words[0] == "Filesystem" && words.size() > 3) {
            table.has_header = in_rows = true;
            continue;
        }
        if (!in_rows) continue;
        bool is_alone = name.empty() && words.size() == 1;
        if (is_alone) {
            name = words[0];
            continue;
        }
        bool is_continued = !name.empty();
        if (!is_continued) {
            name = words[0];
            words.erase(words.begin());
        }
        std::optional<QuotaUse> use = row(words);
        if (use) {
            use->file_system = name;
            table.rows.push_back(*use);
        } else {
            table.has_strange_rows = true;
        }
        name = {};
    }
    if (!name.empty()) table.has_strange_rows = true;
    return table;
}

QuotaReport unknown(std::string_view text) {
    QuotaReport report;
    std::string_view line = text.substr(0, text.find('\n'));
    report.note = line.empty() ? "the server prints no quota" : "not understood: " + escape(line.substr(0, 200));
    return report;
}

}  // namespace

bool QuotaUse::reaches(int per_cent) const {
    if (limit == 0) return false;
    return static_cast<Wide>(used) * 100 >= static_cast<Wide>(limit) * static_cast<unsigned>(std::max(per_cent, 0));
}

int QuotaUse::per_cent() const {
    if (limit == 0) return 0;
    constexpr Wide most = 1'000'000;
    return static_cast<int>(std::min(static_cast<Wide>(used) * 100 / limit, most));
}

std::string describe(const QuotaReport& report) {
    if (report.state == QuotaReport::State::none) return "no limit";
    if (report.state == QuotaReport::State::unknown)
        return "unknown" + (report.note.empty() ? "" : " (" + report.note + ")");
    std::string text = std::to_string(report.use.per_cent()) + " %";
    if (!report.use.file_system.empty()) text += " of " + escape(report.use.file_system);
    return report.note.empty() ? text : text + " (" + report.note + ")";
}

QuotaReport read_quota(std::string_view text, std::string_view file_system) {
    Table table = read_table(text);
    QuotaReport report;
    if (!table.has_header && !table.says_none) return unknown(text);
    // A row that cannot be read may be the one that counts.
    const QuotaUse* best = nullptr;
    for (const QuotaUse& use : table.rows) {
        if (!file_system.empty() && use.file_system == file_system) {
            best = &use;
            break;
        }
    }
    bool is_ours = best != nullptr;
    if (!is_ours && table.has_strange_rows) {
        report.note = "a line of quota's output is not understood";
        return report;
    }
    if (!is_ours) {
        for (const QuotaUse& use : table.rows) {
            if (use.limit > 0 && (best == nullptr || is_fuller(use, *best))) best = &use;
        }
    }
    if (best == nullptr || best->limit == 0) {
        report.state = QuotaReport::State::none;
        return report;
    }
    report.state = QuotaReport::State::known;
    report.use = *best;
    if (!is_ours && table.rows.size() > 1)
        report.note = "the fullest of " + count_of(table.rows.size(), "file system") +
                      ": which one holds remote_root cannot be told";
    return report;
}

QuotaReport read_df(std::string_view text) {
    std::vector<std::string_view> lines = lines_of(text);
    if (lines.size() < 2) return unknown(text);
    // NAME BLOCKS USED AVAILABLE CAPACITY% PLACE; the name and the place may hold blanks.
    Words words = split(lines[1]);
    for (size_t i = 4; i < words.size(); ++i) {
        if (!words[i].ends_with('%') || !amount(words[i].substr(0, words[i].size() - 1))) continue;
        std::optional<uint64_t> used = amount(words[i - 2]), free = amount(words[i - 1]);
        if (!used || !free || *used > UINT64_MAX - *free || *used + *free == 0) return unknown(lines[1]);
        QuotaReport report;
        report.state = QuotaReport::State::known;
        report.use = {std::string(words[0]), *used, *used + *free};
        return report;
    }
    return unknown(lines[1]);
}

QuotaReport read_quota_command(std::string_view text, std::string_view file_system) {
    QuotaReport table = read_quota(text, file_system);
    if (table.state != QuotaReport::State::unknown) return table;
    Words words = split(text.substr(0, text.find('\n')));
    if (words.size() == 1 && words[0].ends_with('%')) {
        std::optional<uint64_t> per_cent = amount(words[0].substr(0, words[0].size() - 1));
        if (per_cent) return {QuotaReport::State::known, {"", *per_cent, 100}, ""};
    }
    if (words.size() == 2) {
        std::optional<uint64_t> used = amount(words[0]), limit = amount(words[1]);
        if (used && limit && *limit > 0) return {QuotaReport::State::known, {"", *used, *limit}, ""};
    }
    return unknown(text);
}

}  // namespace syncline
