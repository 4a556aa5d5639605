#include <rondo/net/datagram.hpp>
#include <rondo/runtime/scope.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <vector>

namespace rondo::net {

using rondo::detail::descriptor;
using rondo::detail::io_call;
using rondo::detail::operation_kind;
using rondo::detail::transfers;

namespace {

using namespace std::chrono_literals;

// How long a datagram waits for room in its receiver's queue before it is tried again.
constexpr auto unix_retry = 5ms;

received message_of(const msghdr& m, std::int32_t size) {
  received r;
  r.size = static_cast<std::size_t>(size);
  r.truncated = (m.msg_flags & MSG_TRUNC) != 0;
  if (m.msg_namelen > 0)
    r.from = endpoint::from_sockaddr(static_cast<const sockaddr*>(m.msg_name), m.msg_namelen);
  return r;
}

// A batch in the system's form.
struct system_batch {
  explicit system_batch(std::size_t n) : headers(n), pieces(n), names(n) {
    for (std::size_t i = 0; i < n; ++i) {
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_name = &names[i];
      headers[i].msg_hdr.msg_namelen = sizeof names[i];
    }
  }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(headers.size()); }

  std::vector<mmsghdr> headers;
  std::vector<iovec> pieces;
  std::vector<sockaddr_storage> names;
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] batch_wait final
    : public rondo::detail::io_wait {
 public:
  batch_wait(descriptor d, const io_call& call) noexcept : io_wait(d, call) {}
  std::size_t await_resume() const {
    if (result < 0)
      rondo::detail::throw_io_error(
          result, kind() == operation_kind::sendmmsg ? "send datagrams" : "receive datagrams");
    return static_cast<std::size_t>(result);
  }
};

task<std::size_t> send_all_of(descriptor d, std::span<const outgoing_datagram> datagrams) {
  system_batch b(datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    const outgoing_datagram& o = datagrams[i];
    b.pieces[i] = {const_cast<std::byte*>(o.bytes.data()), o.bytes.size()};
    msghdr& m = b.headers[i].msg_hdr;
    if (o.to == endpoint()) {
      m.msg_name = nullptr;
      m.msg_namelen = 0;
    } else {
      m.msg_namelen = o.to.to_sockaddr(b.names[i]);
    }
  }
  co_return co_await batch_wait(d, io_call::sendmmsg(b.headers.data(), b.size()));
}

task<std::size_t> receive_all_of(descriptor d, std::span<incoming_datagram> datagrams) {
  system_batch b(datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i)
    b.pieces[i] = {datagrams[i].buffer.data(), datagrams[i].buffer.size()};
  const std::size_t n = co_await batch_wait(d, io_call::recvmmsg(b.headers.data(), b.size()));
  for (std::size_t i = 0; i < n; ++i)
    datagrams[i].got =
        message_of(b.headers[i].msg_hdr, static_cast<std::int32_t>(b.headers[i].msg_len));
  co_return n;
}

task<> connect_datagrams(descriptor d, endpoint to) {
  const std::int32_t r = co_await detail::connect_wait(d, to);
  if (r < 0) throw std::system_error(rondo::detail::error_of(r), "connect to " + to.to_string());
}

task<> send_unix(descriptor d, std::span<const std::byte> bytes, endpoint to) {
  while (!co_await try_for(unix_retry, detail::send_message_wait(d, bytes, to))) {
  }
}

}  // namespace

namespace detail {

bool message_wait::begin(job& j) noexcept {
  header_.msg_iov = &piece_;
  header_.msg_iovlen = 1;
  header_.msg_name = name_size_ > 0 ? &name_ : nullptr;
  header_.msg_namelen = name_size_;
  set_message(&header_, transfer_size(piece_.iov_len));
  return io_wait::begin(j);
}

send_message_wait::send_message_wait(descriptor d, std::span<const std::byte> bytes) noexcept
    : message_wait(d, io_call::sendmsg(nullptr, 0), bytes.data(), bytes.size()) {}

send_message_wait::send_message_wait(descriptor d, std::span<const std::byte> bytes,
                                     const endpoint& to) noexcept
    : send_message_wait(d, bytes) {
  name_size_ = to.to_sockaddr(name_);
}

receive_message_wait::receive_message_wait(descriptor d, std::span<std::byte> buffer) noexcept
    : message_wait(d, io_call::recvmsg(nullptr, 0), buffer.data(), buffer.size()) {
  name_size_ = sizeof name_;
}

received receive_message_wait::await_resume() const {
  if (result < 0) rondo::detail::throw_io_error(result, "receive a datagram");
  return message_of(header_, result);
}

outcome<received> receive_message_wait::take_outcome() const {
  if (result < 0) return io_outcome<received>(result, "receive a datagram");
  return outcome<received>(std::in_place, await_resume());
}

}  // namespace detail

