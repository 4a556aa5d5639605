#include <rondo/runtime/run_on_threads.hpp>
#include <rondo/runtime/scope.hpp>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace rondo::detail {
namespace {

// One loop of the team. The scope belongs to its thread; the mailbox to all, under the team's
// mutex. Posted to its loop it cancels the scope; the team outlives its loops.
struct member final : remote_node {
  std::shared_ptr<mailbox> home;
  cancel_scope scope;

  void run() noexcept override { scope.cancel(); }
  void drop() noexcept override {}
};

class team {
 public:
  team(std::size_t n, const team_main& main, const run_options& options,
       const std::shared_ptr<unhandled_sink>& unhandled)
      : main_(main), options_(options), unhandled_(unhandled), members_(n) {}

  // The body of thread `i`.
  void work(std::size_t i) noexcept {
    try {
      run(lead(i), options_);
    } catch (...) {
      fail(std::current_exception());
    }
  }
  // The first failure cancels the others; later ones have nobody to go to.
  void fail(std::exception_ptr e) noexcept {
    {
      const std::scoped_lock lock(mutex_);
      if (!first_) {
        first_ = std::move(e);
        for (member& m : members_)
          if (m.home) m.home->post(m);  // refused when it has ended
        return;
      }
    }
    report_unhandled(unhandled_, std::move(e));
  }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  task<> lead(std::size_t i) {
    member& me = members_[i];
    {
      const std::scoped_lock lock(mutex_);
      me.home = this_core().mailbox();
      if (first_) me.scope.cancel();  // it will not start
    }
    const outcome<void> how =
        co_await me.scope.run([this](std::size_t n) { return main_.make(n); }, i);
    if (how.has_error()) fail(how.error());
  }

  const team_main& main_;
  const run_options& options_;
  const std::shared_ptr<unhandled_sink>& unhandled_;
  std::mutex mutex_;
  std::vector<member> members_;
  std::exception_ptr first_;
};

}  // namespace

void run_team(std::size_t n, const team_main& main, const run_options& options) {
  if (n == 0) throw std::invalid_argument("run_on_threads: at least one thread");
  if (options.choice_.kind == reactor_kind::simulated)
    throw std::invalid_argument("run_on_threads: the simulation has one thread");
  if (this_thread.running_loop)
    throw std::logic_error("rondo::run_on_threads called inside a running loop");

  team all(n, main, options, options.unhandled_);
  std::vector<std::thread> threads;
  threads.reserve(n - 1);
  try {
    for (std::size_t i = 1; i < n; ++i) threads.emplace_back([&all, i] { all.work(i); });
  } catch (...) {
    all.fail(std::current_exception());
  }
  all.work(0);  // ends at once if a thread is missing
  for (std::thread& t : threads) t.join();
  all.rethrow();
}

}  // namespace rondo::detail
