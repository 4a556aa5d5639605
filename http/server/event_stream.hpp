// An event stream as the body of a response, and the handler that runs beside it. Internal.
//
// The handler is a task of its own, and gives its events to a line of one; the body is a source
// like any other, which takes them from there. So a middleware sees each event as a piece, and the
// connection writes each piece when the one before has gone.
//
//   handler ── send() ──► line ── next() ──► source ── middleware ──► connection
//                          ▲
//                  a comment, when nothing was sent for a while
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/http/event_sink.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/timers.hpp>
#include <rondo/runtime/task_group.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http::detail {

// A handler of events with its type erased.
struct any_event_handler {
  any_event_handler() = default;
  any_event_handler(const any_event_handler&) = delete;
  any_event_handler& operator=(const any_event_handler&) = delete;
  virtual ~any_event_handler() = default;
  virtual task<> call(event_sink& out) = 0;
};

template <class Handler>
struct typed_event_handler final : any_event_handler {
  explicit typed_event_handler(Handler h) : handler(std::move(h)) {}
  task<> call(event_sink& out) override { return handler(out); }
  Handler handler;
};

class event_stream final : private rondo::detail::timer {
 public:
  // A comment is written when nothing else was for so long; zero or less: never.
  event_stream(std::unique_ptr<any_event_handler> handler, rondo::detail::nanoseconds quiet)
      : timer(&fired), handler_(std::move(handler)), quiet_(quiet) {}
  event_stream(const event_stream&) = delete;
  event_stream& operator=(const event_stream&) = delete;
  ~event_stream();

  // The body. It is read while run_beside() runs.
  static std::unique_ptr<body_source> source_of(std::shared_ptr<event_stream> s);

  // Runs the handler beside `sending`, which sends the body. Completes when both have ended, and
  // throws what the first that failed did: a write that fails cancels the handler, a handler that
  // fails cuts the body off. Cancellation: both stop.
  task<> run_beside(task<> sending);
  // The handler is cancelled, or never begun; what it has sent goes out, and the stream ends as if
  // it had returned.
  void stop() noexcept {
    stopped_ = true;
    if (running_) running_->cancel();
  }

 private:
  // Ends the stream when it goes: as an argument, however the task that has it does, begun or not.
  class ending {
   public:
    explicit ending(queue<std::string>& line) noexcept : line_(&line) {}
    ending(ending&& other) noexcept : line_(std::exchange(other.line_, nullptr)) {}
    ending& operator=(ending&&) = delete;
    ~ending() {
      if (line_) line_->close();
    }

   private:
    queue<std::string>* line_;
  };

  task<> run_handler(ending end);
  task<std::optional<std::string>> next();
  void say_something() noexcept;
  static void fired(timer& t) noexcept { static_cast<event_stream&>(t).say_something(); }

  std::unique_ptr<any_event_handler> handler_;
  event_sink sink_;
  std::optional<join_handle<void>> running_;
  rondo::detail::nanoseconds quiet_;
  rondo::detail::time_point last_{};  // something was written
  bool stopped_ = false;
};

}  // namespace rondo::http::detail