task<std::size_t> datagram_socket::send_batch(std::span<const outgoing_datagram> datagrams) {
  return send_all_of(socket_.get(), datagrams.first(std::min(datagrams.size(), largest_batch)));
}

task<std::size_t> datagram_socket::recv_batch(std::span<incoming_datagram> datagrams) {
  return receive_all_of(socket_.get(), datagrams.first(std::min(datagrams.size(), largest_batch)));
}

task<> datagram_socket::connect(endpoint to) {
  return connect_datagrams(socket_.get(), std::move(to));
}

udp_socket udp_socket::bind(const endpoint& at, const udp_options& options) {
  if (!at.is_ip())
    throw std::invalid_argument("udp_socket::bind wants an IP endpoint, not " + at.to_string());
  udp_socket s = open(at.ip().is_v6() ? address_family::v6 : address_family::v4);
  if (options.reuse_address_) s.set(options::reuse_address(true));
  if (options.reuse_port_) s.set(options::reuse_port(true));
  if (s.v6_) s.set(options::v6_only(!options.dual_stack_));
  s.socket_.bind(at);
  return s;
}

udp_socket udp_socket::open(address_family family) {
  const bool v6 = family == address_family::v6;
  return {socket::open(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, transfers::may_stop_short), v6};
}

udp_socket udp_socket::adopt(int fd) {
  socket s = socket::adopt(fd, {.ip = true, .type = SOCK_DGRAM}, transfers::may_stop_short);
  const bool v6 = s.local_endpoint().ip().is_v6();
  return {std::move(s), v6};
}

void udp_socket::membership(const address& group, unsigned interface, bool join) {
  group_req g{};
  g.gr_interface = interface;
  endpoint(group, 0).to_sockaddr(g.gr_group);
  socket_.set_option(v6_ ? IPPROTO_IPV6 : IPPROTO_IP, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                     &g, sizeof g);
}

void udp_socket::multicast_hops(int n) {
  if (v6_)
    socket_.set_option(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &n, sizeof n);
  else
    socket_.set_option(IPPROTO_IP, IP_MULTICAST_TTL, &n, sizeof n);
}

void udp_socket::multicast_loop(bool on) {
  const int value = on ? 1 : 0;
  if (v6_)
    socket_.set_option(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &value, sizeof value);
  else
    socket_.set_option(IPPROTO_IP, IP_MULTICAST_LOOP, &value, sizeof value);
}

void udp_socket::multicast_interface(unsigned interface) {
  if (v6_) {
    socket_.set_option(IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof interface);
  } else {
    ip_mreqn choice{};
    choice.imr_ifindex = static_cast<int>(interface);
    socket_.set_option(IPPROTO_IP, IP_MULTICAST_IF, &choice, sizeof choice);
  }
}

unix_datagram unix_datagram::bind(const endpoint& at, const unix_listen_options& options) {
  detail::want_unix(at, "unix_datagram::bind");
  unix_datagram s = open();
  s.file_ = detail::bind_unix(s.socket_, SOCK_DGRAM, at, options);
  return s;
}

unix_datagram unix_datagram::open() {
  return unix_datagram(socket::open(AF_UNIX, SOCK_DGRAM, transfers::may_stop_short));
}

std::pair<unix_datagram, unix_datagram> unix_datagram::pair() {
  auto [a, b] = socket::open_pair(SOCK_DGRAM, transfers::may_stop_short);
  return {unix_datagram(std::move(a)), unix_datagram(std::move(b))};
}

task<> unix_datagram::send_to(std::span<const std::byte> bytes, endpoint to) {
  return send_unix(socket_.get(), bytes, std::move(to));
}

}  // namespace rondo::net
