#include <rondo/http/run_server.hpp>
#include <rondo/runtime/signals.hpp>
#include <rondo/runtime/task_group.hpp>

#include <sched.h>

#include <algorithm>
#include <csignal>
#include <memory>

namespace rondo::http::detail {
namespace {

task<> pass_on(std::unique_ptr<signal_watch> signals, stop_handle stop) {
  co_await signals->next();
  stop.stop();
  co_await signals->next();
  stop.end_grace();
}

// The last of them says so.
class member {
 public:
  member(std::atomic<std::size_t>& left, stop_handle& all_ended) noexcept
      : left_(left), all_ended_(all_ended) {}
  member(const member&) = delete;
  member& operator=(const member&) = delete;
  ~member() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_ended_.stop();
  }

 private:
  std::atomic<std::size_t>& left_;
  stop_handle& all_ended_;
};

task<> follow(task<> main, stop_handle all_ended, std::shared_ptr<std::atomic<std::size_t>> left) {
  const member mine(*left, all_ended);
  co_await std::move(main);
}

}  // namespace

server_team::server_team(std::size_t threads)
    : left_(std::make_shared<std::atomic<std::size_t>>(threads)) {}

task<> server_team::lead(std::size_t i, task<> main) const {
  task<> mine = follow(std::move(main), all_ended_, left_);
  if (i != 0) return mine;
  return [](task<> first, stop_handle stop, stop_handle all_ended) -> task<> {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the group keeps it
    co_await with_task_group([&](task_group& g) -> task<> {
      auto signals = g.spawn(pass_on(
          std::make_unique<signal_watch>(std::initializer_list<int>{SIGINT, SIGTERM}), stop));
      co_await std::move(first);
      co_await all_ended.until_stop();
      signals.cancel();
    });
  }(std::move(mine), stop_, all_ended_);
}

std::size_t usable_processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
}

}  // namespace rondo::http::detail
