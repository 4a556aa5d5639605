#include <rondo/runtime/descriptors.hpp>
#include <rondo/runtime/random.hpp>
#include <rondo/runtime/reactor.hpp>
#include <rondo/runtime/reactor_sim.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace rondo::detail {
namespace {

constinit thread_local const simulation_options* running_simulation = nullptr;

constexpr int first_descriptor = 1'000'000;
constexpr std::int32_t would_block = -EAGAIN;
constexpr std::uint16_t first_port = 49152;              // of the ephemeral ones (RFC 6335)
constexpr auto connect_retry = std::chrono::seconds(1);  // as Linux does when a backlog is full

// A socket's name as bytes that compare: what bind was given, without padding.
using socket_name = std::string;

socket_name name_from(const sockaddr* name, socklen_t size) {
  return {reinterpret_cast<const char*>(name), size};
}

// The other end of something: by number and by a serial that is never used twice.
struct socket_ref {
  int fd = -1;
  std::uint64_t serial = 0;
};

struct sim_socket {
  enum class kind : std::uint8_t { fresh, listening, connecting, connected };
  kind what = kind::fresh;
  int domain = 0;
  std::uint64_t serial = 0;
  socket_name local;
  socket_name remote;
  // listening
  std::deque<socket_ref> backlog;
  std::size_t backlog_limit = 0;
  // connecting: the verdict, once it has arrived
  bool answered = false;
  std::int32_t verdict = 0;
  // connected
  socket_ref peer;
  std::string inbox;           // arrived, not read
  std::size_t in_transit = 0;  // bytes on their way from here to the peer
  time_point last_delivery{};  // of what was sent from here
  bool end_arrived = false;    // the peer's FIN
  bool write_shut = false;     // our FIN is on its way
  bool read_shut = false;
  std::int32_t broken = 0;  // a reset: the errno that recv reports once
  bool reset = false;
};

struct sim_slot : descriptor_slot {
  std::array<std::uint64_t, 2> started{};  // serial of the operation in flight, by direction
};

enum class event_kind : std::uint8_t { perform, cancel, syn, verdict, data, end, reset };

struct event {
  event_kind kind;
  socket_ref to{};
  direction way = direction::in;  // perform, cancel
  std::uint64_t started = 0;      // perform, cancel
  socket_ref from{};              // syn; data: who learns that there is room again
  std::int32_t result = 0;        // verdict
  std::string bytes{};            // data
};

class simulated_reactor final : public reactor {
 public:
  simulated_reactor(const simulation_options& options, operation_queue& completed)
      : reactor(completed), options_(options), random_(options.seed_) {
    running_simulation = &options_;
  }
  ~simulated_reactor() override { running_simulation = nullptr; }

