// to_thread(fn, args…): runs a blocking function on another thread and awaits what it returns.
//
//   std::string text = co_await to_thread(read_file, path);
//
// Cancelled before a thread has begun: it never runs. Afterwards it is waited for, and the task
// resumes with the result; unless the first argument is abandon_on_cancel: then the task stops at
// once and the function runs on alone, so everything it touches must be its own. In the simulation
// it runs inline.
//
// A loop has at most 40 calls in threads (run_options::max_threads); the next wait in line, first
// come, first served, and a cancelled one leaves the line. An abandoned call keeps its place until
// its function returns. run() waits for every call that was not abandoned, because what it touches
// may belong to the tasks; one that holds up the end is reported after
// run_options::thread_patience. For an abandoned one it does not wait at all.
//
// After a fork() the child may make runs of its own, with threads of its own. A run that was under
// way does not go on there: a child made inside one calls exec or _exit.
#pragma once

#include <rondo/runtime/core/thread_pool.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <tuple>

namespace rondo {

// The type of abandon_on_cancel.
struct abandon_on_cancel_t {};
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {

// The function, its arguments and its result; shared by the awaiting task and the thread.
class thread_call : public pool_item, public remote_node {
 public:
  thread_call(const thread_call&) = delete;
  thread_call& operator=(const thread_call&) = delete;
  virtual ~thread_call() = default;

  // On a thread of the pool. The loop it belongs to may have ended if it was abandoned.
  void execute() noexcept final {
    call();
    const std::shared_ptr<mailbox> home = std::move(home_);
    if (!home->post(*this)) release();
  }
  // Back on the loop.
  void run() noexcept final;
  void drop() noexcept final { release(); }
  virtual void call() noexcept = 0;

  // On the loop: to a thread, or into the line.
  void begin(job& j) noexcept;
  // On the loop, once. True: the awaiting job will not be woken. False: it will.
  bool cancel(bool may_abandon) noexcept;
  const std::exception_ptr& refused() const noexcept { return refused_; }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  thread_call() = default;

 private:
  // Gives a place to whoever has waited for it longest.
  static void pass_on(thread_slots& slots) noexcept;
  // To a thread, with a place taken. False: none can be had.
  bool hand_over() noexcept;

  std::atomic<int> references_{1};  // the awaiter's; while it is in line or in a thread, one more
  std::shared_ptr<mailbox> home_;
  job* waiter_ = nullptr;  // nullptr: abandoned
  bool in_line_ = false;
  std::exception_ptr refused_;
};

template <class R, class F, class... Args>
class typed_thread_call final : public thread_call {
 public:
  template <class G, class... B>
  explicit typed_thread_call(G&& fn, B&&... args)
      : fn_(std::forward<G>(fn)), args_(std::forward<B>(args)...) {}
  void call() noexcept override {
    try {
      if constexpr (std::is_void_v<R>) {
        std::apply(std::move(fn_), std::move(args_));
        result_.emplace(std::in_place);
      } else {
        result_.emplace(std::in_place, std::apply(std::move(fn_), std::move(args_)));
      }
    } catch (...) {
      result_.emplace(std::current_exception());
    }
  }
  outcome<R> take() { return std::move(*result_); }

 private:
  F fn_;
  std::tuple<Args...> args_;
  std::optional<outcome<R>> result_;
};

class thread_wait_base : public wait_base {
 public:
  thread_wait_base(thread_wait_base&& other) noexcept
      : wait_base(other),
        call_(std::exchange(other.call_, nullptr)),
        may_abandon_(other.may_abandon_) {}
  thread_wait_base& operator=(thread_wait_base&&) = delete;
  bool begin(job& j) noexcept override;
  void cancel(job& j) noexcept override;
  void describe(wait_visitor& v) const override { v.waits_for("a thread"); }

 protected:
  thread_wait_base(thread_call* c, bool may_abandon) noexcept
      : call_(c), may_abandon_(may_abandon) {}
  ~thread_wait_base() {
    if (call_) call_->release();
  }
  thread_call* call_;

 private:
  bool may_abandon_;
};

template <class R, class Call>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] thread_wait final
    : public thread_wait_base {
 public:
  thread_wait(Call* c, bool may_abandon) noexcept : thread_wait_base(c, may_abandon) {}
  R await_resume() { return take_outcome().value(); }
  outcome<R> take_outcome() {
    if (call_->refused()) return outcome<R>(call_->refused());
    return static_cast<Call*>(call_)->take();
  }
};

template <class F, class... Args>
auto make_thread_wait(bool may_abandon, F&& fn, Args&&... args) {
  using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  static_assert(!std::is_reference_v<R>,
                "to_thread: the function must return a value, not a reference");
  using call = typed_thread_call<R, std::decay_t<F>, std::decay_t<Args>...>;
  return thread_wait<R, call>(new call(std::forward<F>(fn), std::forward<Args>(args)...),
                              may_abandon);
}

}  // namespace detail

// Throws what fn throws, std::system_error when no thread can be had.
template <class F, class... Args>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
auto to_thread(F&& fn, Args&&... args) {
  return detail::make_thread_wait(false, std::forward<F>(fn), std::forward<Args>(args)...);
}
template <class F, class... Args>
auto to_thread(abandon_on_cancel_t, F&& fn, Args&&... args) {
  return detail::make_thread_wait(true, std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace rondo
