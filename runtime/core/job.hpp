// A job is one running chain of awaiting tasks: the main task, a child of a group, the body of a
// timeout.
//
// The loop schedules jobs, never single coroutines. A job knows its leaf (the innermost coroutine,
// where it will be resumed), the one thing it waits on, and its owner, who is told once when it
// ends.
//
//   state      entered by                    what cancel() does
//   ---------  ----------------------------  ---------------------------------------------------
//   idle       construction                  nothing: its owner has not started it, and may drop it
//   ready      start (first step to come)    turns the step into `stop`: it never runs
//              wake (its wait is over)       marks it; it resumes with its result first
//              retry, yield (nothing won)    turns the step into `stop`
//              wake_stopped                  nothing: it is being stopped
//   running    the loop, for one step        marks it; its next wait stops it
//   waiting    wait_on                       marks it and asks what it waits on to let go
//   parked     the loop, at a `stop` step    nothing: it is stopped, and its owner keeps its frames
//   unwinding  the loop, at a `stop` step    nothing
//   ended      its root returned or threw,   nothing
//              or its frames are gone
//
// Cancelling, waking and ending only enqueue: none of them runs user code, allocates, or re-enters.
// Waking is the point of commitment: a job that was woken resumes with its result even if it is
// cancelled before it gets its turn. A job woken stopped is never resumed: the loop destroys its
// frames, innermost first.
//
// Two kinds are special. The body of a task group is parked, once stopped, until the group's
// children have ended: they may use what its frames hold (start_kept). And a `finally` that is a
// job is not revoked before its first step: it begins for its cleanup alone (enters_to_clean_up).
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/fifo.hpp>
#include <rondo/runtime/core/frame_pool.hpp>

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

namespace rondo {
class loop;
}

namespace rondo::detail {

class job;
class loop_core;
class task_namer;

// How many awaits in a row may complete without suspending before the job must let others run.
inline constexpr std::uint32_t await_budget = 64;

// Owns a coroutine frame. An awaiter holds the frame of the task it awaits; unwinding empties it
// first.
class frame_owner {
 public:
  frame_owner() = default;
  explicit frame_owner(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  frame_owner(frame_owner&& other) noexcept : frame_(other.release()) {}
  frame_owner& operator=(frame_owner&& other) noexcept {
    if (this != &other) {
      reset();
      frame_ = other.release();
    }
    return *this;
  }
  ~frame_owner() { reset(); }

  explicit operator bool() const noexcept { return static_cast<bool>(frame_); }
  std::coroutine_handle<> get() const noexcept { return frame_; }
  std::coroutine_handle<> release() noexcept {
    const std::coroutine_handle<> frame = frame_;
    frame_ = nullptr;
    return frame;
  }
  void reset() noexcept {
    if (frame_) destroy(release());
  }

 private:
  // Destroys a frame and what it owns. Tasks that hold unstarted tasks that hold unstarted tasks …
  // are taken apart by a list past a fixed depth, not by recursion.
  static void destroy(std::coroutine_handle<> frame) noexcept;
  std::coroutine_handle<> frame_;
};

// The first base of every task's promise.
struct promise_base {
  // Who awaits this task; nullptr for the root of a job. See also enters_always.
  promise_base* parent = nullptr;
  frame_owner* holder = nullptr;  // the awaiter that owns this frame, inside the parent's frame
  std::source_location awaiting;  // its latest co_await

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    release_frame(frame, size);
  }
};

// The parent of a task, until it is awaited, whose await is not a cancellation point (shield): it
// is entered even if cancellation is due.
extern constinit promise_base enters_always;
// The same of a task that, as a job, also begins when it was cancelled before its first step
// (finally).
extern constinit promise_base enters_to_clean_up;

// A promise stands at a fixed offset in its frame, because it is not over-aligned (task.hpp).
inline std::coroutine_handle<> frame_of(promise_base& p) noexcept {
  return std::coroutine_handle<promise_base>::from_promise(p);
}
inline promise_base& promise_of(std::coroutine_handle<> frame) noexcept {
  return std::coroutine_handle<promise_base>::from_address(frame.address()).promise();
}
// Whether a task that has not begun will begin whatever happens.
inline bool cleans_up(const frame_owner& f) noexcept {
  return f && promise_of(f.get()).parent == &enters_to_clean_up;
}

// Asks a waitable what it is, for the task tree (inspect.hpp).
class wait_visitor {
 public:
  // "sleep", "recv", "a queue's item", …; `fd` where there is one.
  virtual void waits_for(const char* what, int fd = -1) = 0;
  virtual void child(const job& j, const char* role,
                     const std::source_location* spawned_at = nullptr) = 0;
  // What it waits for has a size: a queue its items, a semaphore its permits.
  virtual void size(std::size_t /*now*/, std::size_t /*most*/) {}
  // What it waits for is held by a task, or by nobody's: nullptr. It may have ended since.
  virtual void held_by(const job* /*owner*/) {}