  bool start(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;
  bool wait(time_point deadline) noexcept override;
  void wake() noexcept override {}  // threads run inline
  time_point now() noexcept override { return now_; }

  int open_socket(int domain, int type, int protocol) noexcept override;
  int bind(int fd, const sockaddr* name, socklen_t size) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int set_option(int, int, int, const void*, socklen_t) noexcept override { return 0; }
  int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept override;
  int local_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int shutdown(int fd, int how) noexcept override;
  bool readable_now(int fd) noexcept override;
  std::uint32_t attach(int fd, transfers) override { return table_.attach(fd).generation; }
  void close(descriptor d) noexcept override;
  void break_writes(descriptor d) noexcept override {
    if (sim_slot* s = table_.find(d)) s->write_broken = true;
  }
  const char* name() const noexcept override { return "simulated"; }

 private:
  sim_socket* socket(int fd) noexcept;
  sim_socket* socket(socket_ref r) noexcept;
  int new_socket(int domain);
  std::uint16_t new_port() noexcept;
  void at(time_point when, event e) {
    events_.emplace(std::pair(when, ++event_serial_), std::move(e));
  }
  time_point after_latency() noexcept;
  time_point delivery_from(sim_socket& s) noexcept;
  sim_socket* listener_for(const socket_name& name, int& fd) noexcept;

  std::int32_t perform(int fd, sim_socket& s, operation& op);
  std::int32_t perform_accept(sim_socket& s);
  std::int32_t perform_connect(int fd, sim_socket& s, operation& op);
  std::int32_t perform_recv(sim_socket& s, operation& op);
  std::int32_t perform_send(int fd, sim_socket& s, operation& op);
  std::int32_t perform_poll(sim_socket& s, const operation& op);
  // Tries what waits on a socket, after something changed there.
  void progress(int fd);
  // The same for one direction, in this instant but not within this call.
  void try_later(int fd, direction way);
  void finish(int fd, direction way, std::int32_t result) noexcept;
  void happen(event& e);
  void arrive(const event& e);
  void send_end(sim_socket& s);
  void send_reset(sim_socket& s);
  void break_connection(int fd, sim_socket& s, std::int32_t error);
  void trace(const char* what, int fd, std::int64_t value) noexcept;

  simulation_options options_;
  random_source random_;
  time_point now_{std::chrono::hours(1)};
  descriptor_table<sim_slot, first_descriptor> table_;
  std::vector<std::unique_ptr<sim_socket>> sockets_;
  std::map<std::pair<time_point, std::uint64_t>, event> events_;
  std::uint64_t event_serial_ = 0;
  std::uint64_t socket_serial_ = 0;
  std::uint64_t start_serial_ = 0;
  std::uint16_t next_port_ = first_port;
};

// --- time and events --------------------------------------------------------------------------------

time_point simulated_reactor::after_latency() noexcept {
  return add(now_, nanoseconds(random_.between(options_.least_latency_.count(),
                                               options_.most_latency_.count())));
}

// What was sent in order arrives in order.
time_point simulated_reactor::delivery_from(sim_socket& s) noexcept {
  s.last_delivery = std::max(s.last_delivery, after_latency());
  return s.last_delivery;
}

bool simulated_reactor::wait(time_point deadline) noexcept {
  if (something_completed()) deadline = time_point::min();
  const time_point next = events_.empty() ? never : events_.begin()->first.first;
  if (next > now_) {
    if (deadline <= now_) return true;
    if (next == never && deadline == never) return false;
    now_ = std::min(next, deadline);
  }
  while (!events_.empty() && events_.begin()->first.first <= now_) {
    auto node = events_.extract(events_.begin());
    happen(node.mapped());
  }
  return true;
}

void simulated_reactor::trace(const char* what, int fd, std::int64_t value) noexcept {
  if (!options_.trace_) return;
  char line[96];
  const int n = std::snprintf(line, sizeof line, "%" PRId64 " %s %d %" PRId64 "\n",
                              static_cast<std::int64_t>(now_.time_since_epoch().count()), what,
                              fd < 0 ? -1 : fd - first_descriptor, value);
  options_.trace_->append(line, static_cast<std::size_t>(n));
}

void simulated_reactor::happen(event& e) {
  switch (e.kind) {
    case event_kind::perform:
    case event_kind::cancel: {
      sim_slot* slot = table_.at(e.to.fd);
      const auto way = static_cast<std::size_t>(e.way);
      if (!slot || !slot->waiting[way] || slot->started[way] != e.started)
        return;  // it went its way before
      if (e.kind == event_kind::cancel)
        finish(e.to.fd, e.way, -ECANCELED);
      else
        progress(e.to.fd);
      return;
    }
    default: arrive(e);
  }
}

void simulated_reactor::arrive(const event& e) {
  sim_socket* s = socket(e.to);
  switch (e.kind) {
    case event_kind::syn: {
      sim_socket* client = socket(e.from);
      if (!client) return;
      int fd = -1;
      sim_socket* l = listener_for(client->remote, fd);
      if (l && l->backlog.size() >= l->backlog_limit) {
        at(add(now_, connect_retry), e);
        return;
      }
      const bool refused = !l || random_.chance(options_.refusals_);
      trace(refused ? "refuse" : "syn", fd, e.from.fd - first_descriptor);
      if (!refused) {
        const int served = new_socket(client->domain);
        l = socket(fd);  // the table may have moved
        sim_socket* server = socket(served);
        client = socket(e.from);
        server->what = sim_socket::kind::connected;
        server->local = client->remote;
        server->remote = client->local;
        server->peer = e.from;
        client->peer = {served, server->serial};
        l->backlog.push_back(client->peer);
        progress(fd);
      }
      event answer{.kind = event_kind::verdict, .to = e.from};
      answer.result = refused ? -ECONNREFUSED : 0;
      at(after_latency(), std::move(answer));
      return;
    }
    case event_kind::verdict:
      if (!s) return;
      trace("verdict", e.to.fd, e.result);
      s->answered = true;
      s->verdict = e.result;
      if (e.result == 0) s->what = sim_socket::kind::connected;
      progress(e.to.fd);
      return;
    case event_kind::data: {
      sim_socket* sender = socket(e.from);
      if (sender) sender->in_transit -= e.bytes.size();
      if (!s || s->read_shut) {  // nobody there: the sender hears of it
        if (sender) at(after_latency(), event{.kind = event_kind::reset, .to = e.from});
        return;
      }
      if (s->reset) return;
      trace("data", e.to.fd, static_cast<std::int64_t>(e.bytes.size()));
      s->inbox += e.bytes;
      progress(e.to.fd);
      return;
    }
    case event_kind::end:
      if (!s) return;
      trace("end", e.to.fd, 0);
      s->end_arrived = true;
      progress(e.to.fd);
      return;
    case event_kind::reset:
      if (!s || s->reset) return;
      trace("reset", e.to.fd, 0);
      break_connection(e.to.fd, *s, -ECONNRESET);
      return;
    default: return;
  }
}

// --- operations -------------------------------------------------------------------------------------

bool simulated_reactor::start(operation& op) noexcept {
  sim_slot* slot = table_.admit(op);
  if (!slot) return true;
  ++counts_.submitted;
  const auto way = static_cast<std::size_t>(op.way);
  slot->waiting[way] = &op;
  slot->started[way] = ++start_serial_;
  op.in_flight = true;
  op.cancel_asked = false;
  trace(name_of(op.kind), op.target.fd, op.size);
  // Some operations finish at once, as on epoll, others only through the loop, as on io_uring.
  if (random_.chance(0.5)) {
    sim_socket* s = socket(op.target.fd);
    const std::int32_t r = s ? perform(op.target.fd, *s, op) : -EBADF;
    if (r != would_block) {
      slot = table_.at(op.target.fd);
      slot->waiting[way] = nullptr;
      op.in_flight = false;
      op.result = r;
      ++counts_.completed;
      trace("at once", op.target.fd, r);
      return true;
    }
    return false;
  }
  event e{.kind = event_kind::perform, .to = {op.target.fd, 0}};
  e.way = op.way;
  e.started = start_serial_;
  at(now_, std::move(e));
  return false;
}

void simulated_reactor::cancel(operation& op) noexcept {
  const auto way = static_cast<std::size_t>(op.way);
  sim_slot* slot = table_.at(op.target.fd);
  if (!slot || slot->waiting[way] != &op) return;
  op.cancel_asked = true;
  trace("cancel", op.target.fd, 0);
  // A real cancellation takes a moment, in which the operation may still succeed.
  event e{.kind = event_kind::cancel, .to = {op.target.fd, 0}};
  e.way = op.way;
  e.started = slot->started[way];
  at(random_.chance(0.5) ? now_ : add(now_, nanoseconds(random_.between(0, 20'000))), std::move(e));
}

void simulated_reactor::finish(int fd, direction way, std::int32_t result) noexcept {
  sim_slot* slot = table_.at(fd);
  operation* op = std::exchange(slot->waiting[static_cast<std::size_t>(way)], nullptr);
  trace("done", fd, result);
  complete(*op, result);
}

void simulated_reactor::try_later(int fd, direction way) {
  const sim_slot* slot = table_.at(fd);
  if (!slot || !slot->waiting[static_cast<std::size_t>(way)]) return;
  event e{.kind = event_kind::perform, .to = {fd, 0}};
  e.way = way;
  e.started = slot->started[static_cast<std::size_t>(way)];
  at(now_, std::move(e));
}

void simulated_reactor::progress(int fd) {
  for (const direction way : {direction::in, direction::out}) {
    sim_slot* slot = table_.at(fd);
    sim_socket* s = socket(fd);
    if (!slot || !s) return;
    operation* op = slot->waiting[static_cast<std::size_t>(way)];
    if (!op) continue;
    const std::int32_t r = perform(fd, *s, *op);
    if (r != would_block) finish(fd, way, r);
  }
}

std::int32_t simulated_reactor::perform(int fd, sim_socket& s, operation& op) {
  switch (op.kind) {
    case operation_kind::accept: return perform_accept(s);
    case operation_kind::connect: return perform_connect(fd, s, op);
    case operation_kind::recv: return perform_recv(s, op);
    case operation_kind::send: return perform_send(fd, s, op);
    case operation_kind::poll: return perform_poll(s, op);
  }
  return -ENOSYS;
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
      const auto* name = static_cast<const sockaddr*>(op.data);
      s.remote = name_from(name, op.size);
      if (s.local.empty() && s.domain != AF_UNIX) {
        s.local = s.remote;
        const std::uint16_t port = htons(new_port());
        std::memcpy(s.local.data() + 2, &port,
                    2);  // sin_port and sin6_port stand at the same place
      }
      s.what = sim_socket::kind::connecting;
      event e{.kind = event_kind::syn};
      e.from = {fd, s.serial};
      at(after_latency(), std::move(e));
      return would_block;
    }
    case sim_socket::kind::connecting: return s.answered ? s.verdict : would_block;
    case sim_socket::kind::connected: return s.answered ? 0 : -EISCONN;
    case sim_socket::kind::listening: return -EISCONN;
  }
  return -EINVAL;
}

std::int32_t simulated_reactor::perform_recv(sim_socket& s, operation& op) {
  if (s.what != sim_socket::kind::connected) return -ENOTCONN;
  // What had come before a reset can still be read, as on Linux.
  if (s.inbox.empty() && s.broken) return std::exchange(s.broken, 0);
  if (s.inbox.empty()) return s.end_arrived || s.reset || s.read_shut ? 0 : would_block;
  std::size_t n = std::min<std::size_t>(op.size, s.inbox.size());
  if (n > 1 && random_.chance(options_.short_transfers_))
    n = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(n) - 1));
  if (n > 0) std::memcpy(op.data, s.inbox.data(), n);
  if (op.flags & MSG_PEEK) return static_cast<std::int32_t>(n);
  s.inbox.erase(0, n);
  // There is room again for the writer on the other side.
  if (socket(s.peer) && n > 0) try_later(s.peer.fd, direction::out);
  return static_cast<std::int32_t>(n);
}

std::int32_t simulated_reactor::perform_send(int fd, sim_socket& s, operation& op) {
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
  if (held >= options_.window_ && op.size > 0) return would_block;
  std::size_t n = std::min<std::size_t>(op.size, options_.window_ - held);
  if (n > 1 && random_.chance(options_.short_transfers_))
    n = static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(n) - 1));
  event e{.kind = event_kind::data, .to = s.peer};
  e.from = {fd, s.serial};
  e.bytes.assign(static_cast<const char*>(op.data), n);
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
  ready &= op.flags | POLLERR;
  return ready ? static_cast<std::int32_t>(ready) : would_block;
}

