// Jobs that belong together, and a parent that ends after them.
//
//   co_await with_group(l, [&](group& g) -> task<> {
//     g.spawn(fetch("/a"));
//     g.spawn(fetch("/b"));
//     co_return;
//   });   // both have ended
#pragma once

#include "pause.hpp"

#include <exception>
#include <memory>
#include <vector>

namespace tour {

// begin group
class group final : public stoppable {
 public:
  explicit group(loop& l) : of_(l) {}
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  // Runs `t` beside the others. If it throws, the others are told to stop.
  void spawn(task<> t) {
    jobs_.push_back(std::make_unique<job>(of_, child(place(*this), std::move(t))));
    if (cancelled_) jobs_.back()->cancel();
  }
  // Tells all to stop, and those that are still to come.
  void cancel() {
    cancelled_ = true;
    for (const auto& j : jobs_) j->cancel();
  }

  // Awaited: until all have ended. Throws what was thrown first. It begins even in a job that is to
  // stop, since the children are there already, and lets go at once.
  void await_suspend(std::coroutine_handle<> leaf) {
    waits_ = current_job;
    waits_->wait_on(leaf, *this);
    if (waits_->must_stop()) let_go();
  }
  void await_resume() const {
    if (error_) std::rethrow_exception(error_);
  }
  void let_go() override {
    stopping_ = true;
    cancel();
  }

 private:
  void begin() override {}

  // A child's place. It is a parameter, so that it stands in the frame from the beginning, and goes
  // with it whichever way that goes; also if the child never begins.
  struct place {
    group* of;
    explicit place(group& g) : of(&g) { ++g.running_; }
    place(place&& other) noexcept : of(std::exchange(other.of, nullptr)) {}
    ~place() {
      if (of == nullptr || --of->running_ > 0) return;
      of->stopping_ ? of->waits_->wake_stopped() : of->waits_->wake();
    }
  };
  static task<> child(place here, task<> t) {
    group& g = *here.of;
    try {
      co_await std::move(t);
    } catch (...) {
      if (!g.error_) g.error_ = std::current_exception();
      g.cancel();
    }
  }

  loop& of_;
  std::vector<std::unique_ptr<job>> jobs_;
  std::exception_ptr error_;
  int running_ = 0;
  bool cancelled_ = false;
  bool stopping_ = false;  // whoever waits for us is to stop
};

// Runs body(group), and comes back when all that was spawned in the group has ended.
template <class Body>
task<> with_group(loop& l, Body body) {
  group g(l);
  g.spawn(body(g));
  co_await g;
}
// end group

// begin timeout
struct timed_out {};

// Runs `t` for so long at most. Throws timed_out if it was not enough.
inline task<> timeout(timed_loop& l, int ms, task<> t) {
  bool done = false;
  const auto alarm = [](timed_loop& l, int ms, group& g) -> task<> {
    co_await pause(l, ms);
    g.cancel();
  };
  co_await with_group(l, [&](group& g) -> task<> {
    g.spawn(alarm(l, ms, g));
    co_await task<>(std::move(t));  // which goes when it is stopped, and not later
    done = true;
    g.cancel();  // nobody needs the alarm any more
  });
  if (!done) throw timed_out();
}
// end timeout

}  // namespace tour
