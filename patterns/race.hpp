// race and any: tasks side by side for the one result that comes first.
//
//   int n = co_await race(from_cache(key), from_disk(key));     // the first to end, well or badly
//   auto r = co_await any(mirror_a(), mirror_b(), mirror_c());  // the first to succeed
//
// The losers are cancelled and have ended when race goes on: nothing of them is left.
#pragma once

#include <rondo/patterns/parts/branches.hpp>

#include <stdexcept>
#include <tuple>
#include <variant>

namespace rondo {
namespace detail {

enum class contest : std::uint8_t { race, any };

class contest_wait : public branches_wait {
 protected:
  explicit contest_wait(contest c) noexcept : contest_(c) {}
  ~contest_wait() = default;
  // Whose result counts; of `any` where all failed, the last that did.
  const branch_base* winner() const noexcept { return winner_ ? winner_ : last_failed_; }

 private:
  void branch_ended(branch_base& b, bool failed) noexcept override;

  contest contest_;
  bool over_ = false;
  const branch_base* winner_ = nullptr;
  const branch_base* last_failed_ = nullptr;
};

template <class... T>
inline constexpr bool all_same =
    (std::is_same_v<T, std::tuple_element_t<0, std::tuple<T...>>> && ...);
template <class... T>
struct contest_value {
  using type = std::variant<stored_t<T>...>;
};
template <class... T>
  requires all_same<T...>
struct contest_value<T...> : std::tuple_element<0, std::tuple<T...>> {};
template <class... T>
using contest_value_t = typename contest_value<T...>::type;

template <class... T>
class [[nodiscard("without co_await nothing happens")]] contest_tuple final : public contest_wait {
  using value = contest_value_t<T...>;

 public:
  explicit contest_tuple(contest c, task<T>&&... tasks) noexcept
      : contest_wait(c), branches_(std::move(tasks)...) {
    std::apply([this](auto&... b) { (this->add(b), ...); }, branches_);
  }
  value take() { return take_from<0>(); }

 private:
  template <std::size_t I>
  value take_from() {
    auto& b = std::get<I>(branches_);
    if constexpr (I + 1 < sizeof...(T)) {
      if (&b != winner()) return take_from<I + 1>();
    }
    if constexpr (all_same<T...>) {
      return std::move(b.result()).value();
    } else {
      b.result().value();  // throws its error
      return value(std::in_place_index<I>, b.take_value());
    }
  }
  std::tuple<branch<T>...> branches_;
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] contest_vector final : public contest_wait {
 public:
  contest_vector(contest c, std::vector<branch<T>>& branches) noexcept
      : contest_wait(c), branches_(branches) {
    for (branch<T>& b : branches) add(b);
  }
  T take() {
    const auto i = static_cast<const branch<T>*>(winner()) - branches_.data();
    return std::move(branches_[static_cast<std::size_t>(i)].result()).value();
  }

 private:
  std::vector<branch<T>>& branches_;
};

template <class... T>
task<contest_value_t<T...>> run_contest(contest c, task<T>... tasks) {
  contest_tuple<T...> all(c, std::move(tasks)...);
  co_await all;
  co_return all.take();
}

template <class T>
task<T> run_contest_vector(contest c, std::vector<branch<T>> branches) {
  contest_vector<T> all(c, branches);
  co_await all;
  co_return all.take();
}

template <class T>
task<T> contest_of(contest c, std::vector<task<T>>&& tasks) {
  if (tasks.empty()) throw std::invalid_argument("race and any need at least one task");
  return run_contest_vector(c, make_branches(std::move(tasks)));
}

}  // namespace detail

// Runs every argument (a task, another awaitable, or a callable that gives one) and gives what the
// first to end gave, throwing what it threw: a T when all are of one type, else a std::variant with
// one alternative for each (std::monostate for void, a pointer for a reference). The others are
// cancelled; race waits for them and drops their values; an exception of theirs goes to
// on_unhandled. Cancellation: all are cancelled and have ended before the caller stops. If one had
// won already, or none was stopped, the caller resumes with the result.
template <class... X>
  requires(sizeof...(X) > 0 && (detail::taskable<X> && ...))
auto race(X&&... tasks) {
  return detail::run_contest(detail::contest::race, detail::to_task(std::forward<X>(tasks))...);
}
template <class... X>
  requires(sizeof...(X) > 0 && !(detail::taskable<X> && ...))
detail::refused race(X&&...) {
  (detail::refuse_branch<X>(), ...);
  return {};
}
// Throws std::invalid_argument when there are no tasks.
template <class T>
task<T> race(std::vector<task<T>>&& tasks) {
  return detail::contest_of(detail::contest::race, std::move(tasks));
}

// The same, where only a value wins: what failed before is dropped; when all have failed, the last
// error is thrown.
template <class... X>
  requires(sizeof...(X) > 0 && (detail::taskable<X> && ...))
auto any(X&&... tasks) {
  return detail::run_contest(detail::contest::any, detail::to_task(std::forward<X>(tasks))...);
}
template <class... X>
  requires(sizeof...(X) > 0 && !(detail::taskable<X> && ...))
detail::refused any(X&&...) {
  (detail::refuse_branch<X>(), ...);
  return {};
}
template <class T>
task<T> any(std::vector<task<T>>&& tasks) {
  return detail::contest_of(detail::contest::any, std::move(tasks));
}

}  // namespace rondo
