// serve: accepts connections and runs a handler for each, side by side.
//
//   serve_handle server;
//   g.spawn(serve(tcp_listener::bind(endpoint::parse("127.0.0.1:8080")),
//                 [](tcp_stream s) -> task<> { … }, serve_options().max_connections(9), server));
//   …
//   server.stop();   // and serve ends when its connections have
#pragma once

#include <rondo/net/accept.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::net {

// Every setter returns the object itself.
struct serve_options {
  // Connections at a time; more wait in the listener's backlog. 10,000.
  serve_options& max_connections(rondo::detail::amount n) noexcept {
    max_connections_ = n;
    return *this;
  }
  // After a stop was asked for: how long handlers may go on before they are cancelled. 30 s.
  template <class Rep, class Period>
  serve_options& grace(std::chrono::duration<Rep, Period> d) noexcept {
    grace_ = rondo::detail::saturate(d);
    return *this;
  }
  // After that: how long their cleanup may take before their connections are closed under them. 5
  // s.
  template <class Rep, class Period>
  serve_options& cancel_grace(std::chrono::duration<Rep, Period> d) noexcept {
    cancel_grace_ = rondo::detail::saturate(d);
    return *this;
  }
  // Names each handler in the tree of tasks by its connection's peer, when somebody asks. True.
  serve_options& name_connections(bool yes) noexcept {
    name_connections_ = yes;
    return *this;
  }

  std::size_t max_connections_ = 10'000;
  rondo::detail::nanoseconds grace_ = std::chrono::seconds(30);
  rondo::detail::nanoseconds cancel_grace_ = std::chrono::seconds(5);
  bool name_connections_ = true;
};

namespace detail {

class server;

// What a handle and the serve() calls it was given to share.
struct serve_state {
  event stop;
  std::vector<cancel_scope*> accepting;
  std::size_t connections = 0;
  std::uint64_t accepted = 0;
};

}  // namespace detail

// Copies mean the same servers; one handle may be given to several. On the loop's thread (from
// another one through loop.post).
class serve_handle {
 public:
  // For servers that are still to be given it.
  serve_handle();

  // Asks for a graceful stop, at once and any number of times: no more is accepted; the handlers
  // have options.grace to end; then they are cancelled, and serve() ends when they have. What still
  // runs after options.cancel_grace has its connection closed under it.
  void stop() noexcept;
  bool stopping() const noexcept { return state_->stop.is_set(); }
  // Completes when a stop was asked for: for handlers that would wait for more work. Cancelled:
  // stops waiting.
  event::waiter until_stop() noexcept { return state_->stop.wait(); }
  // Handlers that run now, and connections accepted so far.
  std::size_t connections() const noexcept { return state_->connections; }
  std::uint64_t accepted() const noexcept { return state_->accepted; }

 private:
  friend class detail::server;
  std::shared_ptr<detail::serve_state> state_;
};

namespace detail {

// How long accept rests when the process or the system has no descriptor or memory left for one
// more; less when a connection of ours ends before.
inline constexpr auto accept_rest = std::chrono::milliseconds(50);

// What a failed accept means for the next (accept(2)).
enum class accept_verdict : std::uint8_t { again, rest, fatal };
accept_verdict judge_accept(std::error_code error) noexcept;

// What the task of a connection on this socket is called: "connection ", and its peer.
std::string connection_name(descriptor socket);

// What serve() keeps that does not depend on types: the connections, and how they are brought to an
// end.
class server {
 public:
  struct connection final : rondo::detail::task_namer {
    std::string task_name() const override { return connection_name(socket); }

    descriptor socket = closed_descriptor;
    std::optional<join_handle<void>> handler;
    rondo::detail::child_record* named = nullptr;  // the handler's task, which it names
  };
  using place = std::list<connection>::iterator;

  server(const serve_options& options, serve_handle handle);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  bool stopping() const noexcept { return handle_.stopping(); }
  cancel_scope& accepting() noexcept { return accepting_; }
  bool has_room() const noexcept { return connections_.size() < options_.max_connections_; }
  // Until there is room for one more.
  task<> wait_for_room();
  // Until one has ended, or accept may be tried again.
  task<> rest();
  place add();
  void remove(place where) noexcept;
  // After the listener is closed: starts what was held by `rest`, waits, cancels, closes. Ends when
  // no handler is left that could be.
  task<> wind_down(task<> rest);
  // The running handler has its name from there. Throws std::bad_alloc.
  void name_task(place where) const;

