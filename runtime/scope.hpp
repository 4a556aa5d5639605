// Scopes: a task run as a child whose end its parent waits for, whatever happens.
//
//   int n = co_await timeout(5s, fetch(url));             // throws timed_out
//   if (auto n = co_await try_for(5s, fetch(url))) …      // an optional instead
//   co_await finally(body(), [&] { return cleanup(); });  // cleanup runs however the body ended
//
// The child's first step comes from the ready list. A cancellation of the parent is handed to the child
// (except by shield), and the parent goes on only when the child has ended, its cleanup included: a scope
// may end late, never early, and nothing of the child is left. If the child was stopped by the parent's own
// cancellation, the parent stops too; if it had finished by then, the parent resumes with the result.
#pragma once

#include <rondo/runtime/child.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <memory>
#include <optional>

namespace rondo {

class cancel_scope;

namespace detail {

// One child and the parent that waits for it.
class scope_wait : public wait_base, public job_owner {
 public:
  bool begin(job& parent) noexcept override;
  void cancel(job&) noexcept override { child_->cancel(); }
  void describe(wait_visitor& v) const override {
    v.waits_for("a scope");
    v.child(child_->running_job(), "body");
  }
  const job* parent() const noexcept override { return parent_; }

 protected:
  explicit scope_wait(child_frame& c) noexcept : child_(&c) {}
  scope_wait(const scope_wait&) = delete;
  scope_wait& operator=(const scope_wait&) = delete;
  ~scope_wait() = default;

  void on_end(job&) noexcept override;
  // True: the child must not start; the parent goes on at once.
  virtual bool skip() noexcept { return false; }
  virtual void started() noexcept {}
  virtual void child_ended() noexcept {}

  child_frame* child_;
  job* parent_ = nullptr;
};

// Adds a deadline, and the scope that can be cancelled by hand.
class deadline_wait : public scope_wait, private timer {
 public:
  // The deadline ended the child, and nothing else did.
  bool expired() const noexcept { return expired_ && (skipped_ || child_->stopped()); }
  void describe(wait_visitor& v) const override {
    v.waits_for("a timeout");
    v.child(child_->running_job(), "body");
  }
  time_point deadline() const noexcept override { return armed() ? due(this_thread.now) : never; }

 protected:
  deadline_wait(child_frame& c, nanoseconds after) noexcept
      : scope_wait(c), timer(&fired), after_(after) {}
  ~deadline_wait() = default;
  bool skip() noexcept override;
  void started() noexcept override;
  void child_ended() noexcept override;

 private:
  static void fired(timer& t) noexcept;
  nanoseconds after_;
  bool expired_ = false;
  bool skipped_ = false;
};

template <class T>
class timeout_wait final : public deadline_wait {
 public:
  timeout_wait(nanoseconds after, task<T>&& t) noexcept
      : deadline_wait(body_, after), body_(std::move(t)) {}

  // How it ended: cancelled means that the deadline ended it.
  bool await_resume() const noexcept { return !expired(); }
  T take() { return body_.take(); }
  outcome<T> take_outcome() { return body_.take_outcome(); }

 private:
  child<T> body_;
};

template <class T>
class shield_wait final : public scope_wait {
 public:
  explicit shield_wait(task<T>&& t) noexcept : scope_wait(body_), body_(std::move(t)) {}
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    enter_wait(h.promise(), *this);
  }
  bool begin(job& parent) noexcept override {
    parent_ = &parent;
    body_.start(*this);
    parent.wait_on(*this);
    return false;
  }
  void describe(wait_visitor& v) const override {
    v.waits_for("a shield");
    v.child(body_.running_job(), "body");
  }
  void cancel(job&) noexcept override {
  }  // the mark is enough: it is delivered at the parent's next wait
  T await_resume() { return body_.take(); }

