#include "s3/body.hpp"

#include "base/units.hpp"
#include "s3/error.hpp"

namespace syncline::s3 {

Task<void> StringBody::take(std::string_view bytes) {
    if (bytes_.size() + bytes.size() > limit_) {
        throw S3Error(Failure::limit,
                      "the object is larger than the " + format_byte_count(limit_) + " that it may have");
    }
    bytes_.append(bytes);
    co_return;
}

}  // namespace syncline::s3
