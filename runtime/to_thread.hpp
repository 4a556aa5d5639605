// to_thread(fn, args…): runs a blocking function on another thread and awaits what it returns.
//
//   std::string text = co_await to_thread(read_file, path);
//
// Cancelled before a thread has begun: it never runs. Afterwards it is waited for, and the task resumes with
// the result; unless the first argument is abandon_on_cancel: then the task stops at once and the function
// runs on alone, so everything it touches must be its own. In the simulation it runs inline.
#pragma once

#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/thread_pool.hpp>
#include <rondo/runtime/wait.hpp>

#include <atomic>
#include <optional>
#include <tuple>

namespace rondo {

struct abandon_on_cancel_t {};
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {

// The function, its arguments and its result; shared by the awaiting task and the thread.
class thread_call : public pool_item, public remote_node {
 public:
  thread_call(const thread_call&) = delete;
  thread_call& operator=(const thread_call&) = delete;
  virtual ~thread_call() = default;

  void execute() noexcept final {
    call();
    if (state_.exchange(state::done, std::memory_order_acq_rel) == state::abandoned)
      release();
    else
      home_->post_node(*this);
  }
  void run() noexcept final {
    job* j = waiter_;
    release();
    j->wake();
  }
  void drop() noexcept final { release(); }
  virtual void call() noexcept = 0;

  void set_home(loop& l, job& j) noexcept {
    home_ = &l;
    waiter_ = &j;
    references_.fetch_add(1, std::memory_order_relaxed);  // the thread's
  }
  // True: the thread will not report any more.
  bool abandon() noexcept {
    return state_.exchange(state::abandoned, std::memory_order_acq_rel) == state::open;
  }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  thread_call() = default;

 private:
  enum class state : std::uint8_t { open, done, abandoned };
  std::atomic<state> state_{state::open};
  std::atomic<int> references_{1};  // the awaiter's
  loop* home_ = nullptr;
  job* waiter_ = nullptr;
};

template <class R, class F, class... Args>
class typed_thread_call final : public thread_call {
 public:
  template <class G, class... B>
  explicit typed_thread_call(G&& fn, B&&... args) : fn_(std::forward<G>(fn)), args_(std::forward<B>(args)...) {}
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
      : wait_base(other), call_(std::exchange(other.call_, nullptr)), may_abandon_(other.may_abandon_) {}
  thread_wait_base& operator=(thread_wait_base&&) = delete;
  bool begin(job& j) noexcept override;
  void cancel(job& j) noexcept override;

 protected:
  thread_wait_base(thread_call* c, bool may_abandon) noexcept : call_(c), may_abandon_(may_abandon) {}
  ~thread_wait_base() {
    if (call_) call_->release();
  }
  thread_call* call_;
  std::exception_ptr refused_;

 private:
  bool may_abandon_;
};

template <class R, class Call>
class thread_wait final : public thread_wait_base {
 public:
  thread_wait(Call* c, bool may_abandon) noexcept : thread_wait_base(c, may_abandon) {}
  R await_resume() { return take_outcome().value(); }
  outcome<R> take_outcome() {
    if (refused_) return outcome<R>(refused_);
    return static_cast<Call*>(call_)->take();
  }
};

template <class F, class... Args>
auto make_thread_wait(bool may_abandon, F&& fn, Args&&... args) {
  using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  static_assert(!std::is_reference_v<R>, "to_thread: the function must return a value, not a reference");
  using call = typed_thread_call<R, std::decay_t<F>, std::decay_t<Args>...>;
  return thread_wait<R, call>(new call(std::forward<F>(fn), std::forward<Args>(args)...), may_abandon);
}

}  // namespace detail

// Throws what fn throws, std::system_error when no thread can be had.
template <class F, class... Args>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
[[nodiscard]] auto to_thread(F&& fn, Args&&... args) {
  return detail::make_thread_wait(false, std::forward<F>(fn), std::forward<Args>(args)...);
}
template <class F, class... Args>
[[nodiscard]] auto to_thread(abandon_on_cancel_t, F&& fn, Args&&... args) {
  return detail::make_thread_wait(true, std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace rondo
