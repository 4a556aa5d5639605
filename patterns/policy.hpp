// What the policies share: making a call and looking at how it ended.
#pragma once

#include <rondo/patterns/verdict.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <optional>

namespace rondo::detail {

// A call that gives an outcome (another policy's run, say) counts by what is in it.
template <class R>
struct flattened {
  using type = R;
};
template <class T>
struct flattened<outcome<T>> {
  using type = T;
};
template <class T>
outcome<T> flatten(outcome<T>&& o) {
  return std::move(o);
}
template <class T>
outcome<T> flatten(outcome<outcome<T>>&& o) {
  if (o.has_value()) return std::move(o).value();
  if (const small_error* e = o.small()) return outcome<T>(*e);
  return o.has_error() ? outcome<T>(o.error()) : outcome<T>();
}

// A policy calls its function perhaps several times: with its own copies of the arguments, as
// lvalues.
template <class F, class... Args>
concept callable_again = requires(F& fn, Args&... args) {
  { fn(args...) } -> awaitable;
};

template <class F, class... Args>
using call_value_t =
    typename flattened<std::remove_cv_t<awaited_t<std::invoke_result_t<F&, Args&...>>>>::type;

template <class T>
task<T> value_of(task<outcome<T>> t) {
  co_return (co_await std::move(t)).value();
}

// Where the exceptions of listeners go: on_unhandled, or standard error when no loop runs.
void report_exception() noexcept;
// The running loop's time; the clock's when none runs.
time_point policy_now() noexcept;
// Different every time; in the simulation always the same, so that a run can be repeated.
std::uint64_t policy_seed() noexcept;

}  // namespace rondo::detail
