// The handler runs on whatever thread the kernel picks, in the middle of anything. It may read the
// list of receivers, change their atomics, push to a mailbox (lock-free) and write to an eventfd;
// nothing else. So a receiver, once made, is never freed: it goes back to a list of spares. What
// the handler does to one that is given back at the same moment is settled as in a mailbox: it is
// counted while it is inside.
//
// The dispositions are changed under a mutex that the handler never takes.
#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/core/thread_patience.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/log.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/signals.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace rondo {
namespace detail {

// One loop's entry in what the handler reads. The node is in the loop's mailbox while `queued_`.
class signal_receiver final : public remote_node {
 public:
  using callback = void (*)(void* owner, signal_mask arrived) noexcept;

  // --- on the loop's thread ---

  void open(callback deliver, void* owner) noexcept {
    home_ = this_core().mailbox();
    deliver_ = deliver;
    owner_ = owner;
    arrived_.store(0, std::memory_order_relaxed);
  }
  void want(signal_mask m) noexcept { wanted_.store(m, std::memory_order_seq_cst); }
  // Nothing is delivered after this.
  void close() noexcept;

  void run() noexcept override {
    // In this order, so that what arrives in between is queued again.
    queued_.store(false, std::memory_order_seq_cst);
    if (!owner_) {
      spare();
      return;
    }
    deliver_(owner_, arrived_.exchange(0, std::memory_order_seq_cst));
  }
  void drop() noexcept override {
    queued_.store(false, std::memory_order_seq_cst);
    if (!owner_) spare();
  }

  // --- in the handler ---

  void take(signal_mask bit) noexcept {
    inside_.fetch_add(1, std::memory_order_seq_cst);
    if (wanted_.load(std::memory_order_seq_cst) & bit) {
      arrived_.fetch_or(bit, std::memory_order_seq_cst);
      if (!queued_.exchange(true, std::memory_order_seq_cst) && !home_->post(*this))
        queued_.store(false, std::memory_order_seq_cst);
    }
    inside_.fetch_sub(1, std::memory_order_seq_cst);
  }

  signal_receiver* next = nullptr;  // in the handler's list, for ever

 private:
  friend class signal_registry;
  void spare() noexcept;

  std::atomic<signal_mask> wanted_{0};
  std::atomic<signal_mask> arrived_{0};
  std::atomic<bool> queued_{false};
  std::atomic<int> inside_{0};
  std::shared_ptr<mailbox> home_;
  callback deliver_ = nullptr;
  void* owner_ = nullptr;  // nullptr: closed
  signal_receiver* next_spare_ = nullptr;
};

namespace {

// What the handler reads.
constinit std::atomic<signal_receiver*> receivers{nullptr};
constinit std::atomic<bool> interrupted_once{false};  // since run() watches SIGINT

constexpr int highest_signal = 64;
constexpr signal_mask bit_of(int signal) noexcept { return signal_mask{1} << (signal - 1); }

void pass_to_receivers(int signal) noexcept {
  const int saved = errno;
  for (signal_receiver* r = receivers.load(std::memory_order_acquire); r; r = r->next)
    r->take(bit_of(signal));
  errno = saved;
}

extern "C" void rondo_on_signal(int signal) { pass_to_receivers(signal); }
extern "C" void rondo_on_interrupt(int signal) {
  interrupted_once.store(true, std::memory_order_seq_cst);
  pass_to_receivers(signal);
}

// Whatever the flags say: what SA_RESETHAND has reset keeps those it had.
bool is_default(const struct sigaction& a) noexcept { return a.sa_handler == SIG_DFL; }
bool ours(const struct sigaction& a) noexcept {
  return a.sa_handler == &rondo_on_signal || a.sa_handler == &rondo_on_interrupt;
}

}  // namespace

// Who watches what in the process, and what was there before.
class signal_registry {
 public:
  static signal_registry& get() {
    static immortal<signal_registry> r;  // a handler may run to the very end
    return r.value;
  }

  // Throws std::bad_alloc.
  signal_receiver& receiver() {
    const std::scoped_lock lock(mutex_);
    if (spares_) return *std::exchange(spares_, spares_->next_spare_);
    auto* r = new signal_receiver;
    r->next = receivers.load(std::memory_order_relaxed);
    receivers.store(r, std::memory_order_release);
    return *r;
  }
  void take_back(signal_receiver& r) noexcept {
    const std::scoped_lock lock(mutex_);
    r.next_spare_ = spares_;
    spares_ = &r;
  }

