// task_group: children that run side by side and have all ended when the group is left.
//
//   co_await with_task_group([&](task_group& g) -> task<> {
//     g.spawn(serve(a));
//     auto h = g.spawn(compute, 42);
//     int n = co_await h;
//   });
//
// The first child (or the body) that throws cancels the others; with_task_group waits for all of
// them and rethrows that exception with its own type; later ones go to on_unhandled. A child
// cancelled through its handle is not a failure. A real error wins over a cancellation from
// outside, which stays pending.
//
// What the children share is made by the group, and lives until the last of them has ended:
//
//   auto& q = g.make<queue<int>>(10);
//   g.spawn([&q]() -> task<> { co_await q.put(1); });
#pragma once

#include <rondo/runtime/core/child.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <optional>
#include <stdexcept>

namespace rondo {

class task_group;
template <class T>
class join_handle;

namespace detail {

class group_wait;
struct from_callable;
struct join_access;
struct group_access;

// A child's job, frame and result. It lives as long as the child or a handle needs it.
class child_record : public pooled, public list_node, public job_owner, public child_frame {
 public:
  virtual ~child_record() = default;

  void start(group_wait& group) noexcept;
  // A handle asks, not the group: its end is nobody's failure.
  void cancel_alone() noexcept {
    if (!must_stop()) alone_ = true;  // else the group was first
    cancel();
  }
  bool done() const noexcept { return group_ == nullptr; }
  bool cancelled_alone() const noexcept { return alone_; }

  void keep() noexcept { ++references_; }
  void drop() noexcept {
    if (--references_ == 0) delete this;
  }

  const job* parent() const noexcept override;
  const std::source_location& spawned_at() const noexcept { return spawned_at_; }
  const std::source_location* spawned_where() const noexcept override {
    return spawned_at_.line() != 0 ? &spawned_at_ : nullptr;
  }
  void set_spawned_at(const std::source_location& where) noexcept { spawned_at_ = where; }
  const task_namer* namer() const noexcept override { return namer_; }
  // Whoever names it takes himself back before he goes: nullptr.
  void set_namer(const task_namer* n) noexcept { namer_ = n; }

  // One task at a time may wait for the end.
  bool has_joiner() const noexcept { return joiner_ != nullptr; }
  void set_joiner(job* j) noexcept { joiner_ = j; }

 protected:
  using child_frame::child_frame;
  // Moves the result out of the frame; the exception, if it was one.
  virtual std::exception_ptr take_result() noexcept = 0;

 private:
  void on_end(job& j) noexcept final;

  group_wait* group_ = nullptr;
  job* joiner_ = nullptr;
  const task_namer* namer_ = nullptr;
  std::source_location spawned_at_;
  std::uint32_t references_ = 1;
  bool alone_ = false;
};

template <class T>
class typed_record final : public child_record {
 public:
  explicit typed_record(task<T>&& t) noexcept : child_record(t.release()) {}
  // Already cancelled: the task is destroyed unrun.
  typed_record() noexcept : child_record(nullptr) {}

  outcome<T> take() {
    if (taken_) throw std::logic_error("join_handle: a task can be joined only once");
    taken_ = true;
    return std::move(result_);
  }
  bool was_cancelled() const noexcept { return result_.is_cancelled(); }

 private:
  std::exception_ptr take_result() noexcept override {
    move_outcome(result_);
    return result_.has_error() ? result_.error() : nullptr;
  }

  outcome<T> result_;
  bool taken_ = false;
};

template <class T>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] join_wait final
    : public wait_base {
 public:
  // `for_value`: the joiner wants a value, and a cancelled child has none.
  explicit join_wait(typed_record<T>& r, bool for_value = false) noexcept
      : record_(&r), for_value_(for_value) {
    r.keep();
  }
  join_wait(join_wait&& other) noexcept
      : wait_base(other),
        record_(std::exchange(other.record_, nullptr)),
        for_value_(other.for_value_) {}
  join_wait& operator=(join_wait&&) = delete;
  ~join_wait() {
    if (record_) record_->drop();
  }

  bool begin(job& j) noexcept override {
    refused_ = record_->has_joiner();
    // Cancelled together with the child (as by their group), the joiner stops: cancelled_error
    // would make an error of a cancellation.
    const bool stop = for_value_ && record_->was_cancelled();
    if (refused_ || (record_->done() && !(stop && j.must_stop()))) return true;
    if (j.stops_here()) return false;
    record_->set_joiner(&j);
    j.wait_on(*this);
    return false;
  }
  void cancel(job& j) noexcept override {
    record_->set_joiner(nullptr);
    j.wake_stopped();
  }
  void describe(wait_visitor& v) const override { v.waits_for("a task's end"); }
  outcome<T> await_resume() {
    if (refused_) throw std::logic_error("join_handle: another task waits for this one already");
    return record_->take();
  }

 private:
  typed_record<T>* record_;
  bool for_value_;
  bool refused_ = false;
};

// co_await h: the value itself.
template <class T>
class [[nodiscard("without co_await nothing happens")]] join_value_wait : public awaitable_tag {
 public:
  explicit join_value_wait(typed_record<T>& r) noexcept : join_(r, true) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    return join_.await_suspend(h);
  }
  T await_resume() { return join_.await_resume().value(); }
  outcome<T> take_outcome() { return join_.await_resume(); }

