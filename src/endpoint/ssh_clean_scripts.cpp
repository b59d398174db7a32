#include "endpoint/ssh_clean_scripts.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/lines.hpp"
#include "base/text.hpp"
#include "core/project_name.hpp"

namespace syncline {
namespace {

/// Not all of the environment is ours, as a command of the user's may ask for the quota.
const char preamble[] =
    R"sh(unset TAR_OPTIONS POSIXLY_CORRECT GREP_OPTIONS BLOCK_SIZE BLOCKSIZE DF_BLOCK_SIZE DU_BLOCK_SIZE CDPATH
unset LS_BLOCK_SIZE QUOTING_STYLE TIME_STYLE
export LC_ALL=C; umask 077; trap '' PIPE
p() { printf '%s\0' "$@"; }
)sh";

/// What a directory is, whatever its name.
const char identity_lines[] = R"sh(id_of() { stat -c %d:%i "$1" 2>/dev/null || stat -f %d:%i "$1" 2>/dev/null; }
)sh";

/// Goes to the root, which must still be the directory that it was. What follows works on names in it alone.
std::string enter(const CleanRoot& root) {
    std::string script = identity_lines;
    script += "cd -P -- " + sh_quote(root.path) +
              " || exit 41\n[ \"$(pwd -P; echo x)\" = " + sh_quote(root.path + "\nx") + " ] || exit 42\nR=$(id_of .)\n";
    if (!root.identity.empty()) script += "[ \"$R\" = " + sh_quote(root.identity) + " ] || exit 42\n";
    return script;
}

/// The quota tools end with a status of their own when a quota is exceeded, so what they print decides.
std::string quota_lines(const QuotaSource& quota) {
    std::string script = "p df \"$(df -P -k . 2>/dev/null)\"\n";
    if (quota.type == QuotaSource::Type::command)
        return script + "p quota \"$( (eval " + sh_quote(quota.command) + ") 2>/dev/null </dev/null)\"\n";
    if (quota.type == QuotaSource::Type::file_system) return script;
    return script + R"sh(q=
command -v quota >/dev/null 2>&1 && for o in -w -p ''; do
  q=$(quota $o 2>&1 </dev/null)
  case "$q" in *Filesystem*|*": none"*) break ;; esac
done
p quota "$q"
)sh";
}

/// Where processes of this account work; ls reads many links in one go everywhere. Of a path with a line break only
/// its first line comes.
const char busy_lines[] =
    R"sh(b=$(ls -n /proc/[0-9]*/cwd 2>/dev/null | sed -n 's,^[^/]*/proc/[0-9]*/cwd -> ,,p' | grep -F -- "${W:-$(pwd -P)}/" | sort -u)
)sh";

const char list_lines[] = R"sh(p mounts "$(cat /proc/mounts 2>/dev/null)"
p busy "$b"
if [ "$(find / -maxdepth 0 -printf x 2>/dev/null)" = x ]; then
  find . -mindepth 1 -maxdepth 1 -printf 'e\0%y %D %i %T@ %f\0' || exit 43
else
  for n in * .[!.]*; do
    if [ -h "./$n" ]; then t=l; elif [ -d "./$n" ]; then t=d; elif [ -e "./$n" ]; then t=o; else continue; fi
    p e "$t $(stat -c '%d %i %Y' "./$n" 2>/dev/null || stat -f '%d %i %m' "./$n" 2>/dev/null) $n"
  done
fi
p end 0
)sh";

/// A name in $n, minutes in $m (0: whatever its age). Prints what there is of it; $Q ends find at its first find.
const char look_lines[] = R"sh(
look() {
  [ "$m" = 0 ] && return 0
  x=$(find "./$n" -mmin "-$m" -print $Q 2>/dev/null); s=$?
  [ -n "$x" ] && { p a young "$n"; return 1; }
  [ "$s" = 0 ] || { p a unreadable "$n"; return 1; }
}
)sh";

/// Runs `body` for each item on stdin, with $f, $m and $n set. 60 items fit into what any xargs takes at a time, so
/// that none is torn apart.
std::string for_each_item(const std::string& more_functions, const std::string& body) {
    std::string script = "while [ \"$#\" -ge 3 ]; do\nf=$1 m=$2 n=$3; shift 3\n" + body + "done\n";
    std::string functions = "p() { printf '%s\\0' \"$@\"; }\n" + std::string(look_lines) + more_functions;
    return "[ \"$(find / -maxdepth 0 -print -quit 2>/dev/null)\" = / ] && Q=-quit || Q=; export Q\n"
           "xargs -0 -n 180 sh -c " +
           sh_quote(functions + script) + " sh || exit 44\np end 0\n";
}

