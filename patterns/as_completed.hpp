// as_completed: what tasks give, in the order in which they end.
//
//   co_await as_completed(std::move(fetches), [&](outcome<page> p) -> task<> { … });
#pragma once

#include <rondo/patterns/parts/branches.hpp>

namespace rondo {
namespace detail {

// The tasks, and the consumer as one more branch. When the consumer ends, the rest is cancelled.
template <class T, class Fn>
class [[nodiscard("without co_await nothing happens")]] completion_wait final
    : public branches_wait {
 public:
  completion_wait(std::vector<branch<T>>& branches, Fn& fn)
      : consumer_(consume(*this, fn, branches.size())) {
    ended_.reserve(branches.size());
    for (branch<T>& b : branches) add(b);
    add(consumer_);
  }
  void await_resume() { consumer_.result().value(); }

 private:
  // Completes when a task has ended whose outcome was not taken yet.
  class [[nodiscard("without co_await nothing happens")]] next_wait final : public wait_base {
   public:
    explicit next_wait(completion_wait& all) noexcept : all_(all) {}
    bool begin(job& j) noexcept override {
      if (all_.taken_ < all_.ended_.size()) return true;
      if (j.stops_here()) return false;
      all_.waiting_ = &j;
      j.wait_on(*this);
      return false;
    }
    void cancel(job& j) noexcept override {
      all_.waiting_ = nullptr;
      j.wake_stopped();
    }
    outcome<T> await_resume() { return std::move(all_.ended_[all_.taken_++]->result()); }

   private:
    completion_wait& all_;
  };

  static task<> consume(completion_wait& all, Fn& fn, std::size_t count) {
    using answer = awaited_t<std::invoke_result_t<Fn&, outcome<T>>>;
    for (std::size_t n = 0; n < count; ++n) {
      outcome<T> o = co_await next_wait(all);
      if constexpr (std::is_same_v<answer, bool>) {
        const bool go_on = co_await fn(std::move(o));
        if (!go_on) co_return;
      } else {
        co_await fn(std::move(o));
      }
    }
  }

  void branch_ended(branch_base& b, bool failed) noexcept override {
    if (&b == &consumer_) {
      consumer_ended_ = true;
      if (b.stopped()) return;
      decide();
      cancel_branches();
    } else if (consumer_ended_ || consumer_.current_state() == job::state::idle) {
      if (failed) report_unhandled(b.error());
    } else if (!b.stopped()) {
      ended_.push_back(static_cast<branch<T>*>(&b));  // there is room for all
      if (waiting_) std::exchange(waiting_, nullptr)->wake();
    }
  }

  branch<void> consumer_;
  std::vector<branch<T>*> ended_;
  std::size_t taken_ = 0;
  job* waiting_ = nullptr;
  bool consumer_ended_ = false;
};

template <class T, class Fn>
task<> run_as_completed(std::vector<branch<T>> branches, Fn fn) {
  completion_wait<T, Fn> all(branches, fn);
  co_await all;
}

}  // namespace detail

// Runs the tasks side by side and awaits fn(outcome<T>) for each in the order in which they end,
// one at a time. `fn` gives a task<>, or a task<bool> whose false leaves early. When fn leaves
// early or throws, the tasks that still run are cancelled, and as_completed waits for them and
// rethrows what fn threw; what they throw then goes to on_unhandled. Cancellation: fn and all tasks
// are cancelled and have ended before the caller stops.
template <class T, class Fn>
  requires detail::awaitable<std::invoke_result_t<Fn&, outcome<T>>>
task<> as_completed(std::vector<task<T>>&& tasks, Fn fn) {
  return detail::run_as_completed<T, Fn>(detail::make_branches(std::move(tasks)), std::move(fn));
}
template <class T, class Fn>
detail::refused as_completed(const std::vector<task<T>>&, Fn) {
  detail::refuse_branch<const std::vector<task<T>>&>();
  return {};
}

}  // namespace rondo