  void watch(signal_mask signals) {
    const std::scoped_lock lock(mutex_);
    for (signal_mask m = signals; m != 0; m &= m - 1) {
      ++at(lowest(m)).watches;
      apply(lowest(m));
    }
  }
  void unwatch(signal_mask signals) noexcept {
    const std::scoped_lock lock(mutex_);
    for (signal_mask m = signals; m != 0; m &= m - 1) {
      --at(lowest(m)).watches;
      apply(lowest(m));
    }
  }

  // False: SIGINT has another disposition than the default, or a watch.
  bool watch_interrupt(signal_receiver& r) noexcept {
    const std::scoped_lock lock(mutex_);
    struct sigaction now{};
    if (::sigaction(SIGINT, nullptr, &now) != 0 || !is_default(now)) return false;
    interrupted_once.store(false, std::memory_order_seq_cst);
    interrupt_ = &r;
    apply(SIGINT);
    return true;
  }
  void unwatch_interrupt() noexcept {
    const std::scoped_lock lock(mutex_);
    interrupt_ = nullptr;
    apply(SIGINT);
  }

  // False: SIGUSR1 has another disposition than the default.
  bool watch_dump() noexcept {
    const std::scoped_lock lock(mutex_);
    struct sigaction now{};
    if (::sigaction(SIGUSR1, nullptr, &now) != 0) return false;
    if (!is_default(ours(now) ? at(SIGUSR1).before : now)) return false;
    ++dumps_;
    apply(SIGUSR1);
    return true;
  }
  void unwatch_dump() noexcept {
    const std::scoped_lock lock(mutex_);
    --dumps_;
    apply(SIGUSR1);
  }
  bool is_watched(int signal) noexcept {
    const std::scoped_lock lock(mutex_);
    return at(signal).watches > 0;
  }

 private:
  struct entry {
    int watches = 0;
    bool changed = false;  // `before` is what we replaced
    struct sigaction before{};
  };
  entry& at(int signal) noexcept { return entries_[static_cast<std::size_t>(signal - 1)]; }

  // Makes a signal's disposition what those who are interested need. A watch is stronger than
  // run()'s interest in SIGINT, which is over once it has been used, and in SIGUSR1.
  void apply(int signal) noexcept {
    entry& e = at(signal);
    const bool interrupts = signal == SIGINT && interrupt_ && is_default(e.before) &&
                            !interrupted_once.load(std::memory_order_seq_cst);
    if (signal == SIGINT && interrupt_) interrupt_->want(e.watches == 0 ? bit_of(SIGINT) : 0);
    const bool dumps = signal == SIGUSR1 && dumps_ > 0 && is_default(e.before);
    if (e.watches == 0 && !interrupts && !dumps) {
      restore(signal, e);
      return;
    }
    struct sigaction wanted{};
    const bool once = e.watches == 0 && interrupts;
    wanted.sa_handler = once ? &rondo_on_interrupt : &rondo_on_signal;
    wanted.sa_flags = SA_RESTART | SA_ONSTACK | (once ? SA_RESETHAND : 0);
    ::sigfillset(&wanted.sa_mask);
    struct sigaction old{};
    if (::sigaction(signal, &wanted, &old) == 0 && !ours(old)) e.before = old;
    e.changed = true;
  }

  // Unless somebody else has changed it meanwhile.
  static void restore(int signal, entry& e) noexcept {
    if (!std::exchange(e.changed, false)) return;
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) == 0 && ours(now))
      ::sigaction(signal, &e.before, nullptr);
    e.before = {};
  }

  std::mutex mutex_;
  std::array<entry, highest_signal> entries_;
  signal_receiver* interrupt_ = nullptr;
  int dumps_ = 0;  // runs that print their tree at SIGUSR1
  signal_receiver* spares_ = nullptr;
};

