// The simulated network's datagrams: UDP, which loses, repeats and reorders what the options say,
// and Unix datagrams, which never do and make their sender wait instead.
#include <rondo/runtime/reactor/reactor_sim_parts.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace rondo::detail {
namespace {

constexpr std::size_t largest_udp = 65'507;          // RFC 768, in an IPv4 packet
constexpr std::size_t largest_unix = 212'992 - 32;   // Linux: net.core.wmem_default
constexpr std::size_t udp_receive_buffer = 212'992;  // Linux: net.core.rmem_default
constexpr std::size_t unix_receive_queue = 10;       // Linux: net.unix.max_dgram_qlen
constexpr nanoseconds longest_detour{50'000'000};    // of a datagram that others overtake

// What the receiver of a datagram sees of a socket that is bound to any address.
socket_name seen_from(const socket_name& local, int domain) {
  if (local.size() < sizeof(sockaddr_in) || !is_wildcard(local)) return local;
  socket_name seen = own_address(domain);
  std::memcpy(seen.data() + 2, local.data() + 2, 2);  // its own port
  return seen;
}

}  // namespace

std::int32_t simulated_reactor::perform_datagram(int fd, sim_socket& s, operation& op) {
  one_message m(op);
  switch (op.kind()) {
    case operation_kind::connect: return connect_datagram(s, op);
    case operation_kind::recv:
    case operation_kind::recvmsg: return receive_datagram(s, m.get(), op.flags());
    case operation_kind::send:
    case operation_kind::sendmsg: return send_datagram(fd, s, m.get());
    case operation_kind::recvmmsg:
    case operation_kind::sendmmsg: return transfer_batch(fd, s, op);
    case operation_kind::poll: {
      const std::uint32_t ready =
          POLLOUT | (s.datagrams.empty() ? 0 : POLLIN) | (s.broken ? POLLERR : 0);
      const std::uint32_t asked = ready & (op.flags() | POLLERR);
      return asked ? static_cast<std::int32_t>(asked) : would_block;
    }
    case operation_kind::recv_lent:
    case operation_kind::accept:
    case operation_kind::read:
    case operation_kind::write:
    case operation_kind::fsync:
    case operation_kind::sendfile: break;
  }
  return -EOPNOTSUPP;
}

// Says where datagrams go and from whom they come; AF_UNSPEC takes it back (connect(2)).
std::int32_t simulated_reactor::connect_datagram(sim_socket& s, const operation& op) {
  const auto* name = op.name();
  if (name->sa_family == AF_UNSPEC) {
    s.what = sim_socket::kind::fresh;
    s.remote.clear();
    return 0;
  }
  if (name->sa_family != s.domain) return -EAFNOSUPPORT;
  socket_name remote = name_from(name, op.size());
  int fd = -1;
  if (s.domain == AF_UNIX && !receiver_for(remote, s.local, fd)) return -ECONNREFUSED;
  if (s.local.empty() && s.domain != AF_UNIX) bind_somewhere(s, own_address(s.domain));
  s.remote = std::move(remote);
  s.what = sim_socket::kind::connected;
  return 0;
}

std::int32_t simulated_reactor::receive_datagram(sim_socket& s, msghdr& m, std::uint32_t flags) {
  if (s.broken) return std::exchange(s.broken, 0);
  if (s.datagrams.empty()) return s.read_shut ? 0 : would_block;
  sim_datagram& d = s.datagrams.front();
  const std::size_t whole = d.bytes.size();
  const std::size_t n = std::min(size_of(m), whole);
  scatter(m, d.bytes.data(), n);
  if (m.msg_name) {
    const std::size_t room = m.msg_namelen;
    std::memcpy(m.msg_name, d.from.data(), std::min(room, d.from.size()));
    m.msg_namelen = static_cast<socklen_t>(d.from.size());
  }
  m.msg_controllen = 0;
  m.msg_flags = n < whole ? MSG_TRUNC : 0;
  if (!(flags & MSG_PEEK)) {
    s.datagram_bytes -= whole;
    s.datagrams.pop_front();
    if (s.domain == AF_UNIX) wake_unix_senders();
  }
  return static_cast<std::int32_t>(flags & MSG_TRUNC ? whole : n);
}

