// submit: a task for a loop, from any thread, and its result as a std::future.
//
//   std::future<int> n = home.submit(count, path);   // home: a loop_remote, or the loop itself
//   use(n.get());  // not on the loop's own thread: it would wait for itself
//
// The task belongs to the loop. If it still runs when run() ends it is cancelled and awaited. The
// future always becomes ready, and only when the task and everything it held are gone: with the
// value, the exception, or cancelled_error when the task was cancelled or the loop ended before it
// could start.
//
// <rondo/runtime.hpp> does not bring it, because <future> is large: include this one.
#pragma once

#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>

#include <future>
#include <tuple>
#include <type_traits>
#include <utility>

namespace rondo {
namespace detail {

// Keeps the promise when it goes, so that it is the last thing to go.
template <class T>
class delivery {
 public:
  explicit delivery(std::promise<T>&& p) noexcept : promise_(std::move(p)) {}
  delivery(delivery&& other) noexcept
      : promise_(std::move(other.promise_)),
        result_(std::move(other.result_)),
        armed_(std::exchange(other.armed_, false)) {}
  delivery& operator=(delivery&&) = delete;
  ~delivery() {
    if (!armed_) return;
    try {
      if constexpr (std::is_void_v<T>) {
        std::move(result_).value();
        promise_.set_value();
      } else {
        promise_.set_value(std::move(result_).value());
      }
    } catch (...) {
      promise_.set_exception(std::current_exception());
    }
  }
  void put(outcome<T>&& r) { result_ = std::move(r); }

 private:
  std::promise<T> promise_;
  outcome<T> result_;  // cancelled, until it is known better
  bool armed_ = true;
};

// Parameters go in the opposite order: `to` is the last.
template <class T, class... X>
task<> serve_submission(delivery<T> to, std::tuple<X...> what) {
  try {
    to.put(co_await as_result(std::apply([](X&... x) { return to_task(std::move(x)...); }, what)));
  } catch (...) {
    to.put(outcome<T>(std::current_exception()));
  }
}

template <class... X>
std::future<task_value_t<X...>> submit_to(const loop_remote& home, X&&... x) {
  using T = task_value_t<X...>;
  std::promise<T> promise;
  std::future<T> result = promise.get_future();
  home.post([to = delivery<T>(std::move(promise)),
             what = std::tuple<std::decay_t<X>...>(std::forward<X>(x)...)]() mutable {
    this_core().run_service(
        serve_submission<T, std::decay_t<X>...>(std::move(to), std::move(what)));
  });
  return result;
}

}  // namespace detail

// From any thread. Throws loop_ended once the loop has ended, std::bad_alloc.
template <class... X>
  requires detail::taskable<X...>
auto loop_remote::submit(X&&... x) const {
  return detail::submit_to(*this, std::forward<X>(x)...);
}
template <class... X>
  requires detail::taskable<X...>
auto loop::submit(X&&... x) {
  return detail::submit_to(remote(), std::forward<X>(x)...);
}

}  // namespace rondo
