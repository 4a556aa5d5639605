// Scopes: a task run as a child whose end its parent waits for, whatever happens.
//
//   int n = co_await timeout(5s, fetch(url));             // throws timed_out
//   if (auto n = co_await try_for(5s, fetch(url))) …      // an optional instead
//   co_await finally(body(), [&] { return cleanup(); });  // cleanup runs however the body ended
//
// The child's first step comes from the ready list. A cancellation of the parent is handed to the
// child (except by shield), and the parent goes on only when the child has ended, its cleanup
// included: a scope may end late, never early, and nothing of the child is left. If the child was
// stopped by the parent's own cancellation, the parent stops too; if it had finished by then, the
// parent resumes with the result. A parent that is cancelled before its turn comes, after its own
// deadline has stopped the child, stops too.
#pragma once

#include <rondo/runtime/core/child.hpp>
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
  bool must_begin() const noexcept override { return child_->cleans_up(); }
  void describe(wait_visitor& v) const override {
    v.waits_for("a scope");
    v.child(*child_, "body");
  }
  const job* parent() const noexcept override { return parent_; }

 protected:
  explicit scope_wait(child_frame& c) noexcept : child_(&c) {}
  scope_wait(const scope_wait&) = delete;
  scope_wait& operator=(const scope_wait&) = delete;
  ~scope_wait() = default;

  // What begin() does first. True: it is called again, for the parent's turn after the child has
  // been stopped.
  bool over() const noexcept { return parent_ != nullptr; }
  // What begin() does when cancellation is due.
  void stop(job& parent) noexcept {
    if (child_->cleans_up())
      start_to_clean_up(parent);
    else
      parent.wake_stopped();
  }
  void start_to_clean_up(job& parent) noexcept {
    start(parent);
    child_->cancel();
  }
  // What begin() does when nothing speaks against it.
  void start(job& parent) noexcept {
    parent_ = &parent;
    parent.wait_on(*this);
    child_->start(*this);
  }
  void on_end(job&) noexcept override;

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
    v.child(*child_, "body");
  }
  // One that has passed is still the deadline of what it ends.
  time_point deadline() const noexcept override {
    if (armed()) return due(this_thread.now);
    return expired_ ? this_thread.now : never;
  }
  bool begin(job& parent) noexcept override;

 protected:
  deadline_wait(child_frame& c, nanoseconds after) noexcept
      : scope_wait(c), timer(&fired), after_(after) {}
  ~deadline_wait() = default;

 private:
  void on_end(job& child) noexcept override;
  static void fired(timer& t) noexcept;
  nanoseconds after_;
  bool expired_ = false;
  bool skipped_ = false;
};

// What a timeout's await_resume gives is for those derived from it to say.
template <class T>
class timed_child : public deadline_wait {
 protected:
  timed_child(nanoseconds after, task<T>&& t) noexcept
      : deadline_wait(body_, after), body_(std::move(t)) {}
  ~timed_child() = default;
  child<T> body_;
};

// For the library: co_await says whether it ended in time.
template <class T>
class [[nodiscard("without co_await nothing happens")]] timeout_wait final : public timed_child<T> {
 public:
  timeout_wait(nanoseconds after, task<T>&& t) noexcept : timed_child<T>(after, std::move(t)) {}
  bool await_resume() const noexcept { return !this->expired(); }
  outcome<T> take_outcome() { return this->body_.take_outcome(); }
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] timeout_or_throw final
    : public timed_child<T> {
 public:
  timeout_or_throw(nanoseconds after, task<T>&& t) noexcept : timed_child<T>(after, std::move(t)) {}
  T await_resume() {
    if (this->expired()) throw timed_out();
    return this->body_.take();
  }
  outcome<T> take_outcome() {
    if (this->expired()) return outcome<T>(std::make_exception_ptr(timed_out()));
    return this->body_.take_outcome();
  }
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] timeout_or_none final
    : public timed_child<T> {
 public:
  using result = std::conditional_t<std::is_void_v<T>, bool, std::optional<stored_t<T>>>;
  timeout_or_none(nanoseconds after, task<T>&& t) noexcept : timed_child<T>(after, std::move(t)) {}
  result await_resume() {
    if (this->expired()) return result();
    if constexpr (std::is_void_v<T>) {
      this->body_.take();
      return true;
    } else if constexpr (std::is_reference_v<T>) {
      return std::addressof(this->body_.take());
    } else {
      return this->body_.take();
    }
  }
};