 private:
  void on_end(job&) noexcept override { parent_->wake(); }
  child<T> body_;
};

// The body as a child, then the cleanup as a child that is not asked to stop.
template <class T, class Cleanup>
class finally_wait final : public wait_base {
 public:
  finally_wait(task<T>&& t, Cleanup& cleanup)
      : body_(std::move(t)), cleanup_(run_cleanup(cleanup)) {
    body_end_.all = this;
    cleanup_end_.all = this;
  }
  finally_wait(const finally_wait&) = delete;
  finally_wait& operator=(const finally_wait&) = delete;

  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    enter_wait(h.promise(), *this);
  }
  bool begin(job& parent) noexcept override {
    parent_ = &parent;
    parent.wait_on(*this);
    if (parent.must_stop()) {
      body_.discard();
      body_stopped_ = true;
      clean_up();
    } else {
      body_.start(body_end_);
    }
    return false;
  }
  void cancel(job&) noexcept override {
    if (!cleaning_) body_.cancel();
  }
  void describe(wait_visitor& v) const override {
    v.waits_for("a finally");
    v.child(cleaning_ ? cleanup_.running_job() : body_.running_job(),
            cleaning_ ? "cleanup" : "body");
  }

  T await_resume() {
    outcome<void> cleaned = cleanup_.take_outcome();
    if (body_stopped_)
      std::rethrow_exception(cleaned.error());  // nothing else could have resumed us
    outcome<T> result = body_.take_outcome();
    if (cleaned.has_error()) {
      if (!result.has_error()) std::rethrow_exception(cleaned.error());
      this_loop().unhandled(cleaned.error());
    }
    return std::move(result).value();
  }

 private:
  struct body_owner final : job_owner {
    void on_end(job&) noexcept override {
      all->body_.ended();
      all->body_stopped_ = all->body_.stopped();
      all->clean_up();
    }
    const job* parent() const noexcept override { return all->parent_; }
    finally_wait* all = nullptr;
  };
  struct cleanup_owner final : job_owner {
    void on_end(job&) noexcept override { all->cleaned_up(); }
    const job* parent() const noexcept override { return all->parent_; }
    finally_wait* all = nullptr;
  };

  static task<> run_cleanup(Cleanup& make) { co_await make(); }
  void clean_up() noexcept {
    cleaning_ = true;
    cleanup_.start(cleanup_end_);
  }
  void cleaned_up() noexcept {
    if (body_stopped_ && !cleanup_.failed())
      parent_->wake_stopped();
    else
      parent_->wake();
  }

  child<T> body_;
  child<void> cleanup_;  // made beforehand, so that nothing is left to fail when it is needed
  body_owner body_end_;
  cleanup_owner cleanup_end_;
  job* parent_ = nullptr;
  bool body_stopped_ = false;
  bool cleaning_ = false;
};

}  // namespace detail

namespace detail {
template <class T>
task<T> run_timeout(nanoseconds d, task<T> t);
template <class T>
task<std::conditional_t<std::is_void_v<T>, bool, std::optional<stored_t<T>>>> run_try_for(
    nanoseconds d, task<T> t);
template <class T>
task<T> run_shield(task<T> t);
template <class T, class Cleanup>
task<T> run_finally(task<T> t, Cleanup cleanup);
}  // namespace detail

// Runs `t` for at most `d`. Throws timed_out when the deadline ended it; what it ended with counts if it
// ended otherwise. Zero or negative time does not start it. A cancellation from outside in the same turn
// wins over the deadline; of nested timeouts that all ran out, the outermost one throws.
template <class Rep, class Period, class... X>
  requires detail::taskable<X...>
task<detail::task_value_t<X...>> timeout(std::chrono::duration<Rep, Period> d, X&&... t) {
  return detail::run_timeout(detail::saturate(d), detail::to_task(std::forward<X>(t)...));
}

// The same, giving std::optional<T> (of a pointer for a reference, bool for void) instead of throwing
// timed_out. Errors are thrown.
template <class Rep, class Period, class... X>
  requires detail::taskable<X...>
auto try_for(std::chrono::duration<Rep, Period> d, X&&... t) {
  return detail::run_try_for(detail::saturate(d), detail::to_task(std::forward<X>(t)...));
}

// Runs `t` to its end whatever is asked of the caller; a cancellation is delivered at the caller's next
// wait. Not a cancellation point.
template <class... X>
  requires detail::taskable<X...>
task<detail::task_value_t<X...>> shield(X&&... t) {
  return detail::run_shield(detail::to_task(std::forward<X>(t)...)).entered_always();
}

