// gather: runs tasks side by side and gives their results in argument order.
//
//   auto [user, orders] = co_await gather(load_user(id), load_orders(id));
//   std::vector<page> pages = co_await gather(std::move(fetches));          // vector<task<page>>
//   auto [a, b] = co_await gather(return_exceptions, first(), second());    // outcomes; no throw
//
// Nothing of the tasks is left when gather goes on, however it ends: each has returned, thrown or
// been unwound. Their first steps come from the ready list, in argument order.
#pragma once

#include <rondo/patterns/parts/branches.hpp>

#include <tuple>

namespace rondo {

// The type of return_exceptions.
struct return_exceptions_t {
  explicit return_exceptions_t() = default;
};
// The first argument of a gather that waits for every task and gives outcomes.
inline constexpr return_exceptions_t return_exceptions{};

namespace detail {

// The first failure cancels the rest and is what the parent gets; later ones go to on_unhandled.
class gather_wait : public branches_wait {
 public:
  void await_resume() const {
    if (first_error_) std::rethrow_exception(first_error_);
  }

 protected:
  explicit gather_wait(bool stop_at_failure) noexcept : stop_at_failure_(stop_at_failure) {}
  ~gather_wait() = default;
  void branch_ended(branch_base& b, bool failed) noexcept override;

 private:
  bool stop_at_failure_;
  std::exception_ptr first_error_;
};

template <class... T>
class [[nodiscard("without co_await nothing happens")]] gather_tuple final : public gather_wait {
 public:
  explicit gather_tuple(bool stop_at_failure, task<T>&&... tasks) noexcept
      : gather_wait(stop_at_failure), branches_(std::move(tasks)...) {
    std::apply([this](auto&... b) { (this->add(b), ...); }, branches_);
  }
  std::tuple<stored_t<T>...> values() {
    return std::apply([](auto&... b) { return std::tuple<stored_t<T>...>(b.take_value()...); },
                      branches_);
  }
  std::tuple<outcome<T>...> outcomes() {
    return std::apply(
        [](auto&... b) { return std::tuple<outcome<T>...>(std::move(b.result())...); }, branches_);
  }

 private:
  std::tuple<branch<T>...> branches_;
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] gather_vector final : public gather_wait {
 public:
  gather_vector(bool stop_at_failure, std::vector<branch<T>>& branches) noexcept
      : gather_wait(stop_at_failure) {
    for (branch<T>& b : branches) add(b);
  }
};

template <class T>
using gathered_t = std::conditional_t<std::is_void_v<T>, void, std::vector<stored_t<T>>>;

template <class... T>
task<std::tuple<stored_t<T>...>> run_gather(task<T>... tasks) {
  gather_tuple<T...> all(true, std::move(tasks)...);
  co_await all;
  co_return all.values();
}

template <class... T>
task<std::tuple<outcome<T>...>> run_gather_outcomes(task<T>... tasks) {
  gather_tuple<T...> all(false, std::move(tasks)...);
  co_await all;
  co_return all.outcomes();
}

template <class T>
task<gathered_t<T>> run_gather_vector(std::vector<branch<T>> branches) {
  gather_vector<T> all(true, branches);
  co_await all;
  if constexpr (!std::is_void_v<T>) {
    gathered_t<T> values;
    values.reserve(branches.size());
    for (branch<T>& b : branches) values.push_back(b.take_value());
    co_return values;
  }
}

template <class T>
task<std::vector<outcome<T>>> run_gather_vector_outcomes(std::vector<branch<T>> branches) {
  gather_vector<T> all(false, branches);
  co_await all;
  std::vector<outcome<T>> outcomes;
  outcomes.reserve(branches.size());
  for (branch<T>& b : branches) outcomes.push_back(std::move(b.result()));
  co_return outcomes;
}

}  // namespace detail

// Runs every argument (a task, another awaitable, or a callable that gives one and is kept until it
// has ended) and completes when all have ended: a tuple of their values, std::monostate for void
// and a pointer for a reference. The first that throws cancels the others; gather waits for them
// and rethrows that exception with its own type; what others throw after it goes to on_unhandled.
// Cancellation: all are cancelled and have ended before the caller stops; the values of those that
// had finished are lost, unless all had: then the caller resumes with the result. An exception wins
// over a cancellation, which then stays pending. Nothing starts when a cancellation is due already.
template <class... X>
  requires(detail::taskable<X> && ...)
task<std::tuple<detail::stored_t<detail::task_value_t<X>>...>> gather(X&&... tasks) {
  return detail::run_gather(detail::to_task(std::forward<X>(tasks))...);
}
template <class... X>
  requires(!(detail::taskable<X> && ...))
detail::refused gather(X&&...) {
  (detail::refuse_branch<X>(), ...);
  return {};
}
// The same for any number of tasks of one type: a vector of values in the same order; void for
// task<>. Makes one array for the bookkeeping. Throws std::bad_alloc. Cancelled likewise.
template <class T>
task<detail::gathered_t<T>> gather(std::vector<task<T>>&& tasks) {
  return detail::run_gather_vector(detail::make_branches(std::move(tasks)));
}

// The same, giving an outcome for each: waits for all and never throws for a child. A cancellation
// of the caller is not an outcome: it cancels all, and once they have ended the caller stops.
template <class... X>
  requires(detail::taskable<X> && ...)
task<std::tuple<outcome<detail::task_value_t<X>>...>> gather(return_exceptions_t, X&&... tasks) {
  return detail::run_gather_outcomes(detail::to_task(std::forward<X>(tasks))...);
}
template <class... X>
  requires(!(detail::taskable<X> && ...))
detail::refused gather(return_exceptions_t, X&&...) {
  (detail::refuse_branch<X>(), ...);
  return {};
}
template <class T>
task<std::vector<outcome<T>>> gather(return_exceptions_t, std::vector<task<T>>&& tasks) {
  return detail::run_gather_vector_outcomes(detail::make_branches(std::move(tasks)));
}

}  // namespace rondo
