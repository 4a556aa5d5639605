// pipeline: a source, stages of workers, and a consumer, joined by bounded queues.
//
//   co_await pipeline(read_lines(file))                             // a generator, or a range
//                .stage(4, [](std::string l) { return parse(l); })  // four workers; as they come
//                .ordered_stage(8, [](row r) { return look_up(r); })  // eight; in input order
//                .to([](row r) { return store(r); });
//
// A full queue makes the stage before it wait: nothing piles up. The end travels by closing: no
// sentinel goes through a queue. The first exception, of the source, a worker or the consumer,
// cancels everything, and to() rethrows it when all has ended. Cancelled: all of it is, and has
// ended before the caller stops.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/future.hpp>
#include <rondo/runtime/generator.hpp>
#include <rondo/runtime/queue.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstddef>
#include <stdexcept>
#include <utility>

namespace rondo {
namespace detail {

inline std::size_t checked_workers(amount n) {
  if (n == 0) throw std::invalid_argument("pipeline: a stage needs at least one worker");
  return n;
}

template <class T>
struct generator_feed {
  generator<T> source;
  task<> operator()(queue<T>& out) {
    while (auto item = co_await source.next()) co_await out.put(std::move(*item));
    out.close();
  }
};

template <class Range, class T>
struct range_feed {
  Range source;
  task<> operator()(queue<T>& out) {
    for (auto&& item : source) co_await out.put(T(std::forward<decltype(item)>(item)));
    out.close();
  }
};

// What feeds `out` with what `fn` makes of what `feed` gives.
template <class T, class U, class Feed, class Fn>
struct stage_feed {
  Feed feed;
  Fn fn;
  std::size_t workers;

  task<> operator()(queue<U>& out) {
    queue<T> in(workers);
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(feed(in));
      for (std::size_t i = 0; i < workers; ++i) g.spawn(work(in, out));
      co_return;
    });
    out.close();
  }

 private:
  task<> work(queue<T>& in, queue<U>& out) {
    while (auto item = co_await in.next()) co_await out.put(co_await fn(std::move(*item)));
  }
};

// The same, in the order of the input: a future for each item stands in line before a worker has
// it.
template <class T, class U, class Feed, class Fn>
struct ordered_feed {
  Feed feed;
  Fn fn;
  std::size_t workers;

  task<> operator()(queue<U>& out) {
    queue<T> in(1);
    queue<errand> errands(1);
    queue<future<U>> line(workers);  // so many are under way
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(feed(in));
      g.spawn(hand_out(in, errands, line));
      for (std::size_t i = 0; i < workers; ++i) g.spawn(work(errands));
      while (auto next = co_await line.next()) co_await out.put(co_await std::move(*next));
    });
    out.close();
  }

 private:
  struct errand {
    T item;
    rondo::promise<U> result;
  };
  task<> hand_out(queue<T>& in, queue<errand>& errands, queue<future<U>>& line) {
    while (auto item = co_await in.next()) {
      auto [result, later] = make_promise<U>();
      co_await line.put(std::move(later));
      co_await errands.put(errand{std::move(*item), std::move(result)});
    }
    errands.close();
    line.close();
  }
  task<> work(queue<errand>& errands) {
    while (auto next = co_await errands.next()) {
      try {
        next->result.set_value(co_await fn(std::move(next->item)));
      } catch (...) {
        // The same exception both ways: the group reports it once.
        next->result.set_exception(std::current_exception());
        throw;
      }
    }
  }
};

template <class T, class Feed>
class pipeline_of {
 public:
  explicit pipeline_of(Feed f) : feed_(std::move(f)) {}

  // `fn` is (T) -> task<U>; `workers` of them run at a time, over a queue of as many items. Throws
  // std::invalid_argument for 0.
  template <class Fn>
  auto stage(amount workers, Fn fn) && {
    using U = called_t<Fn&, T>;
    using next = stage_feed<T, U, Feed, Fn>;
    return pipeline_of<U, next>(next{std::move(feed_), std::move(fn), checked_workers(workers)});
  }
  template <class Fn>
  auto ordered_stage(amount workers, Fn fn) && {
    using U = called_t<Fn&, T>;
    using next = ordered_feed<T, U, Feed, Fn>;
    return pipeline_of<U, next>(next{std::move(feed_), std::move(fn), checked_workers(workers)});
  }
  // Runs it: `consumer` is (T) -> task<>, called for one item after the other.
  template <class Consumer>
  task<> to(Consumer consumer) && {
    return run(std::move(feed_), std::move(consumer));
  }

 private:
  template <class Consumer>
  static task<> run(Feed feed, Consumer consumer) {
    queue<T> in(1);
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(feed(in));
      while (auto item = co_await in.next()) co_await consumer(std::move(*item));
    });
  }

  Feed feed_;
};

}  // namespace detail

// Starts a pipeline with what a generator gives, or with the elements of a range, which is kept.
template <class T>
auto pipeline(generator<T> source) {
  return detail::pipeline_of<T, detail::generator_feed<T>>(
      detail::generator_feed<T>{std::move(source)});
}
template <class Range>
  requires requires(Range& r) { *r.begin(); }
auto pipeline(Range source) {
  using T = std::remove_cvref_t<decltype(*source.begin())>;
  using feed = detail::range_feed<Range, T>;
  return detail::pipeline_of<T, feed>(feed{std::move(source)});
}

}  // namespace rondo
