// hedge: makes a second call when the first is slow, and takes whichever succeeds first.
//
//   hedge slow(hedge::options().delay(50ms));
//   hedge tail(hedge::options().quantile(0.95).budget(budget));
//   outcome<reply> o = co_await tail.run([&] { return read_replica(key); });
//
// A call that is slower than most is likely to be stuck behind something that another call would
// not meet. With a delay at the 95th percentile, one call in twenty is made twice, and the slowest
// calls take about as long as the usual ones. For calls that may be made twice without harm.
// Source: Dean and Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013.
//
// The next call begins when the delay has passed since the last began, and at once when one fails
// (unless it is for slow calls alone: options::only_when_slow).
// The first end that is no failure (verdict.hpp) is the result; the other calls are cancelled,
// which their circuit breakers count as neutral, and have ended when the caller goes on. When all
// have failed, the result is the first one's error. A later call that another policy refuses counts
// for nothing.
//
// One object serves the calls to one callee, on one loop's thread, and must outlive them.
#pragma once

#include <rondo/patterns/parts/branches.hpp>
#include <rondo/patterns/parts/latency_window.hpp>
#include <rondo/patterns/policy.hpp>
#include <rondo/patterns/retry_budget.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace rondo {

namespace detail {

// One of the calls, without its type.
struct hedge_attempt {
  branch_base* call = nullptr;  // none: it failed before there was a task
  hedge_attempt* next = nullptr;
  bool ended = false;
  bool seen = false;  // by the parent
};

// The calls and the parent that waits for them, again and again: until one has ended or the delay
// is over, and at the end until none runs. It is awaited only while one runs.
class [[nodiscard("without co_await nothing happens")]] hedge_wait final : public wait_base,
                                                                           private job_owner,
                                                                           private timer {
 public:
  hedge_wait() noexcept : timer(&fired) {}
  hedge_wait(const hedge_wait&) = delete;
  hedge_wait& operator=(const hedge_wait&) = delete;

  // Not a cancellation point of its own: the parent must not go while a call runs.
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    enter_wait(h.promise(), *this);
  }
  bool begin(job& parent) noexcept override;
  void cancel(job&) noexcept override;
  void describe(wait_visitor& v) const override;
  const job* parent() const noexcept override { return parent_; }
  void await_resume() const noexcept {}

  void add(hedge_attempt& a) noexcept;
  void set_delay(nanoseconds d) noexcept;
  bool delay_is_over() const noexcept { return due_; }
  bool any_running() const noexcept { return running_ > 0; }
  // One that has ended and was not given before; nullptr when there is none.
  hedge_attempt* next_ended() noexcept;
  // The result is known: what still runs is cancelled, and a cancellation of the parent changes
  // nothing more.
  void decide() noexcept;

 private:
  void on_end(job& j) noexcept override;
  void cancel_running() noexcept;
  void wake() noexcept;
  static void fired(timer& t) noexcept;

  job* parent_ = &current_job();
  hedge_attempt* first_ = nullptr;
  std::size_t running_ = 0;
  bool waiting_ = false;
  bool due_ = false;
  bool decided_ = false;
  bool outside_ = false;  // the parent's cancellation has been handed on
  bool stopped_ = false;  // … and has stopped a call
};

}  // namespace detail

class hedge {
 public:
  class options;
  static constexpr auto kind = detail::policy_kind::hedge;

  // Counts since it was made.
  struct counts {
    std::uint64_t calls = 0;
    std::uint64_t hedged = 0;  // calls made beyond the first ones
    std::uint64_t won = 0;     // of those, how many gave the result
  };

  // With the default options.
  hedge();
  hedge(options o);  // NOLINT(google-explicit-constructor)
  hedge(const hedge&) = delete;
  hedge& operator=(const hedge&) = delete;
  ~hedge() = default;

  // fn(args…), perhaps several times side by side: the first outcome that is no failure, or the
  // first call's. `fn` and its arguments are kept until all have ended. Cancellation: all calls are
  // cancelled and have ended before the caller stops. Throws nothing but what the classifier
  // throws, and std::bad_alloc.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(F fn, Args... args) {
    return run_calls<detail::call_value_t<F, Args...>>(*this, std::move(fn), std::move(args)...);
  }
  // The same, giving the value or throwing the call's own exception.
  template <class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(F fn, Args... args) {
    return value_of(run(std::move(fn), std::move(args)...));
  }

  // After how long the next call would be made now; none while there is neither a delay nor enough
  // known.
  std::optional<std::chrono::nanoseconds> current_delay() const noexcept;
  const counts& totals() const noexcept { return counts_; }

 private:
  using nanoseconds = std::chrono::nanoseconds;
  template <class T, class F, class... Args>
  static task<outcome<T>> run_calls(hedge& self, F fn, Args... args);
  template <class T>
  static task<T> value_of(task<outcome<T>> t) {
    co_return (co_await std::move(t)).value();
  }
  template <class T, class F, class... Args>
  struct attempt;

  // What an end is to the call as a whole.
  enum class part : std::uint8_t { decides, failed, refused };
  part part_of(const detail::call_result& r, bool first) const;
  bool allows_another(std::uint32_t made) noexcept;
  void observe(nanoseconds latency) noexcept;

  std::uint32_t max_calls_;
  double quantile_;
  nanoseconds delay_;
  bool after_failures_;
  detail::classifier classifier_;
  std::shared_ptr<detail::attempt_budget> budget_;
  std::unique_ptr<detail::latency_window> latencies_;
  counts counts_;
};