void signal_receiver::close() noexcept {
  want(0);
  // A handler that looked before is on another thread, and done in a moment.
  while (inside_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  owner_ = nullptr;
  if (!queued_.load(std::memory_order_seq_cst)) spare();  // else when it comes out of the mailbox
}

void signal_receiver::spare() noexcept {
  home_.reset();
  signal_registry::get().take_back(*this);
}

// --- watches -------------------------------------------------------------------------------------

class signal_hub {
 public:
  // The loop's, made when its first watch is.
  static signal_hub& get() {
    if (!current) current = new signal_hub();
    if (current->loop_ != this_core().id()) fatal(outlived);
    return *current;
  }

  void add(signal_watch& w) {
    watches_.push_back(w);
    update();
    signal_registry::get().watch(w.wanted_);
  }
  void remove(signal_watch& w) noexcept {
    const loop_core* l = this_thread.running_loop;
    if (!l || l->id() != loop_) fatal(outlived);
    signal_registry::get().unwatch(w.wanted_);
    watches_.remove(w);
    update();
    if (!watches_.empty()) return;
    receiver_.close();
    current = nullptr;
    delete this;
  }

 private:
  static constexpr const char* outlived =
      "a signal_watch outlived its loop, or left the loop's thread";
  static constinit thread_local signal_hub* current;

  signal_hub() : loop_(this_core().id()), receiver_(signal_registry::get().receiver()) {
    receiver_.open(&deliver, this);
  }
  void update() noexcept {
    signal_mask all = 0;
    watches_.for_each([&](signal_watch& w) { all |= w.wanted_; });
    receiver_.want(all);
  }
  static void deliver(void* self, signal_mask arrived) noexcept {
    static_cast<signal_hub*>(self)->watches_.for_each(
        [&](signal_watch& w) { w.arrived(arrived & w.wanted_); });
  }

  std::uint64_t loop_;
  signal_receiver& receiver_;
  intrusive_list<signal_watch> watches_;
};
constinit thread_local signal_hub* signal_hub::current = nullptr;

bool signal_wait::begin(job& j) noexcept {
  if (watch_->pending_ != 0) {
    signal_ = lowest(watch_->pending_);
    watch_->pending_ &= watch_->pending_ - 1;
    return true;
  }
  if (j.stops_here()) return false;
  return stand_in(watch_->line_, j);
}

signal_mask mask_of(std::initializer_list<int> signals) {
  signal_mask all = 0;
  for (const int s : signals) {
    const bool broken = s == SIGSEGV || s == SIGBUS || s == SIGFPE || s == SIGILL;
    // 32 to SIGRTMIN are the C library's own.
    if (s < 1 || s > SIGRTMAX || s > highest_signal || (s >= 32 && s < SIGRTMIN) || s == SIGKILL ||
        s == SIGSTOP || broken)
      throw std::invalid_argument("signal " + std::to_string(s) + " cannot be watched");
    all |= bit_of(s);
  }
  if (all == 0) throw std::invalid_argument("no signal to watch");
  return all;
}

task<int> next_of(signal_mask signals) {
  signal_watch watch(signals);
  co_return co_await watch.next();
}

// --- run(), SIGINT and SIGUSR1 -------------------------------------------------------------------

void interrupt_watch::start(job& main, thread_patience& patience) {
  if (::gettid() != ::getpid()) return;
  signal_receiver& r = signal_registry::get().receiver();
  r.open(&arrived, this);
  main_ = &main;
  patience_ = &patience;
  receiver_ = &r;
  if (signal_registry::get().watch_interrupt(r)) return;
  receiver_ = nullptr;
  r.close();
}

interrupt_watch::~interrupt_watch() {
  if (!receiver_) return;
  signal_registry::get().unwatch_interrupt();
  receiver_->close();
}

void interrupt_watch::arrived(void* self, signal_mask) noexcept {
  auto& w = *static_cast<interrupt_watch*>(self);
  w.fired_ = true;
  w.main_->cancel();
  w.patience_->end_is_due();
}

void dump_watch::start() {
  signal_receiver& r = signal_registry::get().receiver();
  r.open(&arrived, this);
  if (!signal_registry::get().watch_dump()) {
    r.close();
    return;
  }
  r.want(bit_of(SIGUSR1));
  receiver_ = &r;
}

dump_watch::~dump_watch() {
  if (!receiver_) return;
  signal_registry::get().unwatch_dump();
  receiver_->close();
}

void dump_watch::arrived(void*, signal_mask) noexcept {
  if (signal_registry::get().is_watched(SIGUSR1)) return;
  try {
    const std::string thread = std::to_string(::gettid());
    std::string text = "the tasks of thread " + thread + ", on " +
                       std::string(this_loop().reactor_name()) + ":\n" + task_tree();
    if (text.back() == '\n') text.pop_back();
    log(log_level::info, "runtime", text, {{"thread", thread}});
  } catch (const std::bad_alloc&) {
    log(log_level::error, "runtime", "no memory to print the tasks");
  }
}

}  // namespace detail

signal_watch::signal_watch(detail::signal_mask signals)
    : wanted_(signals), hub_(&detail::signal_hub::get()) {
  hub_->add(*this);
}

signal_watch::~signal_watch() {
  if (!line_.empty()) detail::fatal("a signal_watch was destroyed while a task waited on it");
  hub_->remove(*this);
}

void signal_watch::arrived(detail::signal_mask signals) noexcept {
  for (; signals != 0; signals &= signals - 1) {
    if (detail::signal_wait* w = line_.pop_front()) {
      w->signal_ = detail::lowest(signals);
      w->wake();
    } else {
      pending_ |= signals & -signals;
    }
  }
}

}  // namespace rondo
