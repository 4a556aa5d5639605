#include <rondo/net/tcp.hpp>

#include <sys/socket.h>

namespace rondo::net {

namespace detail {

// With urgent data in line, a short transfer proves that the socket is drained (reactor_epoll.cpp).
// Both options are inherited by what a listener accepts.
socket open_tcp(int family) {
  socket s = socket::open(family, SOCK_STREAM, tcp_stream::transfer_style);
  s.set(options::no_delay(true));
  s.set(urgent_data_in_line(true));
  return s;
}

}  // namespace detail

tcp_listener tcp_listener::bind(const endpoint& at, const listen_options& options) {
  if (!at.is_ip())
    throw std::invalid_argument("tcp_listener::bind wants an IP endpoint, not " + at.to_string());
  socket s = detail::open_tcp(at.family());
  s.set(options::reuse_address(true));
  if (options.reuse_port_) s.set(options::reuse_port(true));
  if (at.ip().is_v6()) s.set(options::v6_only(!options.dual_stack_));
  s.bind(at);
  s.listen(options.backlog_);
  return tcp_listener(std::move(s));
}

tcp_stream tcp_stream::adopt(int fd) {
  socket s = socket::adopt(fd, {.ip = true}, transfer_style);
  s.set(detail::urgent_data_in_line(true));
  return tcp_stream(std::move(s));
}

tcp_listener tcp_listener::adopt(int fd) {
  socket s = socket::adopt(fd, {.ip = true, .listening = true}, tcp_stream::transfer_style);
  s.set(detail::urgent_data_in_line(true));
  return tcp_listener(std::move(s));
}

}  // namespace rondo::net