 private:
  task<> wait_for_all();
  task<> wait_for_rest_and_all(task<> rest);

  serve_options options_;
  serve_handle handle_;
  cancel_scope accepting_;
  std::list<connection> connections_;
  event one_ended_;
};

// An argument of the handler's task, so that a connection leaves even if its task never runs.
class leaving {
 public:
  leaving(server& s, server::place where) noexcept : server_(&s), where_(where) {}
  leaving(leaving&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), where_(other.where_) {}
  leaving& operator=(leaving&&) = delete;
  ~leaving() {
    if (server_) server_->remove(where_);
  }
  void name_task() const { server_->name_task(where_); }

 private:
  server* server_;
  server::place where_;
};

template <class Handler, class Stream>
task<> serve_one(leaving leave, Handler& handler, Stream stream) {
  try {
    if constexpr (requires { stream.native().get(); }) leave.name_task();
    co_await handler(std::move(stream));
  } catch (...) {
    rondo::detail::report_unhandled(
        std::current_exception());  // one connection's failure is not the server's
  }
}

template <class Listener, class Handler>
void start(server& s, task_group& g, Handler& handler, accepted_t<Listener> stream) {
  const server::place where = s.add();
  if constexpr (requires { stream.native().get(); }) where->socket = stream.native().get();
  auto handle = g.spawn(
      serve_one<Handler, accepted_t<Listener>>(leaving(s, where), handler, std::move(stream)));
  // In a group that is being cancelled it has gone already, and its place with it.
  if (!handle.done()) where->handler = std::move(handle);
}

template <class Listener, class Handler>
task<> accept_all(server& s, task_group& g, Listener& l, Handler& handler) {
  for (;;) {
    co_await s.wait_for_room();
    auto next = co_await as_result(l.accept());
    if (!next.has_value()) {
      switch (judge_accept(next.code())) {
        case accept_verdict::again: break;
        case accept_verdict::rest: co_await s.rest(); break;
        case accept_verdict::fatal: std::rethrow_exception(next.error());
      }
      continue;
    }
    start<Listener>(s, g, handler, std::move(next).value());
  }
}

// What has been taken from the kernel already, which nobody else can serve. Gives those for which
// there is no room yet.
template <class Listener, class Handler>
task<std::vector<accepted_t<Listener>>> accept_what_was_taken(server& s, task_group& g, Listener& l,
                                                              Handler& handler) {
  std::vector<accepted_t<Listener>> held;
  for (std::size_t n = leave_connections(l); n > 0; --n) {
    auto next = co_await as_result(l.accept());
    if (!next.has_value()) break;
    if (held.empty() && s.has_room())
      start<Listener>(s, g, handler, std::move(next).value());
    else
      held.push_back(std::move(next).value());
  }
  co_return held;
}

// Each when another has ended.
template <class Listener, class Handler>
task<> start_held(server& s, task_group& g, Handler& handler,
                  std::vector<accepted_t<Listener>> held) {
  for (auto& stream : held) {
    co_await s.wait_for_room();
    start<Listener>(s, g, handler, std::move(stream));
  }
}

}  // namespace detail

// Serves until `handle` asks for a stop, or the listener fails (std::system_error). What a handler
// throws goes to on_unhandled. A lack of descriptors or memory is waited out. Cancelled: stops
// accepting, cancels the handlers and waits for them.
template <listener Listener, class Handler>
task<> serve(Listener listener, Handler handler, serve_options options = {},
             serve_handle handle = {}) {
  detail::server s(options, handle);
  std::vector<accepted_t<Listener>> held;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    if (!s.stopping()) {
      const outcome<void> ended = co_await s.accepting().run(
          detail::accept_all<Listener, Handler>(s, g, listener, handler));
      if (ended.has_error()) std::rethrow_exception(ended.error());
      held = co_await detail::accept_what_was_taken(s, g, listener, handler);
    }
    listener.close();
    co_await s.wind_down(detail::start_held<Listener, Handler>(s, g, handler, std::move(held)));
  });
}

}  // namespace rondo::net
