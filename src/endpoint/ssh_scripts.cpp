#include "endpoint/ssh_scripts.hpp"

#include <sys/random.h>

#include <charconv>
#include <cstdio>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "endpoint/ssh_read_perl.hpp"
#include "endpoint/ssh_scope.hpp"

namespace syncline {
namespace {

struct DigestLine {
    Digest digest;
    std::string_view name;
};

/// Lines "HEX  ./NAME" or "HEX *./NAME".
std::vector<DigestLine> read_digest_lines(std::string_view text) {
    constexpr size_t digits = 64;
    std::vector<DigestLine> lines;
    while (!text.empty()) {
        size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.size() < digits + 3) continue;
        std::optional<Digest> digest = Digest::from_hex(line.substr(0, digits));
        std::string_view name = line.substr(digits + 2);
        if (name.starts_with("./")) name.remove_prefix(2);
        if (digest) lines.push_back({*digest, name});
    }
    return lines;
}

}  // namespace

const char list_environment[] =
    R"sh(foreign=$( (env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p') 2>/dev/null) foreign_of=$$
)sh";

const char own_environment[] =
    R"sh([ "${foreign_of-}" = $$ ] || foreign=$( (env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p') 2>/dev/null)
for v in $foreign; do
  case $v in PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|PWD|LD_*|KRB5*|M|SHELLOPTS|BASHOPTS) ;; *) command unset "$v" ;; esac
done
)sh";

std::string script_preamble(std::string_view root) {
    return std::string(own_environment) + "export LC_ALL=C; umask 077; trap '' PIPE\ncd -P -- " + sh_quote(root) +
           " || exit 41\n";
}

std::string script_preamble(std::string_view root, std::string_view marker) {
    return "export M=" + std::string(marker) + "\n" + script_preamble(root);
}

std::string stat_command(const ServerTools& tools) {
    return tools.stat_fractions ? R"(stat -c "${M}S%f %s %.9Y %.9Z %i %d %n")"
                                : R"(stat -c "${M}S%f %s %Y %Z %i %d %n")";
}

std::string set_hasher(const ServerTools& tools) {
    std::string script = "H=" + sh_quote(tools.sha256) + "\n";
    if (tools.hashes_much) {
        script += R"sh(case "$(openssl dgst -sha256 -r </dev/null 2>/dev/null)" in
e3b0c44298fc1c149afb*) H='openssl dgst -sha256 -r' ;;
esac
)sh";
    }
    return script + "export H\n";
}

std::optional<std::string_view> take_token(std::string_view& text, std::string_view marker) {
    if (!text.starts_with(marker)) return std::nullopt;
    size_t next = text.find("\n" + std::string(marker), marker.size());
    if (next == std::string_view::npos) return std::nullopt;
    std::string_view token = text.substr(marker.size(), next - marker.size());
    text.remove_prefix(next + 1);
    return token;
}

std::optional<std::pair<std::string, RemoteEntry>> read_stat(std::string_view text) {
    size_t end = 0;
    for (int i = 0; i < 6 && end != std::string_view::npos; ++i) end = text.find(' ', i == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::optional<RemoteEntry> entry = parse_stat_facts(text.substr(0, end));
    std::string_view path = text.substr(end + 1);
    if (path.starts_with("./")) path.remove_prefix(2);
    if (!entry) return std::nullopt;
    return std::pair(std::string(path), *entry);
}

ListingFormat listing_format(const ServerTools& tools) {
    return tools.find_printf ? ListingFormat::find : ListingFormat::stat;
}

std::string list_script(std::string_view root, const ServerTools& tools, std::string_view marker,
                        std::span<const std::string> pruned, std::span<const std::string> scope) {
    std::string script = script_preamble(root, marker), names;
    for (const std::string& name : pruned) names.append(names.empty() ? "" : "-o ").append("-name ").append(name + " ");
    std::string matches = "-type d \\( " + names + "\\) ";
    if (tools.find_printf) {
        script += "printf 'T %s\\0' \"$(date +%s)\"\n";
        if (!scope.empty()) return script + find_scope_command(scope, pruned) + "printf 'E %s\\0' \"$?\"\n";
        script += R"(find . -printf '%y %m %s %T@ %C@ %i %D\0%P\0%l\0' )";
        script += pruned.empty() ? "\n" : matches + "-prune\n";
        return script + "printf 'E %s\\0' \"$?\"\n";
    }
    std::string prune = pruned.empty() ? "" : matches + "-prune -o ";
    script += "printf '%sT%s\\n' \"$M\" \"$(date +%s)\"\n";
    script +=
        "find . " + prune +
        R"(-type l -exec sh -c 'for f do printf "%sL%s\n%s=" "$M" "$f" "$M"; readlink -n "$f"; echo; done' sh {} +)" +
        "\n";
    prune = pruned.empty() ? "" : matches + "-print0 -prune -o ";
    script += "find . " + prune + "-print0 | xargs -0 " + stat_command(tools) + "\n";
    return script + "printf '%sE%s\\n%s' \"$M\" \"$?\" \"$M\"\n";
}

namespace {

std::string digest_all_on_stdin(const ServerTools& tools) {
    // Names in which a newline or a backslash would have to be escaped come one by one, on stdin.
    std::string body = R"sh(one() { printf '%sH\n' "$M"; $H < "$1"; )sh" + stat_command(tools) + R"sh( "$1"; }
n=0; for f do case $f in *\\*|*"
"*) n=1 ;; esac; done
if [ $n = 1 ]; then for f do one "$f"; done
else printf '%sH\n' "$M"; $H "$@"; )sh" +
                       stat_command(tools) + " \"$@\"\nfi\n";
    return "xargs -0 -n 1000 sh -c " + sh_quote(body) + " sh\nprintf '%sE0\\n%s' \"$M\" \"$M\"\n";
}

}  // namespace

