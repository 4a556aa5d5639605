// The simulated network's streams: TCP, and Unix streams.
#include <rondo/runtime/reactor/reactor_sim_parts.hpp>

#include <poll.h>

#include <algorithm>
#include <cstring>

namespace rondo::detail {

// After how long Linux gives an unanswered connect up: six repetitions (tcp(7), tcp_syn_retries).
constexpr auto connect_patience = std::chrono::seconds(127);

std::size_t size_of(const msghdr& m) noexcept {
  std::size_t n = 0;
  for (std::size_t i = 0; i < m.msg_iovlen; ++i) n += m.msg_iov[i].iov_len;
  return n;
}

std::string gather(const msghdr& m, std::size_t n) {
  std::string bytes;
  bytes.reserve(n);
  for (std::size_t i = 0; i < m.msg_iovlen && bytes.size() < n; ++i)
    bytes.append(static_cast<const char*>(m.msg_iov[i].iov_base),
                 std::min(m.msg_iov[i].iov_len, n - bytes.size()));
  return bytes;
}

void scatter(const msghdr& m, const char* bytes, std::size_t n) noexcept {
  for (std::size_t i = 0; i < m.msg_iovlen && n > 0; ++i) {
    const std::size_t part = std::min(m.msg_iov[i].iov_len, n);
    if (part > 0) std::memcpy(m.msg_iov[i].iov_base, bytes, part);
    bytes += part;
    n -= part;
  }
}

std::int32_t simulated_reactor::perform_accept(sim_socket& s) {
  if (s.what != sim_socket::kind::listening) return -EINVAL;
  while (!s.backlog.empty()) {
    const socket_ref next = s.backlog.front();
    s.backlog.pop_front();
    if (socket(next)) return next.fd;
  }
  return would_block;
}

std::int32_t simulated_reactor::perform_connect(int fd, sim_socket& s, operation& op) {
  switch (s.what) {
    case sim_socket::kind::fresh: {
      s.remote = name_from(op.name(), op.size());
      if (s.local.empty() && s.domain != AF_UNIX) bind_somewhere(s, own_address(s.domain));
      s.what = sim_socket::kind::connecting;
      if (const simulated_address* to = address_of(s.remote); to && to->connect_error_ != 0) {
        sim_event verdict{.kind = sim_event_kind::verdict, .to = {fd, s.serial}};
        verdict.result = -to->connect_error_;
        at(to->connect_error_ == ETIMEDOUT ? add(now_, connect_patience)
                                           : add(after_latency(s), after_latency(s) - now_),
           std::move(verdict));
        return would_block;
      }
      sim_event e{.kind = sim_event_kind::syn};
      e.from = {fd, s.serial};
      at(after_latency(s), std::move(e));
      return would_block;
    }
    case sim_socket::kind::connecting: return s.answered ? s.verdict : would_block;
    case sim_socket::kind::connected: return s.answered ? 0 : -EISCONN;
    case sim_socket::kind::listening: return -EISCONN;
  }
  return -EINVAL;
}

std::int32_t simulated_reactor::perform_recv(sim_socket& s, msghdr& m, std::uint32_t flags) {
  if (s.what != sim_socket::kind::connected) return -ENOTCONN;
  m.msg_namelen = 0;
  m.msg_controllen = 0;
  m.msg_flags = 0;
  // What had come before a reset can still be read, as on Linux.
  if (s.inbox.empty() && s.broken) return std::exchange(s.broken, 0);
  if (s.inbox.empty()) return s.end_arrived || s.reset || s.read_shut ? 0 : would_block;
  std::size_t n = std::min(size_of(m), s.inbox.size());
  if (n > 1 && random_.chance(options_.short_transfers_))
    n = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(n) - 1));
  scatter(m, s.inbox.data(), n);
  if (flags & MSG_PEEK) return static_cast<std::int32_t>(n);
  s.inbox.erase(0, n);
  // There is room again for the writer on the other side.
  if (socket(s.peer) && n > 0) try_later(s.peer.fd, direction::out);
  return static_cast<std::int32_t>(n);
}

std::int32_t simulated_reactor::perform_receive(sim_socket& s, operation& op) {
  void* buffer = pool_.take();
  if (!buffer) return -ENOBUFS;
  op.lend(buffer, buffer_pool::buffer_size);
  one_message m(op);
  const std::int32_t n = perform_recv(s, m.get(), 0);
  if (n <= 0) pool_.give_back(op.take_lent());
  return n;
}

std::int32_t simulated_reactor::perform_send(int fd, sim_socket& s, const msghdr& m) {
  if (m.msg_controllen > 0) return -EOPNOTSUPP;
  if (s.what != sim_socket::kind::connected)
    return s.what == sim_socket::kind::connecting ? would_block : -ENOTCONN;
  if (s.broken) return std::exchange(s.broken, 0);  // as recv: whoever comes first is told
  if (s.write_shut || s.reset) return -EPIPE;
  if (random_.chance(options_.resets_)) {
    send_reset(s);
    s.reset = true;
    try_later(fd, direction::in);  // not progress(): it would try this very send again
    return -ECONNRESET;
  }
  sim_socket* peer = socket(s.peer);
  const std::size_t held = s.in_transit + (peer ? peer->inbox.size() : 0);
  const std::size_t wanted = size_of(m);
  if (held >= options_.window_ && wanted > 0) return would_block;
  std::size_t n = std::min<std::size_t>(wanted, options_.window_ - held);
  if (n > 1 && random_.chance(options_.short_transfers_))
    n = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(n) - 1));
  sim_event e{.kind = sim_event_kind::data, .to = s.peer};
  e.from = {fd, s.serial};
  e.bytes = gather(m, n);
  s.in_transit += n;
  at(delivery_from(s), std::move(e));
  return static_cast<std::int32_t>(n);
}