/// Makes $T and keeps it on descriptor 8: ours, new and in the root, whatever its name comes to stand for. $D is the
/// way into it; only where there is no /proc it is the name.
const char hold_lines[] = R"sh(hold() {
  mkdir -m 700 -- "$T" 2>&1 || return 1
  command exec 8<"$T" || return 1
  D=/proc/self/fd/8
  [ -d "$D/." ] || D=$T
  ( cd -P -- "$D/." && [ -O . ] && [ "$(id_of ..)" = "$R" ] && [ -z "$(ls -A)" ] ) && return 0
  echo "somebody else writes into it"
  return 1
}
)sh";

/// Only what is in the layout, and is still the directory that was planned, is renamed; what came in between the two
/// looks goes back. A directory that forbids writing cannot be moved, and the clean of another machine may have swept
/// the place aside: both are mended once.
const char take_lines[] = R"sh(h='[0-9a-f]'; h=$h$h$h$h$h$h$h$h
case "$n" in */*|.|..|'') continue ;; ?*-$h-$h) ;; *) continue ;; esac
is_it() { [ ! -h "$1" ] && [ -d "$1" ] && [ "$(id_of "$1")" = "$f" ]; }
[ -e "./$n" ] || { p a gone "$n"; continue; }
is_it "./$n" || { p a changed "$n"; continue; }
[ -O "./$n" ] || [ "$(id -u)" = 0 ] || { p a foreign "$n"; continue; }
l=${n%%"
"*}
case "
$b
" in *"
$W/$l
"*|*"
$W/$l/"*) p a busy "$n"; continue ;; esac
look || continue
if [ "$m" = 0 ] && [ -n "$A" ]; then
  x=$(find "./$n" -newermt "@$A" -print $Q 2>/dev/null)
  [ -n "$x" ] && { p a young "$n"; continue; }
fi
i=0; while [ -e "$D/$i-$$" ]; do i=$((i+1)); done
put_aside() { e=$(mv -- "./$n" "$D/$i-$$" 2>&1); }
put_aside || {
  [ -e "./$n" ] || { p a gone "$n"; continue; }
  chmod u+rwx "./$n" 2>/dev/null
  [ -e "$T" ] || hold >/dev/null
  put_aside || { p a "failed: $e" "$n"; continue; }
}
if is_it "$D/$i-$$"; then p a taken "$n"
else mv -- "$D/$i-$$" "./$n"; p a changed "$n"; fi
)sh";

/// Directories that forbid their owner to write (Go's module cache) would stay, so they are opened when rm fails.
const char removal_lines[] = R"sh(
if rm -rf --one-file-system -- ./.syncline-no-such-file 2>/dev/null; then
  gone() { rm -rf --one-file-system -- "$@" 2>&1; }
else
  gone() {
    find "$@" -xdev ! -type d -exec rm -f -- {} + 2>&1
    find "$@" -xdev -depth -type d -exec rmdir -- {} + 2>&1
  }
fi
k=0
# Prints what this freed, and below it what rm had to say. Nothing goes but what take() has put there: somebody may have
# renamed another directory to look like one of these.
remove_one() (
  cd -P -- "./$1" 2>/dev/null && [ -O . ] && [ "$(id_of ..)" = "$R" ] || { echo 0; exit; }
  for n in * .[!.]* ..?*; do
    case $n in *[!0-9-]*) [ ! -e "$n" ] && [ ! -h "$n" ] || { echo 0; echo "it holds $n, which no clean has put there"; exit; } ;; esac
  done
  a=$(size .)
  e=$(gone ./*)
  if [ -n "$(ls -A)" ]; then
    find ./* -xdev -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
    e=$(gone ./*)
  fi
  z=$(size .)
  rmdir -- "../$1" 2>/dev/null && z=0
  echo "$((a-z))"
  printf '%s' "$e"
)
size() { set -- $(du -skx -- "$1" 2>/dev/null | tail -n 1); echo "${1:-0}"; }
for t in .syncline-removed-*; do
  [ -h "$t" ] || [ ! -d "$t" ] || [ ! -O "$t" ] && continue
  [ "${#t}" = 50 ] || continue
  case "${t#.syncline-removed-}" in *[!0-9a-f]*) continue ;; esac
  said=$(remove_one "$t"; echo x)
  said=${said%x}
  k=$((k+${said%%"
"*}))
  if [ -d "$t" ]; then p left "$t"; p why "${said#*"
"}"; fi
done
p freed "$k"
)sh";

template <class Number>
std::optional<Number> number(std::string_view word) {
    Number value{};
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
}

/// Seconds, perhaps with a fraction, which does not matter here.
std::optional<TimeNs> time_at(std::string_view word) {
    std::optional<int64_t> seconds = number<int64_t>(word.substr(0, word.find('.')));
    if (!seconds || std::abs(*seconds) > INT64_MAX / ns_per_second - 1) return std::nullopt;
    return *seconds * ns_per_second;
}

/// "TYPE DEVICE INODE MTIME NAME".
void read_entry(std::string_view text, CleanSurvey& survey) {
    FoundDirectory found;
    found.is_directory = take_word(text) == "d";
    std::optional<uint64_t> device = number<uint64_t>(take_word(text)), inode = number<uint64_t>(take_word(text));
    std::optional<TimeNs> newest = time_at(take_word(text));
    found.name = text;
    if (is_removed_name(found.name)) {
        if (found.is_directory) survey.leftovers.push_back(found.name);
        return;
    }
    // What is of unknown age is not old.
    found.cannot_be_read = !device || !inode || !newest;
    found.device = device.value_or(0);
    found.inode = inode.value_or(0);
    found.newest = newest.value_or(INT64_MAX);
    survey.found.push_back(std::move(found));
}

/// "\040" of /proc/mounts.
std::string without_octal(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        bool is_escape = text[i] == '\\' && i + 3 < text.size() + 0 && text[i + 1] >= '0' && text[i + 1] <= '3';
        if (!is_escape) {
            plain += text[i];
            continue;
        }
        int code = 0;
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8);
        plain += static_cast<char>(code);
        i += 3;
    }
    return plain;
}

/// The name in the root at or below which `path` lies; "" when it lies elsewhere.
std::string name_in(const std::string& root, std::string_view path) {
    std::string prefix = root == "/" ? root : root + "/";
    if (!path.starts_with(prefix)) return "";
    path.remove_prefix(prefix.size());
    return std::string(path.substr(0, path.find('/')));
}

void mark(CleanSurvey& survey, const std::string& mounts, const std::string& busy) {
    auto with_name = [&](const std::string& name) {
        auto found = std::ranges::find(survey.found, name, &FoundDirectory::name);
        return name.empty() || found == survey.found.end() ? nullptr : &*found;
    };
    for (std::string_view line : lines_of(mounts)) {
        take_word(line);
        if (FoundDirectory* found = with_name(name_in(survey.root, without_octal(take_word(line)))))
            found->holds_mount = true;
    }
    for (std::string_view line : lines_of(busy)) {
        std::string name = name_in(survey.root, line);
        for (FoundDirectory& found : survey.found) {
            bool is_it = !name.empty() && found.name.substr(0, found.name.find('\n')) == name;
            found.is_busy = found.is_busy || is_it;
        }
    }
}

QuotaReport read_any_quota(const std::string& quota, const std::string& df, QuotaSource::Type type) {
    QuotaReport of_file_system = read_df(df);
    if (type == QuotaSource::Type::file_system) return of_file_system;
    const std::string& name = of_file_system.use.file_system;
    return type == QuotaSource::Type::quota ? read_quota(quota, name) : read_quota_command(quota, name);
}

}  // namespace

std::string survey_script(std::string_view root_word, const QuotaSource& quota) {
    std::string script = std::string(preamble) + identity_lines;
    script.append("r=").append(root_word).append("\n");
    script += R"sh(p home "$(cd -P -- "$HOME" 2>/dev/null && pwd -P; echo x)"
if [ ! -e "$r" ] && [ ! -h "$r" ]; then p absent 0 end 0; exit 0; fi
cd -P -- "$r" || exit 41
p root "$(pwd -P; echo x)"
p identity "$(id_of .)"
p now "$(date +%s)"
)sh";
    return script + quota_lines(quota) + busy_lines + list_lines;
}

std::optional<CleanSurvey> read_survey(std::string_view text, const QuotaSource& quota) {
    CleanSurvey survey;
    survey.has_root = true;
    std::string quota_text, df, mounts, busy;
    while (true) {
        std::optional<std::string_view> key = take_field(text);
        std::optional<std::string_view> value = take_field(text);
        if (!key || !value) return std::nullopt;
        if (*key == "end") break;
        std::string_view path = value->size() > 2 ? value->substr(0, value->size() - 2) : "";
        if (*key == "absent") survey.has_root = false;
        if (*key == "home") survey.home = path;
        if (*key == "root") survey.root = path;
        if (*key == "identity") survey.identity = *value;
        if (*key == "now") survey.now = time_at(*value);
        if (*key == "quota") quota_text = *value;
        if (*key == "df") df = *value;
        if (*key == "mounts") mounts = *value;
        if (*key == "busy") busy = *value;
        if (*key == "e") read_entry(*value, survey);
    }
    survey.quota = read_any_quota(quota_text, df, quota.type);
    mark(survey, mounts, busy);
    return survey;
}

std::string look_input(const std::vector<CleanItem>& items) {
    constexpr int64_t ms_per_minute = 60'000;
    std::string input;
    for (const CleanItem& item : items) {
        int64_t minutes = (item.age.count() + ms_per_minute - 1) / ms_per_minute;
        input += std::to_string(item.device) + ":" + std::to_string(item.inode) + '\0' + std::to_string(minutes) +
                 '\0' + item.name + '\0';
    }
    return input;
}

std::string look_script(const CleanRoot& root) {
    return preamble + enter(root) + for_each_item("", "look || continue\n");
}

std::optional<std::vector<CleanAnswer>> read_answers(std::string_view text) {
    std::vector<CleanAnswer> answers;
    while (true) {
        std::optional<std::string_view> key = take_field(text);
        std::optional<std::string_view> what = take_field(text);
        if (!key || !what) return std::nullopt;
        if (*key == "end") return answers;
        std::optional<std::string_view> name = take_field(text);
        if (!name) return std::nullopt;
        answers.push_back({std::string(*name), std::string(*what)});
    }
}

std::string take_script(const CleanRoot& root, std::string_view removed, std::optional<TimeNs> planned_at) {
    std::string script = preamble + enter(root);
    script += "T=./" + sh_quote(removed) + " W=" + sh_quote(root.path == "/" ? "" : root.path) + " A=\n";
    script += hold_lines + std::string("hold >/dev/null 2>&1 || hold >&2 || exit 45\n");
    if (planned_at) {
        // A change within the second of the plan cannot be told from one before it.
        std::string after = std::to_string(*planned_at / ns_per_second + 1);
        script += "find / -maxdepth 0 -newermt @0 >/dev/null 2>&1 && A=" + after + "\n";
    }
    std::string functions = std::string(identity_lines) + hold_lines;
    return script + busy_lines + "export T W A R D b\n" + for_each_item(functions, take_lines);
}

std::string removal_script(const CleanRoot& root, const QuotaSource& quota) {
    return preamble + enter(root) + removal_lines + quota_lines(quota) + "p end 0\n";
}

std::optional<RemovalOutcome> read_removal(std::string_view text, const QuotaSource& quota) {
    RemovalOutcome outcome;
    std::string quota_text, df;
    while (true) {
        std::optional<std::string_view> key = take_field(text);
        std::optional<std::string_view> value = take_field(text);
        if (!key || !value) return std::nullopt;
        if (*key == "end") break;
        if (*key == "left") outcome.left.emplace_back(*value);
        if (*key == "why" && outcome.why.empty()) outcome.why = escape(value->substr(0, value->find('\n')));
        if (*key == "freed") outcome.bytes_freed = number<uint64_t>(*value).value_or(0) * 1024;
        if (*key == "quota") quota_text = *value;
        if (*key == "df") df = *value;
    }
    outcome.quota = read_any_quota(quota_text, df, quota.type);
    return outcome;
}

std::string why_never_removed(std::string_view root, std::string_view home, std::string_view name) {
    if (!root.starts_with('/') || !home.starts_with('/')) return "its place on the server is not known";
    if (!parse_project_directory(name)) return "its name is not in the default layout";
    std::string path = (root == "/" ? "" : std::string(root)) + "/" + std::string(name);
    if (path == home || home.starts_with(path + "/")) return "it is or holds the home directory";
    if (root == path || root.starts_with(path + "/")) return "it is or holds remote_root";
    return "";
}

}  // namespace syncline
