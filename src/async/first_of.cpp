#include "async/first_of.hpp"

#include <utility>

#include "async/nursery.hpp"

namespace syncline {
namespace {

Task<void> end_the_other(Task<void> task, Nursery& nursery) {
    co_await std::move(task);
    nursery.cancel();
}

}  // namespace

Task<void> first_of(Task<void> one, Task<void> other) {
    auto race = [&](Nursery& nursery) {
        nursery.spawn(end_the_other(std::move(other), nursery));
        return end_the_other(std::move(one), nursery);
    };
    co_await with_nursery(race);
}

}  // namespace syncline
