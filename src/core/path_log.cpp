#include "core/path_log.hpp"

#include <optional>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr char problem_letter = '!';
constexpr char note_letter = '?';

char letter_of(Op op) { return static_cast<char>('a' + static_cast<int>(op)); }

/// nullopt for a letter that stands for no operation.
std::optional<std::string_view> deed_of(char letter) {
    switch (static_cast<Op>(letter - 'a')) {
        case Op::put:
        case Op::symlink: return "put it on the target";
        case Op::mkdir: return "made it on the target";
        case Op::chmod: return "set its mode on the target";
        case Op::touch: return "set its time on the target";
        case Op::remove:
        case Op::rmdir: return "deleted it from the target";
        case Op::conflict: return "left it alone";
        case Op::move: return "renamed it on the target";
    }
    return std::nullopt;
}

/// "" for an entry that says nothing.
std::string sentence_of(char letter, std::string_view detail) {
    if (letter == problem_letter) return "reported: " + escape(detail);
    if (letter == note_letter) return "noted: " + escape(detail);
    std::optional<std::string_view> deed = deed_of(letter);
    if (!deed || detail.size() != 1) return "";
    std::string_view reason = reason_text(static_cast<Reason>(detail.front() - 'a'));
    return std::string(*deed) + (reason.empty() ? "" : ": ") + std::string(reason);
}

/// The bytes before the next NUL, which leave `bytes` with it; nullopt when there is none.
std::optional<std::string_view> take_field(std::string_view& bytes) {
    size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view field = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return field;
}

}  // namespace

void PathLog::add(char letter, std::string_view detail, std::string_view path) {
    bytes_ += letter;
    bytes_ += detail.substr(0, detail.find('\0'));
    bytes_ += '\0';
    bytes_ += path;
    bytes_ += '\0';
}

void PathLog::add_done(std::string_view path, Op op, Reason reason) {
    const char detail = static_cast<char>('a' + static_cast<int>(reason));
    add(letter_of(op), {&detail, 1}, path);
}

void PathLog::add_problem(const Problem& problem) { add(problem_letter, problem.why, problem.path); }

void PathLog::add_note(const Problem& note) { add(note_letter, note.why, note.path); }

std::string find_in_path_log(std::string_view bytes, std::string_view path) {
    std::string found;
    while (true) {
        std::optional<std::string_view> deed = take_field(bytes);
        std::optional<std::string_view> entry_path = deed ? take_field(bytes) : std::nullopt;
        if (!entry_path) return found;
        if (*entry_path != path || deed->empty()) continue;
        std::string sentence = sentence_of(deed->front(), deed->substr(1));
        if (!found.empty() && !sentence.empty()) found += ", then ";
        found += sentence;
    }
}

}  // namespace syncline
