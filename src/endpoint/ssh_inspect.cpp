// Looking at a directory on a server, and at the tools there: the script, and what it answers.
#include <charconv>
#include <cstdio>

#include "base/lines.hpp"
#include "endpoint/ssh_scripts.hpp"

namespace syncline {
namespace {

const char probe_script[] = R"sh(
[ "$(find / -maxdepth 0 -printf x 2>/dev/null)" = x ] && p tool find
case "$(stat -c %f / 2>/dev/null)" in 4*) p tool stat ;; esac
case "$(stat -c %.9Y / 2>/dev/null)" in *.?????????) p tool fractions ;; esac
[ "$(printf 'a\0b' | xargs -0 echo 2>/dev/null)" = "a b" ] && p tool xargs
t=$(tar --version 2>/dev/null </dev/null)
command -v tar >/dev/null 2>&1 && p tool tar
case "$t" in *GNU*) p tool gnu-tar ;; esac
[ "$(perl -e 'print 1' 2>/dev/null)" = 1 ] && p tool perl
for s in sha256sum 'shasum -a 256' 'openssl dgst -sha256 -r'; do
  case "$($s </dev/null 2>/dev/null)" in e3b0c44298fc1c149afb*) p sha256 "$s"; break ;; esac
done
)sh";

const char look_script[] = R"sh(
if cd -P -- "$d" 2>/dev/null; then
  if [ -h "$d" ]; then p state link; else p state directory; fi
  p path "$(pwd -P; echo x)"
  i=$(ls -di . 2>/dev/null); set -- $i; p inode "$1"
  p fs "$(stat -f -c %t:%i . 2>/dev/null || df -P . 2>/dev/null | sed -n '2s/ .*//p')"
elif [ -d "$d" ]; then p state unreachable
elif [ -e "$d" ]; then p state other
else p state absent
fi
)sh";

void set_tool(ServerTools& tools, std::string_view tool) {
    if (tool == "find") tools.find_printf = true;
    if (tool == "stat") tools.stat_format = true;
    if (tool == "fractions") tools.stat_fractions = true;
    if (tool == "xargs") tools.xargs_nul = true;
    if (tool == "tar") tools.tar = true;
    if (tool == "gnu-tar") tools.gnu_tar = true;
    if (tool == "perl") tools.perl = true;
}

RootReport::State state_of(std::string_view word) {
    if (word == "directory") return RootReport::State::directory;
    if (word == "link") return RootReport::State::link_to_directory;
    if (word == "other") return RootReport::State::other;
    return word == "absent" ? RootReport::State::absent : RootReport::State::unreachable;
}

}  // namespace

std::string inspect_script(std::string_view directory_word, std::string_view remote_root_word,
                           std::optional<uint16_t> create_mode, bool probe) {
    std::string script = "export LC_ALL=C; umask 077\np() { printf '%s\\0' \"$@\"; }\n";
    script.append("d=").append(directory_word).append("; r=").append(remote_root_word).append("\n");
    script += "p home \"$(cd -P -- \"$HOME\" 2>/dev/null && pwd -P)\"\n";
    script += "p remote_root \"$(cd -P -- \"$r\" 2>/dev/null && pwd -P)\"\n";
    if (create_mode) {
        char mode[8];
        std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(*create_mode));
        script.append("[ -d \"$d\" ] || { mkdir -p -- \"$d\" && chmod ").append(mode).append(" -- \"$d\"; }\n");
    }
    if (probe) script += probe_script;
    return script + look_script + "p end 0\n";
}

std::optional<RootReport> read_inspect_output(std::string_view text) {
    RootReport report;
    while (true) {
        std::optional<std::string_view> key = take_field(text);
        std::optional<std::string_view> value = take_field(text);
        if (!key || !value) return std::nullopt;
        if (*key == "end") return report;
        if (*key == "home") report.home = *value;
        if (*key == "remote_root") report.remote_root = *value;
        if (*key == "state") report.state = state_of(*value);
        if (*key == "path" && value->size() > 2) report.path = value->substr(0, value->size() - 2);
        if (*key == "inode") std::from_chars(value->data(), value->data() + value->size(), report.inode);
        if (*key == "fs") report.file_system = *value;
        if (*key == "tool") set_tool(report.tools, *value);
        if (*key == "sha256") report.tools.sha256 = *value;
    }
}

}  // namespace syncline
