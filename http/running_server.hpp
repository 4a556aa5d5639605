// A server while it serves: what a handler may know of it and ask of it.
//
//   task<http::server_response> order(http::server_request& r) {
//     r.server().spawn(send_mail, co_await r.text());   // ends even if this client leaves now
//     co_return http::server_response(202);
//   }
#pragma once

#include <rondo/http/stop_handle.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace rondo::http {

// One call of server::serve(). It lives until that has ended.
class running_server {
 public:
  running_server(const running_server&) = delete;
  running_server& operator=(const running_server&) = delete;

  // Starts a task that is the server's and not the client's: a handler is cancelled when its client
  // goes, this is not. A stop waits for it within the grace, then cancels it. Takes what
  // task_group::spawn takes; what it throws goes to on_unhandled. Throws std::bad_alloc,
  // group_closed.
  template <class... X>
    requires rondo::detail::taskable<X...>
  void spawn(X&&... x) {
    spawn_task(discard(rondo::detail::to_task(std::forward<X>(x)...)));
  }
  template <class... X>
    requires(!rondo::detail::taskable<X...>)
  rondo::detail::refused spawn(X&&...) {
    rondo::detail::refuse_task<X...>();
    return {};
  }

  // A stop was asked for: until_stop() completes then, for handlers that would go on without end.
  // Cancelled: stops waiting.
  bool stopping() const noexcept { return stop_.stopping(); }
  rondo::event::waiter until_stop() noexcept { return stopping_.wait(); }

  // Connections that are open, accepted so far, and of these closed at once because their client
  // had too many.
  std::size_t connections() const noexcept { return connections_; }
  std::uint64_t accepted() const noexcept { return accepted_; }
  std::uint64_t refused() const noexcept { return refused_; }
  // TLS handshakes that failed.
  std::uint64_t tls_failures() const noexcept { return tls_failures_; }

 protected:
  explicit running_server(stop_handle stop) noexcept : stop_(std::move(stop)) {}
  ~running_server() = default;

  virtual void spawn_task(task<> t) = 0;

  stop_handle stop_;
  rondo::event stopping_;
  std::size_t connections_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t tls_failures_ = 0;

 private:
  static task<> discard(task<> t) { return t; }
  template <class T>
  static task<> discard(task<T> t) {
    co_await std::move(t);
  }
};

}  // namespace rondo::http