std::string digest_script(std::string_view root, const ServerTools& tools, std::string_view marker) {
    return script_preamble(root, marker) + set_hasher(tools) + "exec perl -e " + sh_quote(read_perl) + " digest " +
           (tools.stat_fractions ? "'%f %s %.9Y %.9Z %i %d'" : "'%f %s %Y %Z %i %d'") + "\n";
}

std::string digest_all_files(const ServerTools& tools) {
    return set_hasher(tools) + "find . -type f -print0 | " + digest_all_on_stdin(tools);
}

std::string prefix_digest_script(std::string_view root, const ServerTools& tools) {
    return script_preamble(root) + set_hasher(tools) + "exec perl -e " + sh_quote(read_perl) + " prefix\n";
}

std::string flush_script(std::string_view root) { return script_preamble(root) + "sync -f . 2>/dev/null || sync\n"; }

std::string give_tar_script(std::string_view root) {
    return script_preamble(root) + "exec perl -e " + sh_quote(read_perl) + " tar\n";
}

std::optional<std::vector<HashedFile>> read_digest_output(std::string_view text, std::string_view marker) {
    std::vector<HashedFile> files;
    std::vector<DigestLine> lines;
    size_t next_line = 0;
    while (std::optional<std::string_view> token = take_token(text, marker)) {
        if (token->starts_with('E')) return files;
        if (token->starts_with('H')) {
            lines = read_digest_lines(token->substr(1));
            next_line = 0;
        }
        if (!token->starts_with('S')) continue;
        auto stat = read_stat(token->substr(1));
        if (!stat) return std::nullopt;
        HashedFile& file = files.emplace_back();
        file.path = std::move(stat->first);
        file.stamp = stat->second.stamp;
        file.mode = stat->second.mode;
        if (stat->second.kind != Kind::file) continue;
        for (size_t i = next_line; i < lines.size() && !file.digest; ++i) {
            bool is_alone = lines.size() == 1 && (lines[i].name == "-" || lines[i].name == "stdin");
            if (!is_alone && lines[i].name != file.path) continue;
            file.digest = lines[i].digest;
            next_line = i + 1;
        }
    }
    return std::nullopt;
}

std::string read_record(size_t number, uint64_t inode, std::string_view path) {
    std::string record = std::to_string(number);
    record.append(1, '\0').append(std::to_string(inode)).append(1, '\0').append(path).append(1, '\0');
    return record;
}

std::optional<std::vector<ReadAnswer>> read_answers(std::string_view text, std::string_view marker) {
    std::vector<ReadAnswer> answers;
    auto take_word = [](std::string_view& rest) {
        size_t end = std::min(rest.find(' '), rest.size());
        std::string_view word = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return word;
    };
    while (!text.empty()) {
        size_t end = text.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (take_word(line) != marker) continue;  // a word of some start-up file
        std::string_view number = take_word(line);
        if (number == "E") return answers;
        ReadAnswer& answer = answers.emplace_back();
        std::from_chars(number.data(), number.data() + number.size(), answer.number);
        std::string_view word = take_word(line);
        answer.state = word == "gone"       ? ReadAnswer::State::gone
                       : word == "replaced" ? ReadAnswer::State::replaced
                                            : answer.state;
        if (word != "ok") continue;
        std::optional<Digest> digest = Digest::from_hex(take_word(line));
        std::optional<RemoteEntry> entry = parse_stat_facts(line);
        if (!digest || !entry) return std::nullopt;
        answer = {answer.number, ReadAnswer::State::read, *digest, entry->stamp};
    }
    return std::nullopt;
}

std::string new_marker() {
    unsigned char random[16];
    SYNCLINE_ASSERT(::getrandom(random, sizeof random, 0) == sizeof random);
    std::string marker;
    for (unsigned char byte : random) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        marker += digits;
    }
    return marker;
}

}  // namespace syncline
