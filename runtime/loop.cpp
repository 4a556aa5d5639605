#include <rondo/runtime/idle.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/loop.hpp>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace rondo {

namespace {

// Jobs run between two looks at the outside: enough to make a look cheap, few enough to keep
// latency flat.
constexpr int jobs_a_turn = 61;

std::uint64_t next_loop_id() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Asked before anything that belongs to the loop that runs is touched.
void refuse_nesting() {
  if (detail::this_thread.running_loop)
    throw std::logic_error("rondo::run called inside a running loop");
}

}  // namespace

namespace detail {

// A task that belongs to the loop itself.
class service_record final : public pooled, public list_node, public job_owner {
 public:
  explicit service_record(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  void start() noexcept { job_.start(promise(), *this); }
  void cancel() noexcept { job_.cancel(); }
  const job& running_job() const noexcept { return job_; }
  void on_end(job& j) noexcept override {
    if (j.stopped())
      frame_.release();
    else if (outcome<void> o = promise().result.take_outcome(); o.has_error())
      this_loop().unhandled(o.error());
    frame_.reset();  // its arguments may look at the job
    unlink();
    delete this;
  }

 private:
  detail::promise<void>& promise() noexcept {
    return std::coroutine_handle<detail::promise<void>>::from_address(frame_.get().address())
        .promise();
  }
  frame_owner frame_;
  job job_;
};

// Few jobs have one: it costs the others nothing.
class job_names {
 public:
  void set(const job& j, std::string name) { names_[&j] = std::move(name); }
  std::string forget(const job& j) noexcept {
    const auto node = names_.extract(&j);
    return node ? std::move(node.mapped()) : std::string();
  }
  const std::string* find(const job& j) const noexcept {
    const auto found = names_.find(&j);
    return found == names_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<const job*, std::string> names_;
};

}  // namespace detail

loop::loop(std::unique_ptr<detail::reactor> (*make)(const detail::reactor_choice&,
                                                    detail::operation_queue&),
           const detail::reactor_choice& choice, std::shared_ptr<detail::unhandled_sink> unhandled)
    : reactor_((refuse_nesting(), make(choice, completed_))),
      mailbox_(std::make_shared<detail::mailbox>(*reactor_)),
      simulated_(choice.kind == reactor_kind::simulated),
      id_(next_loop_id()),
      unhandled_(std::move(unhandled)) {
  detail::this_thread.running_loop = this;
  detail::this_thread.ready = &ready_;
  read_clock();
}

loop::~loop() {
  mailbox_->close();
  reactor_.reset();
  detail::this_thread.running_loop = nullptr;
  detail::this_thread.ready = nullptr;
  detail::this_thread.debug = false;
}

[[gnu::always_inline]] inline bool loop::step(detail::job& j) noexcept {
  using step = detail::job::step;
  ++steps_;
  if (observer_) [[unlikely]]
    observer_->before_step(j);
  detail::this_thread.current = &j;
  if (j.step_ == step::stop) {
    if (!j.may_be_kept() || !j.rests_before_unwinding()) j.unwind();
  } else {
    detail::this_thread.budget = detail::await_budget;
    j.state_ = detail::job::state::running;
    if (j.step_ != step::begin || j.on_->begin(j)) frame_of(*j.leaf_).resume();
    detail::this_thread.budget = 0;
  }
  const bool goes_on = !j.ended();
  if (!goes_on) {
    if (j.named_) [[unlikely]]
      last_name_ = names_->forget(j);
    j.owner_->on_end(j);
  } else if (observer_) [[unlikely]] {
    observer_->after_step(j);
  }
  detail::this_thread.current = nullptr;
  return goes_on;
}

void loop::turn(const bool& ended) noexcept {
  ++turns_;
  const bool was_ended = ended;
  for (int n = jobs_a_turn; n > 0 && !ready_.empty(); --n) {
    detail::job& next = ready_.pop();
    if (!detail::this_thread.debug) [[likely]]
      step(next);
    else
      watched_step(next);
  }
  if (ended && (services_.empty() || !was_ended))
    return;  // run_until asks the services to end: no sleep before
  clock_read_ = false;

  if (!mailbox_->empty()) mailbox_->run_all();

  if (!timers_.empty()) {
    read_clock();
    timers_.stamp(now_);
    timers_.fire_due(now_);
  }

  // What fired may have armed others, which count from the next reading.
  if (!ready_.empty() || timers_.unstamped()) {
    reactor_->wait(detail::time_point::min());
  } else {
    const bool sleep = mailbox_->fall_asleep() && idle_.empty();
    if (!reactor_->wait(sleep ? timers_.next() : detail::time_point::min())) stuck_ = true;
    mailbox_->wake_up();
    read_clock();
  }
  take_completions();
  if (!idle_.empty()) [[unlikely]]
    wake_if_idle();
}

// The reactor has just been asked, without sleeping.
void loop::wake_if_idle() noexcept {
  if (!ready_.empty() || !mailbox_->empty() || timers_.unstamped() || timers_.next() <= now_)
    return;
  while (detail::idle_wait* w = idle_.pop_front()) w->wake();
}

void loop::when_idle(detail::idle_wait& w) noexcept { idle_.push_back(w); }

bool detail::idle_wait::begin(job& j) noexcept {
  if (j.must_stop()) {
    j.wake_stopped();
    return false;
  }
  job_ = &j;
  this_loop().when_idle(*this);
  j.wait_on(*this);
  return false;
}

void loop::read_clock() const noexcept {
  now_ = reactor_->now();
  clock_read_ = true;
  detail::this_thread.now = now_;
}

void loop::watch_steps(detail::nanoseconds limit) noexcept {
  slow_step_ = limit;
  detail::this_thread.debug = true;
}

void loop::watched_step(detail::job& j) noexcept {
  // Taken before: a step may be the job's last.
  detail::step_place from = detail::place_of_step(j);
  last_name_.clear();
  const detail::time_point begun = detail::steady::now();
  const bool goes_on = step(j);
  const auto took = detail::steady::now() - begun;
  if (took <= slow_step_) return;
  const std::string* name = goes_on ? name_of(j) : &last_name_;
  if (goes_on && !from.is_latest_await)
    if (const detail::step_place rest = detail::place_of_rest(j); rest.is_latest_await) from = rest;
  detail::report_slow_step(name ? *name : std::string(), from, took);
}

void loop::take_completions() noexcept {
  while (detail::operation* op = completed_.pop()) op->completed(*op);
}

void loop::set_name(detail::job& j, std::string name) {
  if (!names_) names_ = std::make_unique<detail::job_names>();
  names_->set(j, std::move(name));
  j.named_ = true;
}

const std::string* loop::name_of(const detail::job& j) const noexcept {
  return j.named_ ? names_->find(j) : nullptr;
}

void loop::for_each_root(detail::root_visitor& v) const {
  if (main_ && !main_->ended()) v.root(*main_, "main");
  services_.for_each([&](const detail::service_record& s) { v.root(s.running_job(), "service"); });
}

void loop::run_until(const bool& ended, detail::job& main) {
  main_ = &main;
  while (!ended || !services_.empty()) {
    if (ended) {
      services_.for_each([](detail::service_record& s) { s.cancel(); });
      expect_end();
    }
    turn(ended);
    if (!stuck_) continue;
    // The simulation says that nothing can ever happen again. Take everything apart, once.
    stuck_ = false;
    stuck_tasks_ = task_tree();
    if (std::exchange(deadlocked_, true)) {
      std::fputs(stuck_tasks_.c_str(), stderr);
      detail::fatal(
          "nothing can ever happen again, and a shielded task still waits for something, or a "
          "cleanup does, perhaps for what the body of a task group holds until its children end");
    }
    main.cancel();
    services_.for_each([](detail::service_record& s) { s.cancel(); });
  }
  drop_calls();
  timers_.disarm(patience_ends_);
  if (observer_) observer_->at_end(*this);
}

void loop::expect_end() noexcept {
  if (threads_.awaited() == 0 || patience_ == detail::nanoseconds::max()) return;
  timers_.arm(patience_ends_, std::exchange(patience_, detail::nanoseconds::max()));
}

// What a thread touches may belong to the tasks, so they are kept and waited for all the same.
void loop::patience_timer::ran_out(timer& t) noexcept {
  const loop& l = static_cast<patience_timer&>(t).of;
  if (l.threads_.awaited() == 0) return;
  try {
    const std::string text = "rondo: the run cannot end before " +
                             std::to_string(l.threads_.awaited()) +
                             " call(s) in threads have returned:\n" + task_tree();
    std::fwrite(text.data(), 1, text.size(), stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("rondo: the run cannot end before calls in threads have returned\n", stderr);
  }
}

void loop::run_service(task<> t) {
  auto* record = new detail::service_record(t.release());
  services_.push_back(*record);
  record->start();
}

void loop::unhandled(std::exception_ptr e) noexcept {
  detail::report_unhandled(unhandled_, std::move(e));
}

void detail::report_unhandled(const std::shared_ptr<unhandled_sink>& to,
                              std::exception_ptr e) noexcept {
  try {
    if (to) {
      to->take(std::move(e));
      return;
    }
    std::rethrow_exception(std::move(e));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rondo: an exception that nobody awaits: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "rondo: an exception that nobody awaits, not a std::exception\n");
  }
}

loop_stats loop::stats() const noexcept {
  const detail::reactor_counts& c = reactor_->counts();
  return {turns_,      steps_,      c.system_calls, c.submitted,
          c.completed, c.overflows, c.rearms,       mailbox_->wakes()};
}

void detail::unhandled_here() noexcept { this_loop().unhandled(std::current_exception()); }

}  // namespace rondo
