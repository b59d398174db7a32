// Style: colours as plain functions of text, switched off as a whole.
#pragma once

#include <string>
#include <string_view>

namespace syncline::cli {

class Style {
  public:
    explicit Style(bool has_colours = false) : has_colours_(has_colours) {}

    std::string bold(std::string_view text) const { return in("1", text); }
    std::string faint(std::string_view text) const { return in("2", text); }
    std::string red(std::string_view text) const { return in("31", text); }
    std::string green(std::string_view text) const { return in("32", text); }
    std::string yellow(std::string_view text) const { return in("33", text); }

  private:
    std::string in(std::string_view code, std::string_view text) const {
        if (!has_colours_ || text.empty()) return std::string(text);
        return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
    }

    bool has_colours_;
};

}  // namespace syncline::cli