// --- connections ------------------------------------------------------------------------------------

void simulated_reactor::send_end(sim_socket& s) {
  if (s.write_shut || s.reset) return;
  s.write_shut = true;
  at(delivery_from(s), event{.kind = event_kind::end, .to = s.peer});
}

void simulated_reactor::send_reset(sim_socket& s) {
  at(after_latency(), event{.kind = event_kind::reset, .to = s.peer});
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
  if (how == SHUT_WR || how == SHUT_RDWR) send_end(*s);
  if (how == SHUT_RD || how == SHUT_RDWR) {
    s->read_shut = true;
    s->inbox.clear();
  }
  progress(fd);
  return 0;
}

bool simulated_reactor::readable_now(int fd) noexcept {
  const sim_socket* s = socket(fd);
  return !s || !s->inbox.empty() || s->end_arrived || s->reset || s->broken != 0;
}

void simulated_reactor::close(descriptor d) noexcept {
  sim_slot* slot = table_.find(d);
  if (!slot) return;
  trace("close", d.fd, 0);
  for (const direction way : {direction::in, direction::out})
    if (const operation* op = slot->waiting[static_cast<std::size_t>(way)])
      finish(d.fd, way, op->cancel_asked ? -ECANCELED : result_closed);
  *slot = sim_slot{};
  auto& place = sockets_[static_cast<std::size_t>(d.fd - first_descriptor)];
  if (!place) return;
  sim_socket& s = *place;
  if (s.what == sim_socket::kind::connecting && s.peer.fd >= 0) send_reset(s);
  if (s.what == sim_socket::kind::connected && !s.reset) {
    if (s.inbox.empty())
      send_end(s);
    else
      send_reset(s);  // RFC 9293, 3.10.4: closing with data unread resets
  }
  for (const socket_ref waiting : s.backlog)
    if (sim_socket* unserved = socket(waiting)) {
      send_reset(*unserved);
      sockets_[static_cast<std::size_t>(waiting.fd - first_descriptor)].reset();
    }
  place.reset();
}

