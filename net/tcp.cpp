#include <rondo/net/resolver.hpp>
#include <rondo/net/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace rondo::net {

using rondo::detail::transfers;

namespace {

// With urgent data in line, a short transfer proves that the socket is drained (reactor_epoll.cpp). Both
// options are inherited by what a listener accepts.
void set_stream_options(socket& s) {
  s.set_option(IPPROTO_TCP, TCP_NODELAY, 1);
  s.set_option(SOL_SOCKET, SO_OOBINLINE, 1);
}

class connect_wait final : public rondo::detail::io_wait {
 public:
  connect_wait(rondo::detail::descriptor d, const endpoint& to) noexcept
      : io_wait(rondo::detail::operation_kind::connect, rondo::detail::direction::out, d) {
    size = to.to_sockaddr(name_);
  }
  bool begin(rondo::detail::job& j) noexcept override {
    data = &name_;  // here, because an awaiter may move until it is awaited
    return io_wait::begin(j);
  }
  std::int32_t await_resume() const noexcept { return result; }

 private:
  sockaddr_storage name_{};
};

// A port of our own range may connect to itself when nobody listens on it (a simultaneous open with
// itself): that is a refusal.
bool connected_to_itself(const socket& s, const endpoint& to) {
  return to.is_ip() && to.ip().is_loopback() && s.local_endpoint() == to;
}

struct attempt {
  tcp_stream stream;
  std::int32_t error = 0;
};

task<attempt> try_connect(endpoint to) {
  socket s = socket::open(to.family(), SOCK_STREAM, transfers::stop_short_when_drained);
  set_stream_options(s);
  std::int32_t r = co_await connect_wait(s.get(), to);
  if (r == 0 && connected_to_itself(s, to)) r = -ECONNREFUSED;
  attempt a;
  a.error = r;
  if (r == 0) a.stream = tcp_stream(std::move(s));
  co_return a;
}

// The more an error tells about the other side, the better it explains why nothing could be reached.
int telling(std::int32_t error) noexcept {
  switch (-error) {
    case ECONNREFUSED: return 3;
    case ETIMEDOUT: return 2;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return 0;
    default: return 1;
  }
}

}  // namespace

task<tcp_stream> tcp_stream::connect(endpoint to) {
  attempt a = co_await try_connect(to);
  if (a.error < 0)
    throw std::system_error(rondo::detail::error_of(a.error), "connect to " + to.to_string());
  co_return std::move(a.stream);
}

task<tcp_stream> tcp_stream::connect(std::string host, std::uint16_t port) {
  const std::vector<endpoint> candidates = co_await resolve(host, port);
  std::int32_t worst = 0;
  endpoint where;
  for (const endpoint& to : candidates) {
    attempt a = co_await try_connect(to);
    if (a.error == 0) co_return std::move(a.stream);
    if (worst != 0 && telling(a.error) <= telling(worst)) continue;
    worst = a.error;
    where = to;
  }
  throw std::system_error(rondo::detail::error_of(worst),
                          "connect to " + host + " (" + where.to_string() + ")");
}

tcp_listener tcp_listener::bind(const endpoint& at, const listen_options& options) {
  if (!at.is_ip())
    throw std::invalid_argument("tcp_listener::bind wants an IP endpoint, not " + at.to_string());
  socket s = socket::open(at.family(), SOCK_STREAM, transfers::may_stop_short);
  s.set_option(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port_) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
  if (at.ip().is_v6()) s.set_option(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set_stream_options(s);
  s.bind(at);
  s.listen(options.backlog_);
  return tcp_listener(std::move(s));
}

namespace detail {

tcp_stream accept_wait::await_resume() {
  if (result < 0) rondo::detail::throw_io_error(result, "accept");
  return tcp_stream(socket(result, transfers::stop_short_when_drained));
}

outcome<tcp_stream> accept_wait::take_outcome() {
  if (result < 0) return io_outcome<tcp_stream>(result, "accept");
  return outcome<tcp_stream>(std::in_place, await_resume());
}

bool shutdown_wait::begin(job& j) noexcept {
  if (j.must_stop()) {
    j.wake_stopped();
    return false;
  }
  result_ = socket_->shutdown(SHUT_WR);
  return true;
}

}  // namespace detail
}  // namespace rondo::net
