#include <rondo/runtime/embedded_loop.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo {
namespace {

// After which the host has its turn.
constexpr std::chrono::milliseconds longest_visit{1};

detail::reactor_choice not_simulated(detail::reactor_choice choice) {
  if (choice.kind == reactor_kind::simulated)
    throw std::invalid_argument("embedded_loop: a simulation has its own time, and no descriptor");
  return choice;
}

}  // namespace

embedded_loop::embedded_loop(const run_options& options)
    : loop_(detail::make_reactor, not_simulated(options.choice_), options.unhandled_),
      patience_(options.thread_patience_),
      main_(keep_going()),
      fd_(loop_.reactor_->foreign_poll()) {
  detail::main_run::prepare(loop_, options);
  if (options.dump_on_sigusr1_) sigusr1_.start();
  loop_.main_ = &main_;
  main_.start(*this);
  while (!group_) loop_.embedded_turn(ended_, detail::never);
}

task<> embedded_loop::keep_going() {
  // The group keeps it. NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  co_await with_task_group([this](task_group& g) -> task<> {
    group_ = &g;
    co_await never_.wait();
  });
  group_ = nullptr;
}

embedded_loop::~embedded_loop() {
  if (visited_) detail::fatal("an embedded_loop was destroyed by one of its own tasks");
  stop();
  loop_.run_until(ended_, main_, patience_);
  main_.let_go();
}

std::optional<std::chrono::nanoseconds> embedded_loop::next_timeout() noexcept {
  if (visited_) return std::nullopt;
  if (unfinished_ || !loop_.ready_.empty() || loop_.timers_.unstamped() || !loop_.mailbox_->empty())
    return std::chrono::nanoseconds::zero();
  const detail::time_point next = loop_.timers_.next();
  if (next == detail::never) return std::nullopt;
  return std::max(next - detail::steady::now(), std::chrono::nanoseconds::zero());
}

void embedded_loop::run_ready() noexcept {
  if (visited_) return;
  visited_ = true;
  loop_.mailbox_->wake_up();
  const detail::time_point over = detail::steady::now() + longest_visit;
  do {
    if (ended_) loop_.services_.cancel();
    loop_.embedded_turn(ended_, over);
    unfinished_ = !loop_.rests() && !stopped();
  } while (unfinished_ && detail::steady::now() < over);
  visited_ = false;
}

}  // namespace rondo
