#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/inside/symbols.hpp>
#include <rondo/runtime/inside/watched_loop.hpp>
#include <rondo/runtime/log.hpp>

#include <execinfo.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <span>
#include <utility>

namespace rondo::detail {
namespace {

// That of this thread. Initial-exec: reaching it in a handler allocates nothing.
[[gnu::tls_model("initial-exec")]] constinit thread_local watched_loop* here = nullptr;

void* program_counter([[maybe_unused]] const void* context) noexcept {
#if defined(__x86_64__)
  const auto* const c = static_cast<const ucontext_t*>(context);
  return reinterpret_cast<void*>(c->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  const auto* const c = static_cast<const ucontext_t*>(context);
  return reinterpret_cast<void*>(c->uc_mcontext.pc);
#else
  return nullptr;
#endif
}

extern "C" void rondo_take_stack(int, siginfo_t*, void* context) {
  const int saved = errno;
  take_stack(program_counter(context));
  errno = saved;
}

// Once a process. The first call of backtrace loads a library: not in the handler.
bool install_handler() noexcept {
  void* warm_up[2];
  ::backtrace(warm_up, 2);
  struct sigaction now{};
  if (::sigaction(SIGURG, nullptr, &now) != 0) return false;
  if (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN) {
    log(log_level::warning, "runtime", "SIGURG is handled by somebody else: stalls have no stack");
    return false;
  }
  struct sigaction wanted{};
  wanted.sa_sigaction = &rondo_take_stack;
  wanted.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  ::sigfillset(&wanted.sa_mask);
  return ::sigaction(SIGURG, &wanted, nullptr) == 0;
}
bool handler_is_there() noexcept {
  static const bool there = install_handler();
  return there;
}

struct watched_loop_list {
  std::mutex mutex;
  std::vector<std::shared_ptr<watched_loop>> loops;
  static watched_loop_list& get() {
    static immortal<watched_loop_list> all;  // a thread may outlive main
    return all.value;
  }
};

}  // namespace

void take_stack(void* interrupted_at) noexcept {
  watched_loop* const l = here;
  int asked = watched_loop::asked;
  if (!l || !l->request_.compare_exchange_strong(asked, watched_loop::filling)) return;
  stack_capture& c = l->captured_;
  const int n = ::backtrace(c.addresses.data(), static_cast<int>(stack_capture::most_frames));
  c.count = static_cast<std::size_t>(std::max(n, 0));
  // What stands above it is this handler.
  const auto begin = c.addresses.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(c.count);
  if (const auto at = std::find(begin, end, interrupted_at); at != end) {
    std::copy(at, end, begin);
    c.count = static_cast<std::size_t>(end - at);
  }
  c.step = l->step_.load(std::memory_order_relaxed);
  c.in_step = l->begun_.load(std::memory_order_relaxed) != 0;
  std::atomic_signal_fence(std::memory_order_acquire);
  if (c.in_step) c.story = l->story_;
  l->request_.store(watched_loop::filled, std::memory_order_release);
  ::sem_post(&l->answered_);
}

watched_loop::watched_loop(std::uint64_t id, const char* reactor, std::shared_ptr<mailbox> box)
    : id_(id), reactor_(reactor), thread_(::gettid()), box_(std::move(box)) {
  ::sem_init(&answered_, 0, 0);
  handler_is_there();
  here = this;
}
watched_loop::~watched_loop() { ::sem_destroy(&answered_); }

void watched_loop::end() noexcept {
  const std::scoped_lock lock(asking_);
  ended_ = true;
  here = nullptr;
}

std::uint64_t watched_loop::running_step(nanoseconds& since) const noexcept {
  const std::uint64_t step = step_.load(std::memory_order_acquire);
  const std::int64_t begun = begun_.load(std::memory_order_acquire);
  since = nanoseconds::zero();
  if (begun == 0 || step != step_.load(std::memory_order_acquire)) return 0;
  since = nanoseconds(steady::now().time_since_epoch().count() - begun);
  return step;
}

bool watched_loop::capture(stack_capture& to) {
  if (!handler_is_there()) return false;
  const std::scoped_lock lock(asking_);
  if (ended_) return false;
  request_.store(asked);
  if (::tgkill(::getpid(), thread_, SIGURG) != 0) {
    request_.store(idle);
    return false;
  }
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 100'000'000;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  while (::sem_timedwait(&answered_, &until) != 0) {
    if (errno == EINTR) continue;
    // Withdrawn, unless the handler has begun: then it is done in a moment.
    int still = asked;
    if (request_.compare_exchange_strong(still, idle)) return false;
    while (::sem_wait(&answered_) != 0) {
    }
    break;
  }
  to = captured_;
  request_.store(idle);
  return true;
}

void add_watched_loop(std::shared_ptr<watched_loop> l) {
  watched_loop_list& all = watched_loop_list::get();
  const std::scoped_lock lock(all.mutex);
  all.loops.push_back(std::move(l));
}

void remove_watched_loop(const watched_loop& l) noexcept {
  watched_loop_list& all = watched_loop_list::get();
  const std::scoped_lock lock(all.mutex);
  std::erase_if(all.loops, [&](const auto& each) { return each.get() == &l; });
}

std::vector<std::shared_ptr<watched_loop>> watched_loops() {
  watched_loop_list& all = watched_loop_list::get();
  const std::scoped_lock lock(all.mutex);
  return all.loops;
}

std::string stack_text(const stack_capture& c, std::string* key) {
  std::string text;
  bool placed = false;
  for (const code_place& p : places_of(std::span(c.addresses.data(), c.count))) {
    // From here on it is the loop itself, which resumes the task.
    if (p.outer.starts_with("rondo::loop::") || p.outer.find("::coroutine_handle<") != p.outer.npos)
      break;
    text += "  ";
    text += p.function.empty() ? "?" : p.function;
    if (!p.where.empty()) text += " at " + p.where;
    text += '\n';
    if (key && !placed && p.of_program) {
      *key += p.function;
      placed = true;
    }
  }
  return text;
}

}  // namespace rondo::detail
