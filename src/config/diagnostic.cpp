#include "config/diagnostic.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr size_t most_kept = 1000;

}  // namespace

std::string Diagnostic::text() const {
    std::string place = escape(file);
    if (line > 0) place += ":" + std::to_string(line) + ":" + std::to_string(column);
    return place + ": " + message;
}

bool Diagnostics::is_full() const { return list_.size() >= most_kept; }

void Diagnostics::add(Position position, std::string message) {
    if (!is_full()) list_.push_back({file_, position.line, position.column, std::move(message)});
}

std::vector<Diagnostic> Diagnostics::take_sorted() {
    std::sort(list_.begin(), list_.end());
    list_.erase(std::unique(list_.begin(), list_.end()), list_.end());
    return std::exchange(list_, {});
}

}  // namespace syncline
