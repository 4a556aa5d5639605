#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/inside/background_thread.hpp>
#include <rondo/runtime/inside/stall_watch.hpp>
#include <rondo/runtime/log.hpp>

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

namespace rondo::detail {
namespace {

constexpr std::size_t most_places = 200;
// A limit is looked at this often within itself.
constexpr int looks = 4;

std::string milliseconds_text(nanoseconds d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

class stall_watchdog {
 public:
  static stall_watchdog& get() {
    static immortal<stall_watchdog> w;  // its thread may outlive main
    return w.value;
  }

  void add(std::shared_ptr<watched_loop> l, nanoseconds limit) {
    std::unique_lock lock(mutex_);
    loops_.push_back({std::move(l), limit, 0, {}});
    // A child of fork has no thread of its parent's.
    if (thread_of_ != ::getpid()) {
      start_thread([](void* self) { static_cast<stall_watchdog*>(self)->work(); }, this);
      thread_of_ = ::getpid();
    }
    lock.unlock();
    changed_.notify_all();
  }
  void remove(const watched_loop& l) noexcept {
    const std::scoped_lock lock(mutex_);
    std::erase_if(loops_, [&](const watched& w) { return w.loop.get() == &l; });
    if (!loops_.empty()) return;  // else the next run is a new one
    places_.clear();
    order_.clear();
  }
  void ended(const watched_loop& l, std::uint64_t step, nanoseconds took) noexcept {
    const std::scoped_lock lock(mutex_);
    for (const watched& w : loops_)
      if (w.loop.get() == &l && w.reported == step)
        if (const auto found = places_.find(w.key); found != places_.end())
          found->second.longest = std::max(found->second.longest, took);
  }
  std::vector<stall_place> seen() {
    const std::scoped_lock lock(mutex_);
    std::vector<stall_place> all;
    all.reserve(order_.size());
    for (const std::string& key : order_) all.push_back(places_.at(key));
    return all;
  }

 private:
  struct watched {
    std::shared_ptr<watched_loop> loop;
    nanoseconds limit;
    std::uint64_t reported;  // the step that was reported last
    std::string key;         // of its place
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (loops_.empty()) {
        changed_.wait(lock);
        continue;
      }
      nanoseconds shortest = nanoseconds::max();
      for (const watched& w : loops_) shortest = std::min(shortest, w.limit);
      const nanoseconds pause = std::clamp<nanoseconds>(
          shortest / looks, std::chrono::milliseconds(1), std::chrono::hours(1));
      changed_.wait_for(lock, pause);
      look(lock);
    }
  }

  void look(std::unique_lock<std::mutex>& lock) {
    struct stalled {
      std::shared_ptr<watched_loop> loop;
      std::uint64_t step;
    };
    std::vector<stalled> found;
    for (watched& w : loops_) {
      nanoseconds since{};
      const std::uint64_t step = w.loop->running_step(since);
      if (step != 0 && step != w.reported && since >= w.limit) {
        w.reported = step;
        found.push_back({w.loop, step});
      }
    }
    lock.unlock();  // a capture waits, and reading debug information takes its time
    for (const stalled& s : found) {
      try {
        report(*s.loop, s.step);
      } catch (const std::bad_alloc&) {
        log(log_level::warning, "runtime", "a step runs for long: no memory to say where");
      }
    }
    lock.lock();
  }

  void report(watched_loop& l, std::uint64_t step) {
    stack_capture c;
    if (!l.capture(c) || !c.in_step || c.step != step) return;  // it is over
    nanoseconds since{};
    l.running_step(since);
    std::string key(c.story.place().file_name());
    key += ':' + std::to_string(c.story.place().line()) + ' ';
    const std::string stack = stack_text(c, &key);
    std::string text = "a step";
    if (const std::string name = c.story.name(); !name.empty()) text += " of \"" + name + '"';
    text += " has run for " + milliseconds_text(since) +
            ", in which nobody else can run, on thread " + std::to_string(l.thread()) +
            ". It is in\n" + stack + "of the task that goes on\n";
    c.story.append_to(text);
    {
      const std::scoped_lock lock(mutex_);
      for (watched& w : loops_)
        if (w.loop.get() == &l) w.key = key;
      if (!places_.contains(key) && places_.size() == most_places) return;
      const auto [at, fresh] = places_.try_emplace(key);
      if (fresh) {
        order_.push_back(key);
        at->second.text = text;
      }
      at->second.thread = l.thread();
      ++at->second.times;
      at->second.longest = std::max(at->second.longest, since);
      if (!fresh) return;  // once a place
    }
    text.pop_back();  // the end of the last line
    log(log_level::warning, "runtime", text);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<watched> loops_;
  std::unordered_map<std::string, stall_place> places_;
  std::vector<std::string> order_;
  pid_t thread_of_ = 0;
};

}  // namespace

void watch_stalls(std::shared_ptr<watched_loop> l, nanoseconds limit) {
  stall_watchdog::get().add(std::move(l), limit);
}
void unwatch_stalls(const watched_loop& l) noexcept { stall_watchdog::get().remove(l); }
void stall_ended(const watched_loop& l, std::uint64_t step, nanoseconds took) noexcept {
  stall_watchdog::get().ended(l, step, took);
}
std::vector<stall_place> stalls_seen() { return stall_watchdog::get().seen(); }

}  // namespace rondo::detail
