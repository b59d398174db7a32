#include "cli/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "base/error.hpp"

namespace syncline::cli {
namespace {

struct Character {
    uint32_t code = 0;
    size_t bytes = 1;
};

/// The first character of well-formed, non-empty UTF-8; a lone byte where it is not well-formed.
Character first_character(std::string_view text) {
    auto lead = static_cast<uint8_t>(text[0]);
    size_t bytes = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (bytes == 1 || bytes > text.size()) return {lead, 1};
    uint32_t code = lead & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<uint8_t>(text[i]) & 0x3Fu);
    return {code, bytes};
}

/// Two for what East Asian terminals draw wide. Rather too many than too few: a status line must never wrap.
size_t columns_of(uint32_t code) {
    struct Range {
        uint32_t first, last;
    };
    static constexpr Range wide[] = {{0x1100, 0x115F},   {0x231A, 0x231B},  {0x23E9, 0x23F3}, {0x25FD, 0x27BF},
                                     {0x2B1B, 0x2B55},   {0x2E80, 0xA4CF},  {0xA960, 0xA97F}, {0xAC00, 0xD7A3},
                                     {0xF900, 0xFAFF},   {0xFE10, 0xFE6F},  {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6},
                                     {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFD}};
    for (const Range& range : wide) {
        if (code >= range.first && code <= range.last) return 2;
    }
    return 1;
}

bool variable_is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

}  // namespace

Console::Stream Console::make_stream(int fd) {
    const char* terminal = std::getenv("TERM");
    Stream stream{fd, false, false, {}};
    stream.is_smart =
        ::isatty(fd) == 1 && terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
    stream.has_colours = stream.is_smart && !variable_is_set("NO_COLOR");
    return stream;
}

Console::Console(int output, int errors) : output_(make_stream(output)), errors_(make_stream(errors)) {}

Console::~Console() { wipe_status(); }

void Console::write(Stream& stream, std::string_view text) {
    while (!text.empty() && stream.error.empty()) {
        ssize_t count = ::write(stream.fd, text.data(), text.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<size_t>(count));
        } else if (errno != EINTR) {
            stream.error = errno == EPIPE ? "closed" : errno_text(errno);
        }
    }
}

void Console::wipe_status() {
    if (status_shown_) write(errors_, "\r\x1b[K");
    status_shown_ = false;
}

void Console::print(std::string_view lines) {
    wipe_status();
    write(output_, lines);
}

void Console::complain(std::string_view lines) {
    wipe_status();
    write(errors_, lines);
}

void Console::draw_status(std::string_view line) {
    if (!errors_.is_smart || status_paused_) return;
    if (line.empty()) return wipe_status();
    std::string shown = "\r" + cut_to_width(line, status_width()) + "\x1b[K";
    write(errors_, shown);
    status_shown_ = true;
}

void Console::pause_status(bool pauses) {
    wipe_status();
    status_paused_ = pauses;
}

// The last column stays free: some terminals wrap as soon as it is written.
size_t Console::status_width() const { return width() - 1; }

size_t Console::width() const {
    winsize size{};
    if (::ioctl(errors_.fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col;
    return 80;
}

size_t display_width(std::string_view text) {
    size_t columns = 0;
    while (!text.empty()) {
        Character character = first_character(text);
        columns += columns_of(character.code);
        text.remove_prefix(character.bytes);
    }
    return columns;
}

std::string cut_to_width(std::string_view text, size_t columns) {
    if (display_width(text) <= columns) return std::string(text);
    if (columns == 0) return {};
    std::string out;
    size_t used = 1;  // the ellipsis
    while (!text.empty()) {
        Character character = first_character(text);
        used += columns_of(character.code);
        if (used > columns) break;
        out += text.substr(0, character.bytes);
        text.remove_prefix(character.bytes);
    }
    return out + "…";
}

}  // namespace syncline::cli
