#include "ssh/stream.hpp"

#include "base/units.hpp"
#include "ssh/error.hpp"

namespace syncline::ssh {

Task<std::string_view> StringInput::next() {
    if (given_) co_return std::string_view();
    given_ = true;
    co_return std::string_view(bytes_);
}

Task<void> StringSink::take(std::string_view bytes) {
    if (bytes.size() > limit_ - bytes_.size()) {
        throw SshError(Failure::limit,
                       "the server sent more than " + format_byte_count(limit_) + " where less was expected");
    }
    bytes_ += bytes;
    co_return;
}

}  // namespace syncline::ssh