std::int32_t simulated_reactor::send_datagram(int fd, sim_socket& s, const msghdr& m) {
  if (s.broken) return std::exchange(s.broken, 0);
  if (s.write_shut) return -EPIPE;
  if (m.msg_controllen > 0) return -EOPNOTSUPP;
  socket_name target =
      m.msg_name ? name_from(static_cast<const sockaddr*>(m.msg_name), m.msg_namelen) : s.remote;
  sim_socket* peer = socket(s.peer);  // of a pair: neither has a name
  if (target.empty() && !peer) return s.domain == AF_UNIX ? -ENOTCONN : -EDESTADDRREQ;
  const std::size_t n = size_of(m);
  if (n > (s.domain == AF_UNIX ? largest_unix : largest_udp)) return -EMSGSIZE;

  sim_event e{.kind = sim_event_kind::datagram};
  e.from = {fd, s.serial};
  if (s.domain == AF_UNIX) {
    int to = s.peer.fd;
    sim_socket* receiver = target.empty() ? peer : receiver_for(target, s.local, to);
    if (!receiver) return -ECONNREFUSED;
    if (receiver->datagrams.size() + receiver->datagrams_coming >= unix_receive_queue)
      return would_block;
    ++receiver->datagrams_coming;
    e.to = {to, receiver->serial};
    e.bytes = gather(m, n);
    e.source = s.local;
    at(delivery_from(s), std::move(e));
    return static_cast<std::int32_t>(n);
  }

  if (s.local.empty()) {
    socket_name any = target;
    if (s.domain == AF_INET) std::memset(any.data() + 4, 0, 4);    // sin_addr
    if (s.domain == AF_INET6) std::memset(any.data() + 8, 0, 16);  // sin6_addr
    bind_somewhere(s, std::move(any));
  }
  if (random_.chance(options_.datagram_loss_)) {
    trace("lost", fd, static_cast<std::int64_t>(n));
    return static_cast<std::int32_t>(n);
  }
  e.bytes = gather(m, n);
  e.source = seen_from(s.local, s.domain);
  e.target = std::move(target);
  if (random_.chance(options_.datagram_duplication_)) at(after_latency(e.target, s.local), e);
  if (random_.chance(options_.datagram_reordering_)) {
    const time_point straight = after_latency(e.target, s.local);
    const nanoseconds detour(random_.between(0, longest_detour.count()));
    at(add(straight, detour), std::move(e));
  } else {
    at(delivery_from(s), std::move(e));
  }
  return static_cast<std::int32_t>(n);
}

std::int32_t simulated_reactor::transfer_batch(int fd, sim_socket& s, operation& op) {
  mmsghdr* messages = op.messages();
  for (std::uint32_t i = 0; i < op.size(); ++i) {
    const std::int32_t r = op.kind() == operation_kind::recvmmsg
                               ? receive_datagram(s, messages[i].msg_hdr, op.flags())
                               : send_datagram(fd, s, messages[i].msg_hdr);
    if (r < 0) return i > 0 ? static_cast<std::int32_t>(i) : r;
    messages[i].msg_len = static_cast<unsigned>(r);
  }
  return static_cast<std::int32_t>(op.size());
}

void simulated_reactor::arrive_datagram(const sim_event& e) {
  int fd = e.to.fd;
  const bool local = e.target.empty();  // Unix: the receiver was found when it was sent
  sim_socket* s = local ? socket(e.to) : receiver_for(e.target, e.source, fd);
  if (local && s) --s->datagrams_coming;
  if (!s) {
    // ICMP: a connected sender hears that nobody is there (udp(7)).
    sim_socket* sender = socket(e.from);
    if (!local && sender && sender->what == sim_socket::kind::connected &&
        sender->remote == e.target)
      at(after_latency(*sender), sim_event{.kind = sim_event_kind::unreachable, .to = e.from});
    return;
  }
  if (!local && s->datagram_bytes + e.bytes.size() > udp_receive_buffer) {
    trace("dropped", fd, static_cast<std::int64_t>(e.bytes.size()));
    return;
  }
  trace("datagram", fd, static_cast<std::int64_t>(e.bytes.size()));
  s->datagram_bytes += e.bytes.size();
  s->datagrams.push_back({e.source, e.bytes});
  progress(fd);
}

sim_socket* simulated_reactor::receiver_for(const socket_name& target, const socket_name& source,
                                            int& fd) noexcept {
  sim_socket* found = nullptr;
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    sim_socket* s = sockets_[i].get();
    if (!s || s->type != SOCK_DGRAM || s->local.empty() || !serves(s->local, target)) continue;
    const bool chosen = s->what == sim_socket::kind::connected;
    if (chosen && s->remote != source) continue;
    if (found && !chosen) continue;  // one connected to the source comes first
    fd = first_simulated_descriptor + static_cast<int>(i);
    found = s;
  }
  return found;
}

void simulated_reactor::wake_unix_senders() {
  table_.for_each([&](int fd, sim_slot&) {
    const sim_socket* s = socket(fd);
    if (s && s->domain == AF_UNIX && s->type == SOCK_DGRAM) try_later(fd, direction::out);
  });
}

}  // namespace rondo::detail
