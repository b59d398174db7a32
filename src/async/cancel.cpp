#include "async/cancel.hpp"

#include <asio/error.hpp>
#include <asio/system_error.hpp>

#include "base/error.hpp"

namespace syncline {

bool is_cancellation(const std::exception_ptr& failure) {
    if (!failure) return false;
    try {
        std::rethrow_exception(failure);
    } catch (const Cancelled&) {
        return true;
    } catch (const asio::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace syncline
