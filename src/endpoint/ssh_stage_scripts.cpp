#include "endpoint/ssh_stage_scripts.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/lines.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/ssh_perl.hpp"

namespace syncline {
namespace {

std::string seconds_text(TimeNs time, bool has_fractions) {
    char text[48];
    bool is_negative = time < 0;
    long long whole = is_negative ? -(time / ns_per_second) : time / ns_per_second;
    long long rest = is_negative ? -(time % ns_per_second) : time % ns_per_second;
    if (has_fractions) {
        std::snprintf(text, sizeof text, "%s%lld.%09lld", is_negative ? "-" : "", whole, rest);
    } else {
        std::snprintf(text, sizeof text, "%s%lld", is_negative ? "-" : "", whole);
    }
    return text;
}

char kind_letter(Kind kind) {
    switch (kind) {
        case Kind::file: return 'f';
        case Kind::directory: return 'd';
        case Kind::symlink: return 'l';
        case Kind::special: return 's';
    }
    return 's';
}

OpFailure read_failure(std::string_view token) {
    OpFailure failure;
    size_t space = std::min(token.find(' '), token.size());
    std::from_chars(token.data(), token.data() + space, failure.index);
    token.remove_prefix(std::min(space + 1, token.size()));
    space = std::min(token.find(' '), token.size());
    std::string_view kind = token.substr(0, space);
    using enum OpFailure::Kind;
    failure.kind = kind == "changed" ? changed : kind == "filled" ? filled : kind == "disk" ? disk : other;
    failure.why = escape(token.substr(std::min(space + 1, token.size())));
    return failure;
}

std::vector<uint64_t> read_inodes(std::string_view text) {
    std::vector<uint64_t> inodes;
    while (!text.empty()) {
        std::string_view word = take_word(text);
        uint64_t& inode = inodes.emplace_back(0);
        std::from_chars(word.data(), word.data() + word.size(), inode);
    }
    return inodes;
}

std::string quoted_inode(const RemoteRoot& root) { return " " + std::to_string(root.inode); }

std::string words_of(const StageOwner& owner) { return sh_quote(owner.token) + " " + sh_quote(owner.who); }

/// Goes into a held stage, or makes one for `owner`, and keeps it on descriptor 8.
std::string enter_stage(const RemoteRoot& root, const StageRef& stage, const StageOwner* owner = nullptr) {
    bool is_new = stage.identity.empty() && owner != nullptr;
    std::string script = "S=" + sh_quote(stage.name) + "\n";
    if (is_new) script += "mkdir -m 700 -- \"$S\" || exit 42\n";
    script += "cd -P -- \"./$S\" && exec 8<. || exit 42\nperl -e " + sh_quote(enter_stage_perl()) + " ";
    script += is_new ? "new" : sh_quote(stage.identity);
    script += quoted_inode(root) + " 8 " + (is_new ? words_of(*owner) : "");
    return script + " 8<&8 </dev/null >/dev/null || exit 43\n";
}

}  // namespace

std::string hold_stage_script(const RemoteRoot& root, std::string_view name, const StageOwner& owner) {
    std::string path = sh_quote((root.path == "/" ? "" : root.path) + "/" + std::string(name));
    // The working directory and the environment of the shell that holds it stay as they are.
    std::string script = "mkdir -m 700 -- " + path + " || (exit 42) && command exec 9<" + path + " && (\n";
    script += std::string(own_environment) + "export LC_ALL=C; umask 077; exec perl -e " + sh_quote(enter_stage_perl());
    return script + " new" + quoted_inode(root) + " 9 " + words_of(owner) + " 9<&9 </dev/null)";
}

std::optional<HeldStage> read_held_stage(std::string_view text) {
    HeldStage stage;
    stage.identity = take_word(text);
    const char* end = text.data() + text.size();
    bool has_user = std::from_chars(text.data(), end, stage.user).ec == std::errc();
    if (!has_user || stage.identity.find(':') == std::string::npos) return std::nullopt;
    return stage;
}

std::string prepare_files_script(const RemoteRoot& root, const StageRef& stage) {
    return script_preamble(root.path) + enter_stage(root, stage) + "perl -e " + sh_quote(prepare_perl()) + " " +
           sh_quote(stage.identity) + quoted_inode(root) + " 8<&8\n";
}

std::string fill_stage_script(const RemoteRoot& root, const StageRef& stage) {
    return script_preamble(root.path) + enter_stage(root, stage) + "exec tar -x -o -p -f -\n";
}

std::string commit_script(const RemoteRoot& root, const StageRef& stage, const StageOwner& owner,
                          const ServerTools& tools, std::string_view marker, bool keeps_stage) {
    std::string script = script_preamble(root.path, marker) + set_hasher(tools) + enter_stage(root, stage, &owner);
    script += R"sh(rm -f -- done names sums ops
tar -x -o -p -f -; t=$?
printf '%sX%s\n' "$M" "$t"
v=0 have=
if [ $t = 0 ] && [ -f done ]; then
  have=$([ ! -s names ] || xargs -0 $H < names | sed 's/ .*//')
  [ "$have" = "$(cat sums)" ] && v=1
fi
printf '%sV%s\n' "$M" "$v"
if [ $v = 1 ]; then
  perl -e )sh" +
              sh_quote(install_perl()) + " \"$S\"" + quoted_inode(root) + (keeps_stage ? " 1 " : " 0 ") +
              sh_quote("exec xargs -0 " + stat_command(tools) + " 2>/dev/null") + R"sh( 8<&8 || exit 43
elif [ -n "$have" ]; then printf '%sD\n%s\n' "$M" "$have"
fi
printf '%sE0\n%s' "$M" "$M"
)sh";
    return script;
}