// Every setter returns the object itself.
class hedge::options {
 public:
  // The next call begins so long after the last. With a quantile, this is the delay until 20 calls
  // have been seen; without either, only a failure makes the next call begin. Throws
  // std::invalid_argument when it is negative.
  template <class Rep, class Period>
  options& delay(std::chrono::duration<Rep, Period> d) & {
    delay_ = checked(detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  options&& delay(std::chrono::duration<Rep, Period> d) && {
    return std::move(delay(d));
  }
  // … after as long as a share `q` of the latest 128 calls took: exact, over those that succeeded
  // and those that a hedge has overtaken. Throws std::invalid_argument unless 0 < q < 1.
  options& quantile(double q) &;
  options&& quantile(double q) && { return std::move(quantile(q)); }
  // How many calls at most, the first included (2). Throws std::invalid_argument for less than 2
  // and more than 16.
  options& max_calls(detail::amount32 n) &;
  options&& max_calls(detail::amount32 n) && { return std::move(max_calls(n)); }
  // Further calls only while the budget allows them (retry_budget.hpp): a share bounds how many
  // there are, tokens only stop them while calls fail. Throws std::invalid_argument for nullptr.
  options& budget(std::shared_ptr<retry_budget> b) & { return share(std::move(b)); }
  options&& budget(std::shared_ptr<retry_budget> b) && { return std::move(share(std::move(b))); }
  options& budget(std::shared_ptr<shared_retry_budget> b) & { return share(std::move(b)); }
  options&& budget(std::shared_ptr<shared_retry_budget> b) && {
    return std::move(share(std::move(b)));
  }
  // A failure makes no further call begin: when no other call runs, it is the result. For a hedge
  // inside a retry, which knows better what to do about failures.
  options& only_when_slow() & noexcept {
    after_failures_ = false;
    return *this;
  }
  options&& only_when_slow() && noexcept { return std::move(only_when_slow()); }
  // What counts as a failure: a classifier (verdict.hpp).
  template <class F>
  options& classify(F fn) & {
    classifier_ = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  options&& classify(F fn) && {
    return std::move(classify(std::move(fn)));
  }

 private:
  friend class hedge;
  using nanoseconds = std::chrono::nanoseconds;
  static nanoseconds checked(nanoseconds d);
  options& share(std::shared_ptr<detail::attempt_budget> b);

  std::uint32_t max_calls_ = 2;
  double quantile_ = 0;  // none
  nanoseconds delay_ = nanoseconds::max();
  bool after_failures_ = true;
  detail::classifier classifier_;
  std::shared_ptr<detail::attempt_budget> budget_;
};

// --- implementation ------------------------------------------------------------------------------

template <class T, class F, class... Args>
struct hedge::attempt : detail::hedge_attempt {
  using kept = typename decltype(detail::to_task(
      std::declval<std::invoke_result_t<F&, Args&...>>()))::value_type;

  // Makes the call; it starts when it is added.
  attempt(F& fn, Args&... args) {
    try {
      branch.emplace(detail::to_task(fn(args...)));
      call = &*branch;
    } catch (...) {  // the function itself threw, before there was a task
      thrown = std::current_exception();
      ended = true;
    }
  }
  // Once it has ended.
  outcome<T> take() {
    return branch ? detail::flatten(std::move(branch->result())) : outcome<T>(thrown);
  }

  std::optional<detail::branch<kept>> branch;
  std::exception_ptr thrown;
};

template <class T, class F, class... Args>
task<outcome<T>> hedge::run_calls(hedge& self, F fn, Args... args) {
  using one_call = attempt<T, F, Args...>;
  const auto begun = this_loop().now();
  ++self.counts_.calls;
  if (self.budget_) self.budget_->began(begun);

  // Destroyed in this order reversed: the wait lets go of the calls first.
  std::vector<std::unique_ptr<one_call>> more;
  one_call first(fn, args...);
  detail::hedge_wait calls;
  calls.add(first);
  const nanoseconds delay = self.current_delay().value_or(nanoseconds::max());
  calls.set_delay(delay);

  std::uint32_t made = 1;
  std::optional<outcome<T>> result;
  std::optional<outcome<T>> first_failure;
  std::exception_ptr error;  // not a call's: the caller must wait for them before it can be thrown
  while (!result) {
    if (calls.any_running()) co_await calls;
    try {
      bool wanted = calls.delay_is_over();
      while (auto* ended = static_cast<one_call*>(calls.next_ended())) {
        outcome<T> o = ended->take();
        switch (self.part_of(detail::call_result(o), ended == &first)) {
          case part::decides:
            if (ended != &first) ++self.counts_.won;
            if (o.has_value() || ended != &first) self.observe(this_loop().now() - begun);
            result = std::move(o);
            break;
          case part::failed: wanted = wanted || self.after_failures_; [[fallthrough]];
          case part::refused:
            if (ended == &first) first_failure = std::move(o);
            break;
        }
        if (result) break;
      }
      if (result) break;
      const bool may_follow = self.after_failures_ || calls.any_running();
      if (wanted && may_follow && self.allows_another(made)) {
        ++made;
        more.push_back(std::make_unique<one_call>(fn, args...));
        calls.add(*more.back());
        calls.set_delay(made < self.max_calls_ ? delay : nanoseconds::max());
      } else if (!calls.any_running()) {
        result = std::move(first_failure);
        break;
      }
    } catch (...) {
      error = std::current_exception();
      break;
    }
  }
  calls.decide();
  if (calls.any_running()) co_await calls;
  if (error) std::rethrow_exception(error);
  co_return std::move(*result);
}

}  // namespace rondo