 private:
  join_wait<T> join_;
};

// What a group owns for its children.
class group_object : public pooled {
 public:
  group_object() = default;
  group_object(const group_object&) = delete;
  group_object& operator=(const group_object&) = delete;
  virtual ~group_object() = default;

 private:
  friend class group_wait;
  group_object* older_ = nullptr;
};
template <class T>
class typed_group_object final : public group_object {
 public:
  template <class... Args>
  explicit typed_group_object(Args&&... args) : value(std::forward<Args>(args)...) {}
  T value;
};

// How long a stopped body waits for its children before that is reported.
inline constexpr std::chrono::seconds patience_of_body{5};

// The state of one group, in the frame of who called with_task_group. The body and the children are
// jobs of their own. A body that is stopped while children run is parked; it is unwound when the
// last has ended. Then what the group owns is destroyed, the latest first, and the caller is woken.
class [[nodiscard("without co_await nothing happens")]] group_wait final : public wait_base,
                                                                           public job_owner,
                                                                           private timer {
 public:
  group_wait() noexcept : timer(&body_waits_long) {}
  group_wait(const group_wait&) = delete;
  group_wait& operator=(const group_wait&) = delete;

  void set_body(task<> body) noexcept { body_.emplace(std::move(body)); }

  bool begin(job& parent) noexcept override;
  void cancel(job&) noexcept override;
  void describe(wait_visitor& v) const override;
  const job* parent() const noexcept override { return parent_; }
  bool keeps(const job& body) noexcept override;
  void await_resume();

  void add(child_record& r);
  void own(group_object& o) noexcept;
  void cancel_all() noexcept;
  bool cancelling() const noexcept { return cancelling_; }
  // A child that was spawned too late: what it would have done is missing, as if it had been
  // stopped.
  void not_run() noexcept { stopped_from_outside_ |= cancelled_from_outside_; }
  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return running_; }
  void child_ended(child_record& r, bool stopped, std::exception_ptr error) noexcept;

 private:
  void on_end(job&) noexcept override;  // of the body
  void failed(std::exception_ptr error) noexcept;
  void ended() noexcept;
  void destroy_objects() noexcept;
  static void body_waits_long(timer& t) noexcept;

  std::optional<child<void>> body_;
  intrusive_list<child_record> children_;
  group_object* newest_ = nullptr;
  std::size_t running_ = 0;
  job* parent_ = nullptr;
  std::exception_ptr first_error_;
  bool body_running_ = false;
  bool cancelling_ = false;
  bool closed_ = false;
  bool cancelled_from_outside_ = false;
  bool stopped_from_outside_ = false;
};

}  // namespace detail

// What became of a spawned task. Movable, may be dropped, may outlive the child and the group.
template <class T>
class join_handle : public detail::awaitable_tag {
 public:
  using value_type = T;
  explicit join_handle(detail::typed_record<T>& r) noexcept : record_(&r) { r.keep(); }
  join_handle(join_handle&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  join_handle& operator=(join_handle&& other) noexcept {
    if (this != &other) {
      if (record_) record_->drop();
      record_ = std::exchange(other.record_, nullptr);
    }
    return *this;
  }
  ~join_handle() {
    if (record_) record_->drop();
  }

  // Asks the child to stop; at once, and any number of times.
  void cancel() noexcept { record().cancel_alone(); }
  // True when the child has ended.
  bool done() const noexcept { return record().done(); }
  // Waits for the end: the outcome. Joining twice throws std::logic_error. Cancelling the join
  // leaves the child running.
  detail::join_wait<T> join() noexcept { return detail::join_wait<T>(record()); }
  // The same, giving the value; throws what the child threw, cancelled_error if it was cancelled.
  // To catch that does not handle it: a child that throws has cancelled its group already, the
  // joiner included. What may fail is awaited where it is called (gather with return_exceptions, or
  // a try in the child).
  detail::join_value_wait<T> operator co_await() noexcept {
    return detail::join_value_wait<T>(record());
  }

 private:
  friend struct detail::join_access;
  detail::typed_record<T>& record() const noexcept {
    if (!record_) detail::fatal("a join_handle was used after it was moved from");
    return *record_;
  }
  detail::typed_record<T>* record_;
};

namespace detail {

struct join_access {
  template <class T>
  static child_record& record(const join_handle<T>& h) noexcept {
    return h.record();
  }
};

}  // namespace detail

class task_group {
 public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  // Starts a child: its first step comes from the ready list. Takes a task, another awaitable, or a
  // callable with arguments, which are kept until the child has ended. While the group is being
  // cancelled the task is destroyed unrun (a `finally` runs its cleanup) and the handle says
  // cancelled; when it is cancelled from outside, its caller stops. Throws group_closed when the
  // group has ended, std::bad_alloc.
  template <class X>
    requires detail::taskable<X>
  join_handle<detail::task_value_t<X>> spawn(
      X&& x, std::source_location where = std::source_location::current()) {
    return spawn_at(where, std::forward<X>(x));
  }
  template <class Fn, class Arg, class... Args>
    requires detail::async_callable<Fn, Arg, Args...>
  join_handle<detail::called_t<Fn, Arg, Args...>> spawn(Fn&& fn, Arg&& arg, Args&&... args) {
    return spawn_at(std::source_location(), std::forward<Fn>(fn), std::forward<Arg>(arg),
                    std::forward<Args>(args)...);
  }
  template <class... X>
    requires(!detail::taskable<X...>)
  detail::refused spawn(X&&...) {
    detail::refuse_task<X...>();
    return {};
  }

