// TCP.
//
//   tcp_stream s = co_await tcp_stream::connect("example.org", 80);
//   co_await s.write_all(bytes_of("hello"));
//   std::size_t n = co_await s.read_some(buffer);
//
// TCP_NODELAY is on; sockets are CLOEXEC; SIGPIPE is never raised.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace rondo::net {

class tcp_stream : public stream_socket {
 public:
  // Closed from the start, to be assigned to.
  tcp_stream() = default;
  explicit tcp_stream(socket s) noexcept : stream_socket(std::move(s)) {}

  // Resolves the name and tries its addresses in order. Throws resolve_error, or std::system_error with the
  // errno of the most telling attempt. Cancelled: nothing stays open.
  static task<tcp_stream> connect(std::string host, std::uint16_t port);
  static task<tcp_stream> connect(endpoint to);
};

struct listen_options {
  listen_options& backlog(int n) {
    backlog_ = n;
    return *this;
  }
  // Several listeners on one port; the kernel spreads the connections.
  listen_options& reuse_port(bool on) {
    reuse_port_ = on;
    return *this;
  }
  int backlog_ = 4096;
  bool reuse_port_ = false;
};

namespace detail {

class accept_wait final : public io_wait {
 public:
  explicit accept_wait(descriptor d) noexcept : io_wait(operation_kind::accept, direction::in, d) {}
  tcp_stream await_resume();
  outcome<tcp_stream> take_outcome();
};

}  // namespace detail

class tcp_listener {
 public:
  tcp_listener() = default;
  // Binds and listens. Port 0 picks one; local_endpoint() tells. Throws std::system_error that names the
  // endpoint.
  static tcp_listener bind(const endpoint& at, const listen_options& options = {});

  // Completes with the next connection. Throws std::system_error: EMFILE, io_errc::closed, …
  [[nodiscard]] detail::accept_wait accept() noexcept { return detail::accept_wait(socket_.get()); }
  endpoint local_endpoint() const { return socket_.local_endpoint(); }
  // A waiting accept ends with io_errc::closed.
  void close() noexcept { socket_.close(); }
  bool is_open() const noexcept { return socket_.is_open(); }
  socket& native() noexcept { return socket_; }

 private:
  explicit tcp_listener(socket s) noexcept : socket_(std::move(s)) {}
  socket socket_;
};

}  // namespace rondo::net
