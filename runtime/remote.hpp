// The way into a loop from other threads.
//
//   loop_remote home = this_loop().remote();               // on the loop
//   // anywhere, even after the loop has ended
//   std::thread worker([home] { home.post([] { … }); });
//
// What one thread posts runs in the order of its posts. A post writes to the kernel only if the
// loop sleeps, and then only the first one does: a thousand posts wake it once.
#pragma once

#include <rondo/runtime/core/remote_queue.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/errors.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/wait.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace rondo {

namespace detail {

// What other threads share with a loop, and what they may hold longer than it lives.
//
// Two races are settled here. Sleep: the loop says that it sleeps and then looks for posts, a
// poster posts and then looks whether it sleeps; in one order of all four, at least one sees the
// other. End: posters are counted while they are inside, and close() waits for them, so that nobody
// wakes a reactor that is gone.
class mailbox {
 public:
  explicit mailbox(reactor& r) noexcept : reactor_(r) {}
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;

  // From any thread, and from a signal handler: it takes no lock and no memory. False: the loop has
  // ended, and the node is still the caller's.
  bool post(remote_node& n) noexcept {
    if (inside_.fetch_add(1, std::memory_order_acquire) & closed) {
      inside_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    posts_.push(n);
    if (asleep_.load(std::memory_order_seq_cst) &&
        asleep_.exchange(false, std::memory_order_seq_cst)) {
      wakes_.fetch_add(1, std::memory_order_relaxed);
      reactor_.wake();
    }
    inside_.fetch_sub(1, std::memory_order_release);
    return true;
  }
  std::uint64_t wakes() const noexcept { return wakes_.load(std::memory_order_relaxed); }

  // --- for the loop ---

  bool empty() const noexcept { return posts_.empty(); }
  void run_all() noexcept {
    posts_.take_all([](remote_node& n) { n.run(); });
  }
  // From here a post wakes the reactor. True: nothing was posted before, the loop may sleep.
  bool fall_asleep() noexcept {
    asleep_.store(true, std::memory_order_seq_cst);
    return posts_.empty();
  }
  void wake_up() noexcept { asleep_.store(false, std::memory_order_relaxed); }
  // From here every post is refused; what is left is dropped.
  void close() noexcept;

 private:
  static constexpr std::uint32_t closed = 1U << 31;

  reactor& reactor_;
  remote_queue posts_;
  std::atomic<bool> asleep_{false};
  std::atomic<std::uint32_t> inside_{0};  // threads in post(), and `closed`
  std::atomic<std::uint64_t> wakes_{0};
};

template <class Fn>
class posted_call final : public remote_node {
 public:
  explicit posted_call(Fn&& fn) : fn_(std::move(fn)) {}
  void run() noexcept override {
    try {
      fn_();
    } catch (...) {
      report_unhandled(std::current_exception());
    }
    delete this;
  }
  void drop() noexcept override { delete this; }

 private:
  Fn fn_;
};

// Throws loop_ended (fn is destroyed), std::bad_alloc.
template <class Fn>
void post_call(mailbox& to, Fn fn) {
  auto call = std::make_unique<posted_call<Fn>>(std::move(fn));
  if (!to.post(*call)) throw loop_ended();
  static_cast<void>(call.release());  // the loop's
}

}  // namespace detail

// A loop's address for other threads. Copies are cheap, and may outlive the loop.
class loop_remote {
 public:
  // Runs fn() on the loop's thread in a coming turn, after what this thread posted before. What it
  // throws goes to on_unhandled. What the loop no longer came to when its run ended is destroyed
  // unrun, on the loop's thread: who must know uses submit. Throws loop_ended once the loop has
  // ended (fn is destroyed), and std::bad_alloc.
  template <class Fn>
  void post(Fn fn) const {
    detail::post_call(*box_, std::move(fn));
  }
  // Runs a task, or a callable with arguments, on the loop and gives its result as a std::future.
  // It and what it does: <rondo/runtime/submit.hpp>, which is to be included.
  template <class... X>
    requires detail::taskable<X...>
  auto submit(X&&... x) const;

 private:
  friend class loop;
  explicit loop_remote(std::shared_ptr<detail::mailbox> box) noexcept : box_(std::move(box)) {}
  std::shared_ptr<detail::mailbox> box_;
};

}  // namespace rondo
