// Task: a coroutine of this program. One io_context, one thread, no strands (nursery.hpp holds children).
#pragma once

#include <asio/awaitable.hpp>

namespace syncline {

template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace syncline