 protected:
  ~wait_visitor() = default;
};

// What a wait shares with others, and on which side of it the wait stands: who takes an item waits
// for those who give, and the other way round.
struct wait_end {
  const void* of = nullptr;  // the queue, the lock, …; nullptr: it shares nothing
  bool gives = false;
};

// Something a job can wait on.
class waitable {
 public:
  // Starts the wait for the running job. True: it is over already, the job goes on. False: the job
  // is waiting (it called wait_on), or has been stopped (it called wake_stopped).
  virtual bool begin(job& j) noexcept = 0;
  // Asked once, while `j` waits here. Must lead to exactly one of j.wake() (it happened) and
  // j.wake_stopped() (it did not), now or later.
  virtual void cancel(job& j) noexcept = 0;
  // True: begin() is called even if cancellation is due, for a child that begins to clean up.
  virtual bool must_begin() const noexcept { return false; }
  // After j.wake_stopped_to_finish(), before `j` is unwound. Must lead to j.wake_stopped().
  virtual void finish(job& j) noexcept;
  // Names itself, and the jobs that it waits for.
  virtual void describe(wait_visitor& v) const;
  // For those who watch every await (await_watcher). Also before the wait begins.
  virtual wait_end end() const noexcept { return {}; }

 protected:
  waitable() = default;
  waitable(const waitable&) = default;
  waitable& operator=(const waitable&) = default;
  ~waitable() = default;
};

// Told once, by the loop itself and not from within the job, that a job has ended.
class job_owner {
 public:
  virtual void on_end(job& j) noexcept = 0;
  // Asked when a job that was started with start_kept() is to be unwound. True: its frames stay
  // until the owner calls unpark().
  virtual bool keeps(const job& /*j*/) noexcept { return false; }

  // What surrounds the job, for those who look outwards from it (inspect.hpp, task_local.hpp).
  virtual const job* parent() const noexcept { return nullptr; }
  virtual time_point deadline() const noexcept { return never; }
  virtual const void* local(const void* /*key*/) const noexcept { return nullptr; }
  // Where it was spawned, if that is known; nullptr otherwise.
  virtual const std::source_location* spawned_where() const noexcept { return nullptr; }
  // Who names it when it is asked for its name; nullptr: nobody.
  virtual const task_namer* namer() const noexcept { return nullptr; }

 protected:
  ~job_owner() = default;
};

class job {
 public:
  enum class state : std::uint8_t { idle, ready, running, waiting, parked, unwinding, ended };
  enum class step : std::uint8_t {
    start,   // resume the leaf; nothing has happened yet, so a cancellation may still revoke it
    resume,  // resume the leaf; what it waited for has happened
    begin,   // call begin() of what it waits on, again; revocable
    stop     // destroy the frames
  };

  job() = default;
  job(const job&) = delete;
  job& operator=(const job&) = delete;

