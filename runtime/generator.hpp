// generator<T>: a coroutine that gives values one after another and may await in between.
//
//   generator<int> count(int n) {
//     for (int i = 0; i < n; ++i) { co_await sleep_for(1s); co_yield i; }
//   }
//   auto g = count(3);
//   while (auto i = co_await g.next()) use(*i);
//
// It runs as part of the task that calls next(): what it awaits is that task's wait, and cancelling
// the task there takes the generator apart with it. Dropping it between two values destroys it at
// once: its destructors run, and it is not resumed. So it cannot hold what must be awaited at its
// end (a task group, a finally) across a co_yield.
//
// co_yield of a temporary or a std::move moves it to the caller, of a variable copies it. A
// generator<T&> gives pointers to what it yields, good until the next next().
#pragma once

#include <rondo/runtime/task.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace rondo {

template <class T>
class generator;

namespace detail {

template <class T>
struct generator_promise : promise_base {
  static_assert(!std::is_rvalue_reference_v<T>,
                "a generator cannot yield rvalue references: let it yield values");
  using yielded = std::remove_reference_t<T>;

  generator<T> get_return_object() noexcept;
  std::suspend_always initial_suspend() const noexcept { return {}; }

  // To the task in next(): at a value, and at the end.
  struct back_to_caller {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(
        std::coroutine_handle<generator_promise> h) const noexcept {
      promise_base& p = h.promise();
      p.holder = nullptr;
      return frame_of(*std::exchange(p.parent, nullptr));
    }
    void await_resume() const noexcept {}
  };
  back_to_caller final_suspend() noexcept {
    ended = true;
    return {};
  }
  // What is yielded stays where it is, in the generator's frame, until next() has copied or moved
  // it.
  back_to_caller yield_value(yielded& v) noexcept
    requires std::is_reference_v<T>
  {
    value = std::addressof(v);
    return {};
  }
  back_to_caller yield_value(const yielded& v) noexcept
    requires(!std::is_reference_v<T> && std::is_copy_constructible_v<T>)
  {
    value = const_cast<yielded*>(std::addressof(v));  // next() only reads it
    may_move = false;
    return {};
  }
  back_to_caller yield_value(yielded&& v) noexcept
    requires(!std::is_reference_v<T>)
  {
    value = std::addressof(v);
    may_move = true;
    return {};
  }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept {
    // Nobody is in next(), or its task is being cancelled: a local's destructor threw while the
    // frame was being destroyed.
    if (!parent || this_thread.unwinding) [[unlikely]]
      exception_while_unwinding();
    error = std::current_exception();
  }

  template <class A>
  A&& await_transform(A&& a,
                      std::source_location where = std::source_location::current()) noexcept {
    awaiting = where;
    static_assert(awaitable<A>, "a rondo::generator can await only Rondo's awaitables");
    return static_cast<A&&>(a);
  }

  yielded* value = nullptr;
  std::exception_ptr error;
  bool may_move = false;
  bool ended = false;
};

// What next() gives, in an optional.
template <class T>
using generated_t = std::remove_cv_t<stored_t<T>>;

// Goes on with the generator, on behalf of the task that awaits this.
template <class T>
class [[nodiscard("without co_await nothing happens")]] generator_wait : public awaitable_tag {
 public:
  explicit generator_wait(frame_owner& frame) noexcept : frame_(&frame) {}

  bool await_ready() const noexcept { return !*frame_; }
  template <class Parent>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Parent> parent) noexcept {
    generator_promise<T>& p = promise();
    if (p.parent) fatal("generator::next was called while another next was under way");
    p.parent = &parent.promise();
    p.holder = frame_;
    if (this_thread.budget == 0) [[unlikely]] {  // or there is no job at all
      job& j = current_job();
      if (spend_watched_budget()) return frame_->get();
      j.set_leaf(p);
      if (!j.stops_here()) j.yield();
      return std::noop_coroutine();
    }
    --this_thread.budget;
    return frame_->get();
  }
  std::optional<generated_t<T>> await_resume() {
    if (!*frame_) return std::nullopt;
    generator_promise<T>& p = promise();
    if (p.ended) {
      const frame_owner last = std::move(*frame_);
      if (p.error) std::rethrow_exception(p.error);
      return std::nullopt;
    }
    if constexpr (std::is_reference_v<T>) {
      return p.value;
    } else {
      if constexpr (std::is_copy_constructible_v<T>)
        if (!p.may_move)
          return std::optional<generated_t<T>>(std::in_place, std::as_const(*p.value));
      return std::optional<generated_t<T>>(std::in_place, std::move(*p.value));
    }
  }

 private:
  generator_promise<T>& promise() const noexcept {
    return std::coroutine_handle<generator_promise<T>>::from_address(frame_->get().address())
        .promise();
  }
  frame_owner* frame_;
};

}  // namespace detail

template <class T>
class [[nodiscard]] generator {
 public:
  using promise_type = detail::generator_promise<T>;

  // Destroying or moving a generator while its next() is under way ends the program.
  generator(generator&& other) noexcept : frame_(std::move(other.at_rest())) {}
  generator& operator=(generator&& other) noexcept {
    at_rest() = std::move(other.at_rest());
    return *this;
  }
  ~generator() { at_rest(); }

  // The next value, nullopt at the end; throws what the generator threw, and then is at its end.
  // Cancelled: the generator is destroyed with the wait it was in, and is at its end. The generator
  // must stay where it is meanwhile, and one next() at a time may be under way.
  task<std::optional<detail::generated_t<T>>> next() {
    co_return co_await detail::generator_wait<T>(frame_);
  }

 private:
  friend promise_type;
  explicit generator(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  detail::frame_owner& at_rest() noexcept {
    if (frame_ &&
        std::coroutine_handle<promise_type>::from_address(frame_.get().address()).promise().parent)
      detail::fatal("a generator was destroyed or moved while its next() was under way");
    return frame_;
  }
  detail::frame_owner frame_;
};

namespace detail {

template <class T>
generator<T> generator_promise<T>::get_return_object() noexcept {
  static_assert(alignof(generator_promise) <= 16);
  return generator<T>(std::coroutine_handle<generator_promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace rondo