// --- sockets ----------------------------------------------------------------------------------------

sim_socket* simulated_reactor::socket(int fd) noexcept {
  const auto i = static_cast<std::size_t>(fd - first_descriptor);
  return fd >= first_descriptor && i < sockets_.size() ? sockets_[i].get() : nullptr;
}

sim_socket* simulated_reactor::socket(socket_ref r) noexcept {
  sim_socket* s = socket(r.fd);
  return s && s->serial == r.serial ? s : nullptr;
}

// The lowest free number, as a kernel gives it.
int simulated_reactor::new_socket(int domain) {
  std::size_t i = 0;
  while (i < sockets_.size() && sockets_[i]) ++i;
  if (i == sockets_.size()) sockets_.emplace_back();
  sockets_[i] = std::make_unique<sim_socket>();
  sockets_[i]->domain = domain;
  sockets_[i]->serial = ++socket_serial_;
  return first_descriptor + static_cast<int>(i);
}

int simulated_reactor::open_socket(int domain, int type, int) noexcept {
  if ((type & 0xf) != SOCK_STREAM) return -EPROTONOSUPPORT;
  return new_socket(domain);
}

namespace {

bool is_wildcard(const socket_name& n) noexcept {
  const auto* a = reinterpret_cast<const sockaddr*>(n.data());
  if (a->sa_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr == htonl(INADDR_ANY);
  if (a->sa_family == AF_INET6)
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr);
  return false;
}

bool serves(const socket_name& bound, const socket_name& wanted) noexcept {
  if (bound == wanted) return true;
  // family and port agree, and any address will do
  return bound.size() == wanted.size() && is_wildcard(bound) &&
         std::memcmp(bound.data(), wanted.data(), 4) == 0;
}

}  // namespace

