#include <rondo/runtime/core/loop_metrics.hpp>

#include <dirent.h>

#include <string>

namespace rondo::detail {
namespace {

// Of a loop: the least number that no other has at the time. What a number had counted goes on with
// the next loop that gets it.
struct loop_label {
  static constexpr std::string_view label = "loop";
  static constexpr std::size_t count = 1024;
  std::size_t number;
  std::size_t index() const noexcept { return number; }
  std::string text() const { return std::to_string(number); }
};

struct loop_state_label {
  static constexpr std::string_view label = "state";
  bool active;
  std::string_view text() const noexcept { return active ? "active" : "idle"; }
};

// Seconds that only one thread adds to.
class second_counter {
 public:
  void add_alone(nanoseconds d) noexcept {
    total_.store(total_.load(std::memory_order_relaxed) + d.count(), std::memory_order_relaxed);
  }
  double value() const noexcept {
    return static_cast<double>(total_.load(std::memory_order_relaxed)) / 1e9;
  }

 private:
  std::atomic<std::int64_t> total_{0};
};

// The numbers of the loops, each with the time that it has spent.
class loop_numbers final : public metric_entry {
 public:
  struct times {
    second_counter active;
    second_counter idle;
    bool taken = false;
  };

  loop_numbers(std::string_view name, std::string_view help, const std::vector<double>& /*bounds*/)
      : metric_entry(name, help, metric_kind::counter) {}

  // Below loop_label::count; more loops than that share the last number.
  std::pair<std::size_t, std::shared_ptr<times>> take() {
    const std::lock_guard lock(mutex_);
    std::size_t i = 0;
    while (i + 1 < loop_label::count && i < all_.size() && all_[i]->taken) ++i;
    if (i == all_.size()) all_.push_back(std::make_shared<times>());
    all_[i]->taken = true;
    return {i, all_[i]};
  }
  void give_back(times& t) noexcept {
    const std::lock_guard lock(mutex_);
    t.taken = false;
  }

 private:
  void write_series(std::string& out) const override {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < all_.size(); ++i)
      for (const bool active : {true, false}) {
        std::string labels;
        append_metric_label(labels, loop_label::label, std::to_string(i));
        append_metric_label(labels, loop_state_label::label, loop_state_label{active}.text());
        write_metric(out, name(), labels, (active ? all_[i]->active : all_[i]->idle).value());
      }
  }
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<times>> all_;
};

double open_descriptors() noexcept {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (!folder) return 0;
  double n = -3;                  // ".", ".." and the folder's own
  while (::readdir(folder)) ++n;  // NOLINT(concurrency-mt-unsafe): of a stream of our own
  ::closedir(folder);
  return n;
}

class descriptor_gauge final : public metric_entry {
 public:
  descriptor_gauge(std::string_view name, std::string_view help,
                   const std::vector<double>& /*bounds*/)
      : metric_entry(name, help, metric_kind::gauge) {}

 private:
  void write_series(std::string& out) const override {
    write_metric(out, name(), "", open_descriptors());
  }
};

std::vector<double> short_times() {
  return {0.000001, 0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1};
}

class loop_meter final : public loop_observer {
 public:
  loop_meter(std::shared_ptr<metrics> m, loop_numbers& numbers)
      : loop_meter(m, numbers, numbers.take()) {}
  loop_meter(const loop_meter&) = delete;
  loop_meter& operator=(const loop_meter&) = delete;
  ~loop_meter() {
    timers_.set(0);
    numbers_.give_back(*times_);
  }

  // The end of what came before is the beginning of this step: one look at the clock for each.
  void before_step(job& j) noexcept override {
    if (&j != probe_) return;
    probe_ = nullptr;
    delays_.observe(seconds_between(probed_, mark_));
  }
  void after_step(job&) noexcept override { step_ended(); }
  void after_last_step(job&) noexcept override { step_ended(); }
  void before_wait(loop_core& l) noexcept override {
    turns_.add();
    timers_.set(static_cast<double>(l.timers().size()));
    const time_point now = steady::now();
    times_->active.add_alone(now - turn_began_);
    mark_ = now;
  }
  // One job a turn is followed from here to its step: the last of those that stand in the line.
  void after_wait(loop_core& l) noexcept override {
    const time_point now = steady::now();
    times_->idle.add_alone(now - mark_);
    mark_ = turn_began_ = now;
    if (probe_) return;
    probe_ = l.last_ready();
    probed_ = now;
  }

 private:
  loop_meter(std::shared_ptr<metrics>& m, loop_numbers& numbers,
             std::pair<std::size_t, std::shared_ptr<loop_numbers::times>> mine)
      : registry_(m),
        numbers_(numbers),
        times_(std::move(mine.second)),
        turns_(m->counters<loop_label>("rondo_eventloop_turns_total", "Turns of the loop.")
                   .with({mine.first})),
        steps_(m->histograms<loop_label>(
                    "rondo_eventloop_step_duration_seconds",
                    "Time that one step of a task took, in which no other ran.", short_times())
                   .with({mine.first})),
        delays_(m->histograms<loop_label>(
                     "rondo_eventloop_delay_seconds",
                     "Time from when a task could go on to when it did, of one task a turn.",
                     short_times())
                    .with({mine.first})),
        timers_(m->gauges<loop_label>("rondo_eventloop_timers", "Timers that are armed.")
                    .with({mine.first})) {}

  static double seconds_between(time_point a, time_point b) noexcept {
    return std::chrono::duration<double>(b - a).count();
  }
  void step_ended() noexcept {
    const time_point now = steady::now();
    steps_.observe(seconds_between(mark_, now));
    mark_ = now;
  }

  std::shared_ptr<metrics> registry_;
  loop_numbers& numbers_;
  std::shared_ptr<loop_numbers::times> times_;
  metric_counter& turns_;
  metric_histogram& steps_;
  metric_histogram& delays_;
  metric_gauge& timers_;
  time_point mark_ = steady::now();
  time_point turn_began_ = mark_;
  const job* probe_ = nullptr;
  time_point probed_{};
};

}  // namespace

std::shared_ptr<loop_observer> observe_for_metrics(loop_core& l, std::shared_ptr<metrics> m) {
  auto& numbers = m->entry<loop_numbers>("rondo_eventloop_time_seconds_total",
                                         "Time that the loop worked, or slept.");
  m->entry<descriptor_gauge>("process_open_fds", "Descriptors that the process has open.");
  auto meter = std::make_shared<loop_meter>(std::move(m), numbers);
  l.observe(*meter);
  return meter;
}

}  // namespace rondo::detail
