// as_result(awaitable): the same await, giving an outcome instead of throwing.
//
//   outcome<std::size_t> n = co_await as_result(stream.read_some(buffer));
//
// For I/O no exception is ever made. Cancellation is not an outcome here: a cancelled task is not
// resumed.
#pragma once

#include <rondo/runtime/wait.hpp>

#include <memory>

namespace rondo {
namespace detail {

template <class Awaiter>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] result_wait
    : public awaitable_tag {
  using value = decltype(std::declval<Awaiter&>().await_resume());

 public:
  template <class A>
    requires(!std::is_same_v<std::remove_cvref_t<A>, result_wait>)
  explicit result_wait(A&& a) : inner_(awaiter_of(std::forward<A>(a))) {}

  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  auto await_suspend(std::coroutine_handle<Promise> h) noexcept {
    return inner_.await_suspend(h);
  }
  outcome<value> await_resume() {
    if constexpr (requires { inner_.take_outcome(); }) {
      return inner_.take_outcome();
    } else {
      try {
        if constexpr (std::is_void_v<value>) {
          inner_.await_resume();
          return outcome<value>(std::in_place);
        } else if constexpr (std::is_reference_v<value>) {
          return outcome<value>(std::in_place, std::addressof(inner_.await_resume()));
        } else {
          return outcome<value>(std::in_place, inner_.await_resume());
        }
      } catch (...) {
        return outcome<value>(std::current_exception());
      }
    }
  }

 private:
  Awaiter inner_;
};

}  // namespace detail

// Completes with the outcome of `a`, its value or its error. Cancelled: `a` is, and the caller
// stops. Throws nothing.
template <class A>
  requires detail::awaitable<A>
auto as_result(A&& a) {
  return detail::result_wait<std::remove_cvref_t<decltype(detail::awaiter_of(std::forward<A>(a)))>>(
      std::forward<A>(a));
}

}  // namespace rondo
