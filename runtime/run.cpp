#include <rondo/runtime/core/environment.hpp>
#include <rondo/runtime/core/loop_metrics.hpp>
#include <rondo/runtime/core/run_trace.hpp>
#include <rondo/runtime/inside/debug_layout.hpp>
#include <rondo/runtime/inside/inspect_server.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/log.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/signals.hpp>
#include <rondo/runtime/simulation.hpp>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rondo {

simulation_options& run_options::own_simulation() {
  auto copy = simulation_ ? std::make_shared<simulation_options>(*simulation_)
                          : std::make_shared<simulation_options>();
  simulation_ = std::move(copy);
  choice_.simulation = simulation_.get();
  return *simulation_;
}

run_options& run_options::simulation(const simulation_options& s) & {
  own_simulation() = s;
  choice_.kind = reactor_kind::simulated;
  return *this;
}

run_options& run_options::seed(std::uint64_t n) & {
  own_simulation().seed(n);
  return *this;
}

void run_options::set_stall_limit(detail::nanoseconds d) {
  if (d <= detail::nanoseconds::zero())
    throw std::invalid_argument("run_options::stall_limit: it must be positive");
  stall_limit_ = d;
}

run_options& run_options::max_threads(detail::amount n) & {
  if (n == 0) throw std::invalid_argument("run_options::max_threads: to_thread needs at least one");
  max_threads_ = n;
  return *this;
}

namespace detail {
int failed_main(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const interrupted& e) {
    log(log_level::error, "main", e.what());
    return 128 + SIGINT;
  } catch (const std::exception& e) {
    log(log_level::error, "main", e.what());
  } catch (...) {
    log(log_level::error, "main", "an exception that is no std::exception ended it");
  }
  return 1;
}

main_run::main_run(const run_options& options)
    : loop_(make_reactor, options.choice_, options.unhandled_),
      patience_(options.thread_patience_),
      handle_sigint_(options.handle_sigint_),
      dump_on_sigusr1_(options.dump_on_sigusr1_) {
  prepare(loop_, options);
  add_observers(options);
}

// What the environment says is stronger than what the program says, but for RONDO_DEBUG=0.
void main_run::prepare(loop_core& l, const run_options& options) {
  l.threads().set_limit(options.max_threads_);
  describe_layout();
  const auto slow = time_in_environment("RONDO_SLOW_STEP");
  const auto stall = time_in_environment("RONDO_STALL");
  const bool debug = options.debug_ || flag_in_environment("RONDO_DEBUG").value_or(false) || slow;
  step_watch_options watch;
  if (debug) watch.slow_step = slow.value_or(options.slow_step_);
  watch.stall_limit = stall.value_or(options.stall_limit_);
  if (watch.stall_limit == nanoseconds::zero()) watch.stall_limit = nanoseconds::max();
  if (const auto where = text_in_environment("RONDO_INSPECT"); where && *where != "0") {
    const auto lease = std::make_shared<inspect_lease>();
    watch.inspected = lease->take(*where);
    watch.socket = lease;
  }
  if (watch.slow_step != nanoseconds::max() || watch.stall_limit != nanoseconds::max() ||
      watch.inspected)
    l.set_watch(std::make_shared<step_watch>(l, watch));
  this_thread.debug = debug;
}

void main_run::add_observers(const run_options& options) {
  if (options.metrics_) meter_ = observe_for_metrics(this_core(), options.metrics_);
  std::string path = options.trace_file_;
  if (const char* named = std::getenv("RONDO_TRACE");  // NOLINT(concurrency-mt-unsafe)
      path.empty() && named)
    path = named;
  if (!path.empty()) tracer_ = observe_for_trace(this_core(), std::move(path));
}

void main_run::drive(child_frame& main) {
  interrupt_watch sigint;
  if (handle_sigint_) sigint.start(main, patience_);
  dump_watch sigusr1;
  if (dump_on_sigusr1_) sigusr1.start();
  main.start(*this);
  loop_.run_until(ended_, main, patience_);
  main.let_go();
  if (loop_.deadlocked_)
    throw std::logic_error("rondo::run: nothing can ever happen again, and tasks still wait:\n" +
                           loop_.stuck_tasks_);
  if (sigint.fired() && main.stopped()) throw interrupted();
}

}  // namespace detail
}  // namespace rondo