  // Spawns fn(ready, args…) and completes when the child has called ready(value): with that value,
  // a T. `ready` is a started<T>: see <rondo/runtime/start.hpp>. T is that of fn's first parameter;
  // a generic callable wants it said: g.start<int>(…). Throws what the child threw before it was
  // ready, std::logic_error if it ended without a word, cancelled_error if it was cancelled (as by
  // its group), group_closed, std::bad_alloc. Cancellation: the child is cancelled, and has ended
  // before the caller stops.
  template <class T = detail::from_callable, class Fn, class... Args>
  auto start(Fn fn, Args... args);

  // Makes a T(args…) that lives as long as the group: what its children share. Such objects are
  // destroyed after the last child has ended and the body's frames are gone, the latest first,
  // before with_task_group returns; is_unwinding() is true meanwhile if the group was cancelled or
  // failed. Throws what T's constructor throws, group_closed, std::bad_alloc.
  template <class T, class... Args>
  T& make(Args&&... args);

  // Cancels the children and the body; with_task_group then returns normally.
  void cancel() noexcept { state_.cancel_all(); }
  // Children running.
  std::size_t size() const noexcept { return state_.size(); }

 private:
  template <class Body>
  friend task<> with_task_group(Body body);
  friend struct detail::group_access;
  task_group() noexcept = default;
  template <class... X>
    requires detail::taskable<X...>
  join_handle<detail::task_value_t<X...>> spawn_at(std::source_location where, X&&... x);
  detail::group_wait state_;
};

namespace detail {

// For a child whose record holds more than a result.
struct group_access {
  // The record, which has one reference, is the group's from here on. Where the group is being
  // cancelled it goes at once, and the task in it does not run: false. Throws group_closed, and
  // then it is the caller's.
  static bool spawn(task_group& g, child_record& r);
};

// Even a body that is a plain function, and spawns before it returns its task, runs when the group
// has begun.
template <class Body>
task<> run_group_body(Body& body, task_group& group) {
  co_await body(group);
}

}  // namespace detail

// Runs body(group) and waits for everything spawned in it. `body` is kept until then. Throws what
// the body or a child threw first; what fails later goes to on_unhandled. Cancellation: the body's
// wait and the children are cancelled, and have ended before the caller stops.
//
// A body that is stopped (by a cancellation, or because a child failed) keeps its frames until the
// last child has ended, so that the children may use its locals until then. So its destructors free
// nothing for a child that cleans up: what such a child needs (a guard, a permit, a close) is given
// back by a finally, or held in a scope inside the body. A body that returns or throws by itself
// takes its locals with it: what children share is made by the group (make) or stands outside. A
// body that has waited for its children for 5 s is reported to on_unhandled, once, with the tasks
// it waits for.
template <class Body>
task<> with_task_group(Body body) {
  static_assert(std::is_invocable_r_v<task<>, Body&, task_group&>,
                "with_task_group wants a callable (task_group&) -> task<>");
  task_group group;
  group.state_.set_body(detail::run_group_body(body, group));
  co_await group.state_;
}

// --- implementation ------------------------------------------------------------------------------

template <class... X>
  requires detail::taskable<X...>
join_handle<detail::task_value_t<X...>> task_group::spawn_at(std::source_location where, X&&... x) {
  using T = detail::task_value_t<X...>;
  if (is_unwinding())
    detail::fatal("a destructor spawned a task while its own task was being cancelled");
  if (state_.closed()) throw group_closed();
  detail::typed_record<T>* record = nullptr;
  auto t = detail::to_task(std::forward<X>(x)...);
  if (state_.cancelling() && !t.cleans_up()) {
    const detail::destroys_cancelled frame;
    detail::frame_owner(t.release()).reset();
    record = new detail::typed_record<T>();
    state_.not_run();
  } else {
    record = new detail::typed_record<T>(std::move(t));
    record->set_spawned_at(where);
    record->keep();  // the group's
    state_.add(*record);
  }
  join_handle<T> handle(*record);
  record->drop();  // the handle has its own
  return handle;
}

template <class T, class... Args>
T& task_group::make(Args&&... args) {
  static_assert(std::is_nothrow_destructible_v<T>,
                "what a task_group makes is destroyed by the loop: its destructor must not throw");
  if (state_.closed()) throw group_closed();
  auto* object = new detail::typed_group_object<T>(std::forward<Args>(args)...);
  state_.own(*object);
  return object->value;
}

}  // namespace rondo
