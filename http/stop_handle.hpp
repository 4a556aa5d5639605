// Asks servers to stop: of one handle any number of them, on any loops, whatever thread asks.
//
//   http::stop_handle stop;
//   g.spawn([&] { return server.serve(std::move(listener), stop); });
//   …
//   stop.stop();        // serve() ends when what is under way has been answered
//   stop.end_grace();   // or now: what still runs is cancelled
//
// What a stop does, and in which order, is told at server::serve.
#pragma once

#include <rondo/runtime/core/remote_queue.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/remote.hpp>
#include <rondo/runtime/task.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace rondo::http {

namespace detail {

class stop_state;
struct stop_access;

// Hears of a stop on one loop.
class stop_watch final : public rondo::detail::remote_node {
 public:
  // For the loop that runs. `told(whom)` is called on its thread when a stop is asked for, and
  // again when its grace ends.
  using callback = void (*)(void* whom) noexcept;
  stop_watch(std::shared_ptr<stop_state> state, callback told, void* whom);
  stop_watch(const stop_watch&) = delete;
  stop_watch& operator=(const stop_watch&) = delete;

  rondo::event& stopping() noexcept { return stopping_; }
  bool grace_is_over() const noexcept { return grace_is_over_; }
  // Whoever was told is told no more.
  void forget() noexcept { whom_ = nullptr; }

  void run() noexcept override;
  void drop() noexcept override;

 private:
  friend class stop_state;
  std::shared_ptr<stop_watch> arrived() noexcept;
  void look() noexcept;

  std::shared_ptr<stop_state> state_;
  std::shared_ptr<rondo::detail::mailbox> home_;
  std::shared_ptr<stop_watch> under_way_;  // itself, while it is posted; under the state's mutex
  callback told_;
  void* whom_;
  rondo::event stopping_;
  bool grace_is_over_ = false;
};

// What the copies of a handle share.
class stop_state : public std::enable_shared_from_this<stop_state> {
 public:
  enum class stage : std::uint8_t { running, stopping, grace_is_over };

  stage now() const noexcept { return stage_.load(std::memory_order_acquire); }
  void advance(stage to) noexcept;
  // On the loop's thread. Throws std::bad_alloc. What has been asked for already is told at once.
  std::shared_ptr<stop_watch> watch(stop_watch::callback told, void* whom);
  void leave(const stop_watch& w) noexcept;

 private:
  friend class stop_watch;
  std::mutex mutex_;
  std::atomic<stage> stage_{stage::running};
  std::vector<std::shared_ptr<stop_watch>> watches_;
};

}  // namespace detail

// Copies mean the same stop, which is asked for once and never taken back. Every member may be
// called from any thread, but not from a signal handler (run_server turns signals into it).
class stop_handle {
 public:
  // Throws std::bad_alloc.
  stop_handle();

  // Asks for a graceful stop; any number of times.
  void stop() noexcept { state_->advance(detail::stop_state::stage::stopping); }
  // The same, and ends its grace: handlers that run are cancelled, and have cancel_grace left.
  void end_grace() noexcept { state_->advance(detail::stop_state::stage::grace_is_over); }
  // A stop was asked for.
  bool stopping() const noexcept { return state_->now() != detail::stop_state::stage::running; }
  // Completes when a stop was asked for, on the loop of whoever awaits it. Throws std::bad_alloc.
  // Cancellation: stops waiting.
  task<> until_stop() const;

 private:
  friend struct detail::stop_access;
  std::shared_ptr<detail::stop_state> state_;
};

namespace detail {

// For the server.
struct stop_access {
  static const std::shared_ptr<stop_state>& state(const stop_handle& h) noexcept {
    return h.state_;
  }
};

}  // namespace detail
}  // namespace rondo::http