std::int32_t simulated_reactor::perform_poll(sim_socket& s, const operation& op) {
  std::uint32_t ready = 0;
  const bool readable = s.what == sim_socket::kind::listening
                            ? !s.backlog.empty()
                            : !s.inbox.empty() || s.end_arrived || s.reset || s.broken != 0;
  if (readable) ready |= POLLIN;
  const sim_socket* peer = socket(s.peer);
  const bool writable =
      s.what == sim_socket::kind::connected &&
      (s.reset || s.in_transit + (peer ? peer->inbox.size() : 0) < options_.window_);
  if (writable) ready |= POLLOUT;
  if (s.reset) ready |= POLLERR;
  ready &= op.flags() | POLLERR;
  return ready ? static_cast<std::int32_t>(ready) : would_block;
}

std::int32_t simulated_reactor::perform_gone(const sim_socket& s, const operation& op) {
  std::uint32_t seen = 0;
  if (s.end_arrived) seen |= POLLRDHUP;
  // Both directions have ended; or it is a Unix socket, of which the kernel knows that the peer's
  // is closed.
  if (s.end_arrived && (s.write_shut || (s.domain == AF_UNIX && !socket(s.peer)))) seen |= POLLHUP;
  if (s.reset || s.broken != 0) seen |= POLLHUP | POLLERR;
  seen &= op.flags() | POLLERR | POLLHUP;
  return seen ? static_cast<std::int32_t>(seen) : would_block;
}

void simulated_reactor::send_end(sim_socket& s) {
  if (s.write_shut || s.reset) return;
  s.write_shut = true;
  at(delivery_from(s), sim_event{.kind = sim_event_kind::end, .to = s.peer});
}

void simulated_reactor::send_reset(sim_socket& s) {
  at(after_latency(s), sim_event{.kind = sim_event_kind::reset, .to = s.peer});
}

void simulated_reactor::break_connection(int fd, sim_socket& s, std::int32_t error) {
  s.reset = true;
  s.broken = error;
  progress(fd);
}

int simulated_reactor::shutdown(int fd, int how) noexcept {
  sim_socket* s = socket(fd);
  if (!s || s->what != sim_socket::kind::connected) return -ENOTCONN;
  trace("shutdown", fd, how);
  if (how == SHUT_WR || how == SHUT_RDWR) {
    if (s->type == SOCK_DGRAM)
      s->write_shut = true;
    else
      send_end(*s);
  }
  if (how == SHUT_RD || how == SHUT_RDWR) {
    s->read_shut = true;
    s->inbox.clear();
  }
  progress(fd);
  return 0;
}

bool simulated_reactor::readable_now(int fd) noexcept {
  const sim_socket* s = socket(fd);
  return !s || !s->inbox.empty() || !s->datagrams.empty() || s->end_arrived || s->reset ||
         s->broken != 0;
}

int simulated_reactor::send_now(int fd, const void* data, std::size_t size) noexcept {
  sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  iovec piece{const_cast<void*>(data), size};
  msghdr m{};
  m.msg_iov = &piece;
  m.msg_iovlen = 1;
  const std::int32_t r = perform_send(fd, *s, m);
  trace("send now", fd, r);
  return r;
}

void simulated_reactor::close(descriptor d) noexcept {
  sim_slot* slot = table_.find(d);
  if (!slot) return;
  trace("close", d.fd, 0);
  for (const direction way : {direction::in, direction::out, direction::gone})
    if (const operation* op = slot->waiting[index(way)])
      finish(d.fd, way, op->cancel_asked ? -ECANCELED : result_closed);
  *slot = sim_slot{};
  auto& place = sockets_[static_cast<std::size_t>(d.fd - first_simulated_descriptor)];
  if (!place) return;
  sim_socket& s = *place;
  if (s.type == SOCK_DGRAM) {
    const bool is_unix = s.domain == AF_UNIX;
    place.reset();
    if (is_unix) wake_unix_senders();  // whoever waited for room here is refused
    return;
  }
  if (s.what == sim_socket::kind::connecting && s.peer.fd >= 0) send_reset(s);
  if (s.what == sim_socket::kind::connected && !s.reset) {
    if (!s.inbox.empty())
      send_reset(s);  // RFC 9293, 3.10.4: closing with data unread resets
    else if (s.write_shut && s.domain == AF_UNIX)  // its peer learns that it reads no more
      at(delivery_from(s), sim_event{.kind = sim_event_kind::end, .to = s.peer});
    else
      send_end(s);
  }
  for (const socket_ref waiting : s.backlog)
    if (sim_socket* unserved = socket(waiting)) {
      send_reset(*unserved);
      sockets_[static_cast<std::size_t>(waiting.fd - first_simulated_descriptor)].reset();
    }
  place.reset();
}

}  // namespace rondo::detail