sim_socket* simulated_reactor::listener_for(const socket_name& name, int& fd) noexcept {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    sim_socket* s = sockets_[i].get();
    if (!s || s->what != sim_socket::kind::listening || !serves(s->local, name)) continue;
    fd = first_descriptor + static_cast<int>(i);
    return s;
  }
  return nullptr;
}

// Never one that somebody listens on: whoever connects to it from it would meet itself.
std::uint16_t simulated_reactor::new_port() noexcept {
  const auto taken = [this](std::uint16_t port) {
    const std::uint16_t wanted = htons(port);
    return std::ranges::any_of(sockets_, [&](const auto& s) {
      return s && s->what == sim_socket::kind::listening && s->domain != AF_UNIX &&
             std::memcmp(s->local.data() + 2, &wanted, 2) == 0;
    });
  };
  std::uint16_t port = 0;
  do {
    port = next_port_;
    next_port_ = port == 65535 ? first_port : static_cast<std::uint16_t>(port + 1);
  } while (taken(port));
  return port;
}

int simulated_reactor::bind(int fd, const sockaddr* name, socklen_t size) noexcept {
  sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  socket_name wanted = name_from(name, size);
  if (name->sa_family != AF_UNIX) {
    std::uint16_t port = 0;
    std::memcpy(&port, wanted.data() + 2, 2);
    if (port == 0) {
      port = htons(new_port());
      std::memcpy(wanted.data() + 2, &port, 2);
    }
  }
  for (const auto& other : sockets_)
    if (other && other.get() != s && other->what == sim_socket::kind::listening &&
        other->local == wanted)
      return -EADDRINUSE;
  s->local = std::move(wanted);
  return 0;
}

int simulated_reactor::listen(int fd, int backlog) noexcept {
  sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  s->what = sim_socket::kind::listening;
  s->backlog_limit = static_cast<std::size_t>(std::max(backlog, 1));
  return 0;
}

int simulated_reactor::get_option(int fd, int, int, void* value, socklen_t* size) noexcept {
  if (!socket(fd)) return -EBADF;
  std::memset(value, 0, *size);
  return 0;
}

namespace {

int give_name(const socket_name& n, sockaddr* name, socklen_t* size) noexcept {
  std::memcpy(name, n.data(), std::min<std::size_t>(*size, n.size()));
  *size = static_cast<socklen_t>(n.size());
  return 0;
}

}  // namespace

int simulated_reactor::local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  const sim_socket* s = socket(fd);
  return s ? give_name(s->local, name, size) : -EBADF;
}

int simulated_reactor::peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  const sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  return s->what == sim_socket::kind::connected ? give_name(s->remote, name, size) : -ENOTCONN;
}

}  // namespace

const simulation_options* current_simulation() noexcept { return running_simulation; }

std::unique_ptr<reactor> make_simulated_reactor(const simulation_options& options,
                                                operation_queue& completed) {
  return std::make_unique<simulated_reactor>(options, completed);
}

}  // namespace rondo::detail
