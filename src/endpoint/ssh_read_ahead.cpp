#include "endpoint/ssh_read_ahead.hpp"

namespace syncline {

Task<void> ReadAhead::read() {
    for (bool has_more = true; has_more;) {
        std::string_view piece = co_await input_.next();
        while (is_full_) co_await taken_.wait();
        has_more = !piece.empty();
        ahead_.assign(piece);
        is_full_ = true;
        filled_.notify();
    }
}

Task<std::string_view> ReadAhead::next() {
    while (!is_full_) co_await filled_.wait();
    std::swap(ahead_, current_);
    // The empty piece at the end stays.
    is_full_ = current_.empty();
    taken_.notify();
    co_return std::string_view(current_);
}

}  // namespace syncline