  // Puts a new job on the ready list. `owner` hears of its end.
  void start(promise_base& root, job_owner& owner) noexcept;
  // The same, of a job whose frames its owner may keep when it has been stopped.
  void start_kept(promise_base& root, job_owner& owner) noexcept {
    kept_ = true;
    start(root, owner);
  }
  // Of a parked job: its owner keeps its frames no longer.
  void unpark() noexcept {
    assert(state_ == state::parked);
    make_ready(step::stop);
  }
  // Asks the job to stop; see the table above.
  void cancel() noexcept;

  // For those who look at jobs.
  const promise_base* leaf() const noexcept { return leaf_; }
  const waitable* waiting_on() const noexcept { return state_ == state::waiting ? on_ : nullptr; }
  // It has been stopped: its frames are being destroyed, or will be when its turn comes.
  bool stopping() const noexcept {
    return state_ == state::unwinding || (state_ == state::ready && step_ == step::stop);
  }
  const job_owner* owner() const noexcept { return owner_; }
  state current_state() const noexcept { return state_; }
  time_point waiting_since() const noexcept { return since_; }

  // For waitables, on the loop's thread.
  void wait_on(waitable& w) noexcept {
    on_ = &w;
    state_ = state::waiting;
    since_ = this_thread_now();
  }
  void wake() noexcept {
    assert(state_ != state::ready && "a job is woken once");
    make_ready(step::resume);
  }
  void wake_stopped() noexcept {
    assert(state_ != state::ready && "a job is woken once");
    make_ready(step::stop);
  }
  // Of a job that may be kept: `w` has let go, and has something to do when the frames are to go.
  void wake_stopped_to_finish(waitable& w) noexcept {
    on_ = &w;
    finishes_ = true;
    make_ready(step::stop);
  }
  void yield() noexcept { make_ready(step::start); }  // the leaf again, in its turn
  void retry(waitable& w) noexcept {
    on_ = &w;
    make_ready(step::begin);
  }

  // True when the job's next wait must not start: cancellation has been asked.
  bool must_stop() const noexcept { return cancel_requested_; }
  // A cancellation point, for begin(): true when the wait must not start, and then the job has been
  // woken stopped.
  bool stops_here() noexcept {
    if (!cancel_requested_) return false;
    wake_stopped();
    return true;
  }
  bool ended() const noexcept { return state_ == state::ended; }
  // Its owner is asked before its frames go.
  bool may_be_kept() const noexcept { return kept_; }
  // How it ended: true if its frames were destroyed before it could return.
  bool stopped() const noexcept { return stopped_; }

  void set_leaf(promise_base& leaf) noexcept { leaf_ = &leaf; }
  // Its root has returned or thrown; the loop tells the owner after this step.
  void finish() noexcept { state_ = state::ended; }

 private:
  friend class rondo::loop;
  friend class loop_core;
  friend class cancellations;

  inline void make_ready(step s) noexcept;
  bool rests_before_unwinding() noexcept;
  void unwind() noexcept;
  static time_point this_thread_now() noexcept;

  job* next_ = nullptr;         // in the ready list
  job* next_cancel_ = nullptr;  // in the list of cancellations to deliver
  promise_base* leaf_ = nullptr;
  waitable* on_ = nullptr;
  job_owner* owner_ = nullptr;
  time_point since_{};  // by the loop's last look at the clock
  state state_ = state::idle;
  step step_ = step::start;
  bool cancel_requested_ = false;
  bool stopped_ = false;
  bool named_ = false;     // the loop knows a name for it, or somebody observes its steps
  bool kept_ = false;      // its owner is asked before it is unwound
  bool finishes_ = false;  // what it waited on is asked before it is unwound

 public:
  using ready_list = fifo<job, &job::next_>;
  using cancel_list = fifo<job, &job::next_cancel_>;
};

// Cancellations on their way down nested scopes: delivered from a list, so that depth costs no
// stack.
class cancellations {
 public:
  void deliver(job& j) noexcept;

 private:
  job::cancel_list asked_;
  bool delivering_ = false;
};

// Hears of every await of the running loop's jobs, before it begins. None is there in ordinary use.
class await_watcher {
 public:
  virtual void awaits(const job& j, const waitable& w) noexcept = 0;

