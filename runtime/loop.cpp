#include <rondo/runtime/loop.hpp>

#include <cstdio>
#include <stdexcept>
#include <thread>

namespace rondo {

namespace {

// Jobs run between two looks at the outside: enough to make a look cheap, few enough to keep latency flat.
constexpr int jobs_a_turn = 61;

std::uint64_t next_loop_id() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Asked before anything that belongs to the loop that runs is touched.
void refuse_nesting() {
  if (detail::this_thread.running_loop) throw std::logic_error("rondo::run called inside a running loop");
}

}  // namespace

namespace detail {

// A task that belongs to the loop itself.
class service_record final : public pooled, public list_node, public job_owner {
 public:
  explicit service_record(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
  void start() noexcept { job_.start(promise(), *this); }
  void cancel() noexcept { job_.cancel(); }
  void on_end(job& j) noexcept override {
    if (j.stopped())
      frame_.release();
    else if (outcome<void> o = promise().result.take_outcome(); o.has_error())
      this_loop().unhandled(o.error());
    unlink();
    delete this;
  }

 private:
  detail::promise<void>& promise() noexcept {
    return std::coroutine_handle<detail::promise<void>>::from_address(frame_.get().address()).promise();
  }
  frame_owner frame_;
  job job_;
};

}  // namespace detail

loop::loop(std::unique_ptr<detail::reactor> (*make)(const detail::reactor_choice&, detail::operation_queue&),
           const detail::reactor_choice& choice, std::shared_ptr<detail::unhandled_sink> unhandled)
    : reactor_((refuse_nesting(), make(choice, completed_))),
      simulated_(choice.kind == reactor_kind::simulated),
      id_(next_loop_id()),
      unhandled_(std::move(unhandled)) {
  detail::this_thread.running_loop = this;
}

loop::~loop() {
  while (posting_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  posts_.take_all([](detail::remote_node& n) { n.drop(); });
  reactor_.reset();
  detail::this_thread.running_loop = nullptr;
}

void loop::turn(const bool& ended) noexcept {
  ++turns_;
  for (int n = jobs_a_turn; n > 0 && !ready_.empty(); --n) step(ready_.pop());
  if (ended && services_.empty()) return;
  clock_read_ = false;

  take_posts();

  if (!timers_.empty()) {
    read_clock();
    timers_.stamp(now_);
    timers_.fire_due(now_);
  }

  if (!ready_.empty()) {
    reactor_->wait(detail::time_point::min());
  } else {
    // From here a post from another thread wakes the reactor; what was posted before is seen now.
    asleep_.store(true, std::memory_order_seq_cst);
    const bool sleep = posts_.empty();
    if (!reactor_->wait(sleep ? timers_.next() : detail::time_point::min())) stuck_ = true;
    asleep_.store(false, std::memory_order_relaxed);
    read_clock();
  }
  take_completions();
}

void loop::read_clock() const noexcept {
  now_ = reactor_->now();
  clock_read_ = true;
}

void loop::step(detail::job& j) noexcept {
  using step = detail::job::step;
  ++steps_;
  if (observer_) [[unlikely]]
    observer_->before_step(j);
  detail::this_thread.budget = detail::await_budget;
  if (j.step_ == step::stop) {
    j.unwind();
  } else {
    detail::this_thread.current = &j;
    j.state_ = detail::job::state::running;
    if (j.step_ != step::begin || j.on_->begin(j)) frame_of(*j.leaf_).resume();
    detail::this_thread.current = nullptr;
  }
  if (j.ended())
    j.owner_->on_end(j);
  else if (observer_) [[unlikely]]
    observer_->after_step(j);
}

void loop::take_posts() noexcept {
  if (posts_.empty()) return;
  posts_.take_all([](detail::remote_node& n) { n.run(); });
}

void loop::take_completions() noexcept {
  while (detail::operation* op = completed_.pop()) op->completed(*op);
}

void loop::post_node(detail::remote_node& n) noexcept {
  // The loop may take the node and end before post_node returns: its destructor waits for us.
  posting_.fetch_add(1, std::memory_order_relaxed);
  posts_.push(n);
  if (asleep_.exchange(false, std::memory_order_seq_cst)) reactor_->wake();
  posting_.fetch_sub(1, std::memory_order_release);
}

void loop::run_until(const bool& ended, detail::job& main) {
  while (!ended || !services_.empty()) {
    if (ended) services_.for_each([](detail::service_record& s) { s.cancel(); });
    turn(ended);
    if (!stuck_) continue;
    // The simulation says that nothing can ever happen again. Take everything apart, once.
    stuck_ = false;
    if (std::exchange(deadlocked_, true))
      detail::fatal("nothing can ever happen again, and a shielded task still waits for something");
    main.cancel();
    services_.for_each([](detail::service_record& s) { s.cancel(); });
  }
  if (observer_) observer_->at_end(*this);
}

void loop::run_service(task<> t) {
  auto* record = new detail::service_record(t.release());
  services_.push_back(*record);
  record->start();
}

void loop::unhandled(std::exception_ptr e) noexcept {
  try {
    if (unhandled_) {
      unhandled_->take(std::move(e));
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
  return {turns_, steps_, c.system_calls, c.submitted, c.completed, c.overflows};
}

}  // namespace rondo
