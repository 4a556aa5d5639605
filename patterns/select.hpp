// select: takes one item from exactly one of several queues.
//
//   // ends when both are closed and drained
//   while (auto item = co_await select(commands, ticks)) {
//     if (auto* c = std::get_if<0>(&*item)) obey(*c); else tick(std::get<1>(*item));
//   }
//
// It stands in the line of every queue at once and leaves all the others in the moment in which one
// of them hands it an item: nothing is taken twice, nothing is lost, and it passes nobody.
// race(q1.get(), q2.get()) cannot promise that: both may have been served when the loser is
// dropped.
#pragma once

#include <rondo/runtime/channel.hpp>
#include <rondo/runtime/queue.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <variant>

namespace rondo {
namespace detail {

template <class T, class Store>
basic_queue<T, Store>& line_of(basic_queue<T, Store>& q) noexcept {
  return q;
}
template <class T>
basic_queue<T, ring<T>>& line_of(const channel_receiver<T>& r) {
  return r.line();
}

template <class... Q>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] select_wait final
    : public wait_base,
      private getter_choice {
  template <class Queue>
  struct place {
    Queue* queue;
    queue_getter<typename Queue::value_type> getter{};
  };
  using result = std::optional<std::variant<typename Q::value_type...>>;
  static constexpr std::size_t none = sizeof...(Q);

 public:
  explicit select_wait(Q&... queues) noexcept : places_(place<Q>{&queues}...) {}

  bool begin(job& j) noexcept override {
    if (serve<0>()) return true;
    if (j.stops_here()) return false;
    job_ = &j;
    for_each([this](auto& p) {
      if (p.queue->closed()) return;
      p.getter.among = this;
      p.queue->line_up(p.getter);
    });
    j.wait_on(*this);
    return false;
  }
  void cancel(job& j) noexcept override {
    leave_lines();
    j.wake_stopped();
  }
  void describe(wait_visitor& v) const override { v.waits_for("an item of one of several queues"); }
  result await_resume() {
    if (chosen_ == none) return std::nullopt;
    return take<0>();
  }

 private:
  void served(list_node& getter) noexcept override {
    leave_lines();
    std::size_t i = 0;
    for_each([&](auto& p) {
      if (&p.getter == &getter) chosen_ = i;
      ++i;
    });
    job_->wake();
  }
  void ended(list_node&) noexcept override {
    if (--open_ == 0) job_->wake();
  }

  // The first that has something to give, an error included. True: the wait is over.
  template <std::size_t I>
  bool serve() noexcept {
    if constexpr (I == none) {
      return open_ == 0;
    } else {
      auto& p = std::get<I>(places_);
      if (!p.queue->serve(p.getter)) {
        ++open_;
      } else if (p.getter.item || p.getter.error) {
        chosen_ = I;
        return true;
      }
      return serve<I + 1>();
    }
  }
  template <std::size_t I>
  result take() {
    if constexpr (I + 1 < none) {
      if (I != chosen_) return take<I + 1>();
    }
    auto& getter = std::get<I>(places_).getter;
    if (getter.error) std::rethrow_exception(getter.error);
    return result(std::in_place, std::in_place_index<I>, std::move(*getter.item));
  }
  void leave_lines() noexcept {
    for_each([](auto& p) {
      if (p.getter.linked()) p.getter.unlink();
    });
  }
  template <class Fn>
  void for_each(Fn fn) {
    std::apply([&](auto&... p) { (fn(p), ...); }, places_);
  }

  std::tuple<place<Q>...> places_;
  job* job_ = nullptr;
  std::size_t open_ = 0;  // queues that may still give something
  std::size_t chosen_ = none;
};

template <class... Q>
select_wait<Q...> make_select(Q&... lines) noexcept {
  return select_wait<Q...>(lines...);
}

}  // namespace detail

// Completes with an item of one of `queues` (a queue, priority_queue, lifo_queue or
// channel_receiver, each): std::optional<std::variant<T…>> with one alternative for each, index()
// says which. When several have items the first of them is served, so what must not starve comes
// first. A closed and drained queue takes no part; when all are, nullopt. Throws the error that one
// was closed with, when its turn comes. Cancellation: leaves the lines, nothing was taken; an item
// that was handed over in the same turn is the result.
template <class... Queue>
  requires(sizeof...(Queue) > 0)
auto select(Queue&... queues) {
  return detail::make_select(detail::line_of(queues)...);
}

}  // namespace rondo