std::string remove_script(const RemoteRoot& root, std::string_view marker) {
    return script_preamble(root.path, marker) + "perl -e " + sh_quote(remove_perl()) + quoted_inode(root) +
           " || exit 43\nprintf '%sE0\\n%s' \"$M\" \"$M\"\n";
}

std::string sweep_script(const RemoteRoot& root, const StageRef* stage, const StageOwner& owner, int wait_s) {
    std::string script = script_preamble(root.path);
    if (stage != nullptr) script += enter_stage(root, *stage);
    return script + "perl -e " + sh_quote(sweep_perl()) + quoted_inode(root) + " " + sh_quote(owner.token) + " " +
           std::to_string(wait_s) + " " + (stage == nullptr ? "''" : sh_quote(stage->identity) + " 8<&8") + "\n";
}

std::vector<std::string> read_users(std::string_view text) {
    std::vector<std::string> users;
    while (std::optional<std::string_view> who = take_field(text)) users.push_back(escape(*who));
    return users;
}

std::string settle_script(const RemoteRoot& root, const ServerTools& tools) {
    return script_preamble(root.path) + set_hasher(tools) + "perl -e " + sh_quote(settle_perl()) + quoted_inode(root) +
           "\n";
}

std::string settle_input(const std::vector<TakenAside>& items, const std::vector<std::string>& kept_names) {
    std::string input;
    for (size_t i = 0; i < items.size(); ++i) {
        const TakenAside& item = items[i];
        std::string contents;
        for (const Digest& digest : item.known_contents) contents.append(digest.hex()).append(" ");
        input.append(item.path).append(1, '\0').append(last_name(item.original)).append(1, '\0');
        input.append(kept_names[i]).append(1, '\0').append(contents).append(1, '\0');
        input.append(std::to_string(item.known_links.size())).append(1, '\0');
        for (const std::string& link : item.known_links) input.append(link).append(1, '\0');
    }
    return input;
}

bool read_fates(std::string_view text, std::vector<TakenAside>& items, const std::vector<std::string>& kept_names) {
    for (size_t i = 0; i < items.size(); ++i) {
        std::optional<std::string_view> field = take_field(text);
        if (!field) return false;
        TakenAside& item = items[i];
        std::string_view fate = take_word(*field);
        if (fate == "removed") item.fate = TakenAside::Fate::removed;
        if (fate == "put_back") item.fate = TakenAside::Fate::put_back;
        if (fate == "kept") {
            item.fate = TakenAside::Fate::kept;
            item.kept_as = join_path(parent_path(item.path), kept_names[i]);
        }
        if (fate == "left")
            item.error = "cannot give back what a run that was killed had taken aside: " + escape(*field);
    }
    return true;
}

std::string digest_stage_script(const RemoteRoot& root, const StageRef& stage, const ServerTools& tools,
                                std::string_view marker) {
    return script_preamble(root.path, marker) + enter_stage(root, stage) + digest_all_files(tools);
}

std::string ops_text(std::span<const RemoteOp> ops, bool has_fractions) {
    std::string text;
    for (const RemoteOp& op : ops) {
        char mode[8];
        std::snprintf(mode, sizeof mode, "%o", op.mode & 07777u);
        text.append(1, op.mtime && op.op == 'p' ? 't' : op.op)
            .append(1, '\0')
            .append(op.path)
            .append(1, '\0')
            .append(op.staged);
        if (op.mtime) text.append(" ").append(seconds_text(*op.mtime, true));
        text.append(1, '\0').append(mode).append(1, '\0');
        if (op.unchecked) {
            text += '*';
        } else if (const Entry* seen = op.expected) {
            text.append(1, kind_letter(seen->kind)).append(" ").append(std::to_string(seen->stamp.inode)).append(" ");
            text.append(std::to_string(seen->stamp.size))
                .append(" ")
                .append(seconds_text(seen->stamp.mtime, has_fractions));
            text.append(" ").append(seconds_text(seen->stamp.ctime, has_fractions));
        }
        text += '\0';
    }
    return text;
}

CommitReport read_commit_output(std::string_view text, std::string_view marker) {
    CommitReport report;
    report.tar_status = -1;
    while (std::optional<std::string_view> token = take_token(text, marker)) {
        char tag = token->empty() ? '\0' : token->front();
        std::string_view rest = token->substr(std::min<size_t>(1, token->size()));
        if (tag == 'X') std::from_chars(rest.data(), rest.data() + rest.size(), report.tar_status);
        if (tag == 'V') report.verified = rest == "1";
        if (tag == 'D') report.digests = rest.substr(std::min<size_t>(1, rest.size()));
        if (tag == 'F') report.failures.push_back(read_failure(rest));
        if (tag == 'E') report.whole = true;
        if (tag == 'S') {
            if (auto stat = read_stat(rest)) report.stamps.push_back(std::move(*stat));
        }
        if (tag == 'I') report.inodes = read_inodes(rest);
    }
    return report;
}

}  // namespace syncline