 protected:
  ~await_watcher() = default;
};

// What the calling thread is doing. Constant-initialised and initial-exec, so that reaching it
// costs one instruction, in a shared object too.
struct thread_context {
  loop_core* running_loop = nullptr;
  job::ready_list* ready = nullptr;  // of the running loop
  cancellations cancelling;
  // The job whose step this is, to the end of that step: while it runs, while its frames are
  // destroyed, and while its owner hears of its end. Only a job that runs may wait: see
  // current_job() and surrounding_job().
  job* current = nullptr;
  std::uint32_t budget = 0;  // zero whenever no job runs
  // Where every await is watched, `budget` is zero, which leads each of them past the watcher, and
  // what the job really has stands here.
  std::uint32_t watched_budget = 0;
  await_watcher* watcher = nullptr;  // there while watched_budget is not zero
  bool unwinding = false;
  bool debug = false;  // the running loop reports what looks like a mistake
  time_point now{};    // the running loop's last look at the clock
  // Frames that own unstarted frames that own …: how deep their destruction is, and those left for
  // later, linked by `parent`, which a frame that nobody awaits does not use.
  std::uint32_t destroying = 0;
  promise_base* destroyed_later = nullptr;
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local thread_context this_thread;

inline time_point job::this_thread_now() noexcept { return this_thread.now; }
inline void job::make_ready(step s) noexcept {
  step_ = s;
  state_ = state::ready;
  this_thread.ready->push(*this);
}

// Logs the sentence as an error and ends the program: for misuse after which nothing sane can
// follow.
[[noreturn]] void fatal(const char* sentence) noexcept;
[[noreturn]] void await_outside_a_job() noexcept;
[[noreturn]] void exception_while_unwinding() noexcept;
// For debugging: logs it.
void report_never_awaited(std::coroutine_handle<> frame) noexcept;

// As long as it lives, what is destroyed was cancelled: see is_unwinding().
class destroys_cancelled {
 public:
  destroys_cancelled() noexcept : before_(this_thread.unwinding) { this_thread.unwinding = true; }
  destroys_cancelled(const destroys_cancelled&) = delete;
  destroys_cancelled& operator=(const destroys_cancelled&) = delete;
  ~destroys_cancelled() { this_thread.unwinding = before_; }

 private:
  bool before_;
};

// The job that runs. Ends the program when there is none, or when it is being taken apart.
inline job& current_job() noexcept {
  job* j = this_thread.current;
  if (!j || j->current_state() != job::state::running) [[unlikely]]
    await_outside_a_job();
  return *j;
}
// The job whose code this is, destructors of a task that is cancelled or has ended included;
// nullptr when there is none, as in a post, and on a thread without a loop.
inline job* surrounding_job() noexcept { return this_thread.current; }

// How a coroutine comes to rest on what is not a cancellation point and always suspends.
inline void enter_wait(promise_base& leaf, waitable& w) noexcept {
  job& j = current_job();
  j.set_leaf(leaf);
  w.begin(j);
}

// True, and one less is left, where awaits are watched: an await that finds no budget goes on all
// the same.
inline bool spend_watched_budget() noexcept {
  if (this_thread.watched_budget == 0) return false;
  --this_thread.watched_budget;
  return true;
}

// How it comes to rest on everything else when its budget is spent or watched, or no job runs.
bool suspend_without_budget(promise_base& leaf, waitable& w) noexcept;
// How it comes to rest on everything else: true when it is suspended.
inline bool suspend_on(promise_base& leaf, waitable& w) noexcept {
  if (this_thread.budget == 0) [[unlikely]]
    return suspend_without_budget(leaf, w);
  job& j = *this_thread.current;
  j.set_leaf(leaf);
  if (!w.begin(j)) return true;
  --this_thread.budget;
  return false;
}

}  // namespace rondo::detail

namespace rondo {

// True while the frames of a cancelled task are being destroyed: std::uncaught_exceptions() stays 0
// then, so a guard that commits on success must ask this too.
inline bool is_unwinding() noexcept { return detail::this_thread.unwinding; }

}  // namespace rondo