// What timeout and try_for give: a task and its limit, awaited in place, without a frame of its
// own; a task where one is wanted.
template <class T, class Wait>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] limited_task
    : public awaitable_tag {
  using value = decltype(std::declval<Wait&>().await_resume());

 public:
  limited_task(nanoseconds limit, task<T>&& t) noexcept : limit_(limit), task_(std::move(t)) {}
  Wait operator co_await() && noexcept { return Wait(limit_, std::move(task_)); }
  operator task<value>() && {  // NOLINT(google-explicit-constructor): see above
    return await_kept(std::move(*this));
  }

 private:
  nanoseconds limit_;
  task<T> task_;
};

template <class T>
class [[nodiscard("without co_await nothing happens")]] shield_wait final : public scope_wait {
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
    v.child(body_, "body");
  }
  void cancel(job&) noexcept override {
  }  // the mark is enough: it is delivered when the child has ended
  T await_resume() { return body_.take(); }

 private:
  void on_end(job&) noexcept override {
    if (parent_->must_stop() && !body_.failed())
      parent_->wake_stopped();
    else
      parent_->wake();
  }
  child<T> body_;
};

// The body as a child, then the cleanup as a child that is not asked to stop.
template <class T, class Cleanup>
class [[nodiscard("without co_await nothing happens")]] finally_wait final : public wait_base {
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
      if (body_.starts_to_clean_up(body_end_)) return false;
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
    v.child(cleaning_ ? static_cast<const job&>(cleanup_) : body_, cleaning_ ? "cleanup" : "body");
  }

  T await_resume() {
    outcome<void> cleaned = cleanup_.take_outcome();
    if (body_stopped_)
      std::rethrow_exception(cleaned.error());  // nothing else could have resumed us
    outcome<T> result = body_.take_outcome();
    if (cleaned.has_error()) {
      if (!result.has_error()) std::rethrow_exception(cleaned.error());
      report_unhandled(cleaned.error());
    }
    return std::move(result).value();
  }

 private:
  struct body_owner final : job_owner {
    void on_end(job&) noexcept override {
      all->body_.let_go();
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
task<T> run_shield(task<T> t);
template <class T, class Cleanup>
task<T> run_finally(task<T> t, Cleanup cleanup);
}  // namespace detail

// Runs `t` for at most `d`: a T. Throws timed_out when the deadline ended it; what it ended with
// counts if it ended otherwise. Zero or negative time does not start it. A cancellation from
// outside in the same turn wins over the deadline; of nested timeouts that all ran out, the
// outermost one throws.
template <class Rep, class Period, class... X>
  requires detail::taskable<X...>
auto timeout(std::chrono::duration<Rep, Period> d, X&&... t) {
  using value = detail::task_value_t<X...>;
  return detail::limited_task<value, detail::timeout_or_throw<value>>(
      detail::saturate(d), detail::to_task(std::forward<X>(t)...));
}
template <class Rep, class Period, class... X>
  requires(!detail::taskable<X...>)
detail::refused timeout(std::chrono::duration<Rep, Period>, X&&...) {
  detail::refuse_task<X...>();
  return {};
}

// The same, giving std::optional<T> (of a pointer for a reference, bool for void) instead of
// throwing timed_out. Errors are thrown.
template <class Rep, class Period, class... X>
  requires detail::taskable<X...>
auto try_for(std::chrono::duration<Rep, Period> d, X&&... t) {
  using value = detail::task_value_t<X...>;
  return detail::limited_task<value, detail::timeout_or_none<value>>(
      detail::saturate(d), detail::to_task(std::forward<X>(t)...));
}
template <class Rep, class Period, class... X>
  requires(!detail::taskable<X...>)
detail::refused try_for(std::chrono::duration<Rep, Period>, X&&...) {
  detail::refuse_task<X...>();
  return {};
}

// Runs `t` to its end whatever is asked of the caller. Not a cancellation point before it starts; a
// cancellation that has come by the time `t` ends is delivered there and then: the caller stops,
// and the value is destroyed. Throws what `t` threw: an exception wins over the cancellation, which
// stays pending.
template <class... X>
  requires detail::taskable<X...>
task<detail::task_value_t<X...>> shield(X&&... t) {
  return detail::run_shield(detail::to_task(std::forward<X>(t)...)).entered_always();
}
template <class... X>
  requires(!detail::taskable<X...>)
detail::refused shield(X&&...) {
  detail::refuse_task<X...>();
  return {};
}

// Runs `t`, then cleanup() (a callable that gives a task<>), however `t` ended; the cleanup is
// shielded. If the caller is cancelled already, `t` does not start and the cleanup runs; so it does
// when the finally was given to a scope, a group, gather and the like, and cancelled before its
// first step, or given to a group that is being cancelled. (A task that has a finally inside and is
// not started runs nothing.) If both fail, `t`'s exception is thrown and the cleanup's goes to
// on_unhandled. Not a cancellation point.
template <class X, class Cleanup>
  requires detail::taskable<X> && detail::async_callable<Cleanup>
task<detail::task_value_t<X>> finally(X&& t, Cleanup cleanup) {
  return detail::run_finally(detail::to_task(std::forward<X>(t)), std::move(cleanup))
      .entered_to_clean_up();
}
template <class X, class Cleanup>
  requires(!detail::taskable<X> || !detail::async_callable<Cleanup>)
detail::refused finally(X&&, Cleanup) {
  detail::refuse_unless_taskable<X>();
  static_assert(detail::async_callable<Cleanup>,
                "finally's cleanup is a callable without parameters that gives a task<>");
  return {};
}

// A scope that is cancelled by hand, or at a deadline that may be moved.
//
//   cancel_scope s;
//   outcome<int> r = co_await s.run(work());   // somewhere else: s.cancel()
//
// One run at a time (std::logic_error otherwise). Once cancelled it stays cancelled: later runs do
// not start.
class cancel_scope {
 public:
  cancel_scope() = default;
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;
  ~cancel_scope();

  // The outcome of the task: cancelled if this scope ended it. A cancellation from outside stops
  // the caller.
  template <class... X>
    requires detail::taskable<X...>
  task<outcome<detail::task_value_t<X...>>> run(X&&... t) {
    return run_task(detail::to_task(std::forward<X>(t)...));
  }
  template <class... X>
    requires(!detail::taskable<X...>)
  detail::refused run(X&&...) {
    detail::refuse_task<X...>();
    return {};
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

// --- implementation ------------------------------------------------------------------------------

namespace detail {

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
class [[nodiscard("without co_await nothing happens")]] cancel_scope::wait final
    : public detail::scope_wait {
 public:
  wait(cancel_scope& s, task<T>&& t) noexcept : scope_wait(body_), scope_(s), body_(std::move(t)) {}
  bool begin(detail::job& parent) noexcept override {
    if (over()) return true;
    busy_ = scope_.running_ != nullptr;
    if (parent.must_stop()) {
      stop(parent);
      return false;
    }
    if (busy_ || scope_.cancelled_) {
      if (body_.cleans_up()) {
        start_to_clean_up(parent);
        return false;
      }
      body_.discard();
      return true;
    }
    scope_.running_ = &body_;
    start(parent);
    return false;
  }
  outcome<T> await_resume() {
    if (busy_)
      throw std::logic_error("cancel_scope::run: something is running in this scope already");
    return body_.take_outcome();
  }

 private:
  void on_end(detail::job& child) noexcept override {
    if (scope_.running_ == &body_) scope_.running_ = nullptr;
    scope_wait::on_end(child);
  }

  cancel_scope& scope_;
  detail::child<T> body_;
  bool busy_ = false;
};

template <class T>
task<outcome<T>> cancel_scope::run_task(task<T> t) {
  co_return co_await wait<T>(*this, std::move(t));
}

}  // namespace rondo