// Runs `t`, then cleanup() (a callable that gives a task<>), however `t` ended; the cleanup is shielded. If
// the caller is cancelled already, `t` does not start and the cleanup runs. If both fail, `t`'s exception
// is thrown and the cleanup's goes to on_unhandled. Not a cancellation point.
template <class X, class Cleanup>
  requires detail::taskable<X> && detail::async_callable<Cleanup>
task<detail::task_value_t<X>> finally(X&& t, Cleanup cleanup) {
  return detail::run_finally(detail::to_task(std::forward<X>(t)), std::move(cleanup))
      .entered_always();
}

// A scope that is cancelled by hand, or at a deadline that may be moved.
//
//   cancel_scope s;
//   outcome<int> r = co_await s.run(work());   // somewhere else: s.cancel()
//
// One run at a time (std::logic_error otherwise). Once cancelled it stays cancelled: later runs do not start.
class cancel_scope {
 public:
  cancel_scope() = default;
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;
  ~cancel_scope();

  // The outcome of the task: cancelled if this scope ended it. A cancellation from outside stops the caller.
  template <class... X>
    requires detail::taskable<X...>
  task<outcome<detail::task_value_t<X...>>> run(X&&... t) {
    return run_task(detail::to_task(std::forward<X>(t)...));
  }
  // Asks what runs to stop. From anywhere on the loop, any number of times.
  void cancel() noexcept;
  // Cancels at `tp`; the latest call counts. On the loop's thread.
  template <class Duration>
  void set_deadline(std::chrono::time_point<std::chrono::steady_clock, Duration> tp) noexcept {
    arm(detail::saturate(tp));
  }
  bool cancelled() const noexcept { return cancelled_; }

 private:
  template <class T>
  class wait;
  struct deadline_timer : detail::timer {
    explicit deadline_timer(cancel_scope& s) noexcept : timer(&fired), scope(&s) {}
    static void fired(detail::timer& t) noexcept {
      static_cast<deadline_timer&>(t).scope->cancel();
    }
    cancel_scope* scope;
  };

  template <class T>
  task<outcome<T>> run_task(task<T> t);
  void arm(detail::time_point tp) noexcept;

  detail::child_frame* running_ = nullptr;
  deadline_timer timer_{*this};
  bool cancelled_ = false;
};

// --- implementation ---------------------------------------------------------------------------------

namespace detail {

template <class T>
task<T> run_timeout(nanoseconds d, task<T> t) {
  timeout_wait<T> scope(d, std::move(t));
  if (!co_await scope) throw timed_out();
  co_return scope.take();
}

template <class T>
task<std::conditional_t<std::is_void_v<T>, bool, std::optional<stored_t<T>>>> run_try_for(
    nanoseconds d, task<T> t) {
  timeout_wait<T> scope(d, std::move(t));
  const bool in_time = co_await scope;
  if constexpr (std::is_void_v<T>) {
    if (in_time) scope.take();
    co_return in_time;
  } else {
    if (!in_time) co_return std::nullopt;
    if constexpr (std::is_reference_v<T>)
      co_return std::addressof(scope.take());
    else
      co_return scope.take();
  }
}

template <class T>
task<T> run_shield(task<T> t) {
  co_return co_await shield_wait<T>(std::move(t));
}

template <class T, class Cleanup>
task<T> run_finally(task<T> t, Cleanup cleanup) {
  co_return co_await finally_wait<T, Cleanup>(std::move(t), cleanup);
}

}  // namespace detail

template <class T>
class cancel_scope::wait final : public detail::scope_wait {
 public:
  wait(cancel_scope& s, task<T>&& t) noexcept : scope_wait(body_), scope_(s), body_(std::move(t)) {}
  outcome<T> await_resume() {
    if (busy_)
      throw std::logic_error("cancel_scope::run: something is running in this scope already");
    return body_.take_outcome();
  }

 private:
  bool skip() noexcept override {
    busy_ = scope_.running_ != nullptr;
    const bool skipped = busy_ || scope_.cancelled_;
    if (skipped) body_.discard();
    return skipped;
  }
  void started() noexcept override { scope_.running_ = &body_; }
  void child_ended() noexcept override { scope_.running_ = nullptr; }

  cancel_scope& scope_;
  detail::child<T> body_;
  bool busy_ = false;
};

template <class T>
task<outcome<T>> cancel_scope::run_task(task<T> t) {
  co_return co_await wait<T>(*this, std::move(t));
}

}  // namespace rondo
