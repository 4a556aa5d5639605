#include <rondo/runtime/core/wall_clock.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/reactor/current_simulation.hpp>
#include <rondo/runtime/reactor/reactor_sim_parts.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace rondo::detail {
namespace {

constinit thread_local const simulation_options* running_simulation = nullptr;
constinit thread_local simulated_world* running_world = nullptr;

constexpr std::int32_t most_connect_retries = 127;           // seconds: Linux's tcp_syn_retries
constexpr auto longest_silence = std::chrono::seconds(924);  // Linux's tcp_retries2

// Of a host, in network order.
std::string address_bytes(const simulation_options& world, const std::string& host) {
  const auto known = world.hosts_.find(host);
  const std::string text = known != world.hosts_.end() ? known->second
                           : host == "localhost"       ? "127.0.0.1"
                                                       : host;
  std::array<char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1)
    return {bytes.data(), sizeof(in6_addr)};
  throw std::invalid_argument("partition: \"" + host +
                              "\" is neither a host of the simulation nor an address");
}

std::string_view address_bytes(const socket_name& name) noexcept {
  sa_family_t family = AF_UNSPEC;
  if (name.size() >= sizeof family) std::memcpy(&family, name.data(), sizeof family);
  const std::string_view bytes = name;
  if (family == AF_INET && name.size() >= sizeof(sockaddr_in))
    return bytes.substr(offsetof(sockaddr_in, sin_addr), sizeof(in_addr));
  if (family == AF_INET6 && name.size() >= sizeof(sockaddr_in6))
    return bytes.substr(offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr));
  return {};
}

constexpr auto connect_retry = std::chrono::seconds(1);  // as Linux does when a backlog is full

}  // namespace

const simulation_options* current_simulation() noexcept { return running_simulation; }

std::chrono::sys_time<nanoseconds> wall_clock_now() noexcept {
  if (const simulation_options* world = current_simulation())
    return world->start_ + (this_loop().now() - simulation_begin);
  return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
}

std::unique_ptr<reactor> make_simulated_reactor(const simulation_options& options,
                                                operation_queue& completed) {
  return std::make_unique<simulated_reactor>(options, completed);
}

simulated_reactor::simulated_reactor(const simulation_options& options, operation_queue& completed)
    : reactor(completed), options_(options), random_(options.seed_) {
  for (const simulation_options::cut& c : options_.partitions_)
    partitions_.push_back({address_bytes(options_, c.one), address_bytes(options_, c.other),
                           add(now_, c.begin), add(add(now_, c.begin), c.length)});
  running_simulation = &options_;
  running_world = &world_;
  for (const auto& [name, numeric] : options_.hosts_) world_.host(name, {numeric});
}
simulated_reactor::~simulated_reactor() {
  running_simulation = nullptr;
  running_world = nullptr;
}

// --- time and events -----------------------------------------------------------------------------

time_point simulated_reactor::after_latency(const socket_name& one,
                                            const socket_name& other) noexcept {
  nanoseconds least = options_.least_latency_;
  nanoseconds most = options_.most_latency_;
  const simulated_address* known = address_of(one);
  if (!known) known = address_of(other);
  if (known && known->least_latency_ >= nanoseconds::zero()) {
    least = known->least_latency_;
    most = known->most_latency_;
  }
  return add(now_, nanoseconds(random_.between(least.count(), most.count())));
}

const simulated_address* simulated_reactor::address_of(const socket_name& n) const noexcept {
  if (world_.addresses_.empty()) return nullptr;
  const auto found = world_.addresses_.find(raw_address(n));
  return found == world_.addresses_.end() ? nullptr : &found->second;
}

// What was sent in order arrives in order.
time_point simulated_reactor::delivery_from(sim_socket& s) noexcept {
  s.last_delivery = std::max(s.last_delivery, after_latency(s));
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
                              fd < 0 ? -1 : fd - first_simulated_descriptor, value);
  options_.trace_->append(line, static_cast<std::size_t>(n));
}

void simulated_reactor::happen(sim_event& e) {
  switch (e.kind) {
    case sim_event_kind::perform:
    case sim_event_kind::cancel: {
      sim_slot* slot = table_.at(e.to.fd);
      const std::size_t way = index(e.way);
      if (!slot || !slot->waiting[way] || slot->started[way] != e.started)
        return;  // it went its way before
      if (e.kind == sim_event_kind::cancel)
        finish(e.to.fd, e.way, -ECANCELED);
      else
        progress(e.to.fd);
      return;
    }
    default: arrive(e);
  }
}

time_point simulated_reactor::passes_at(const socket_name& one,
                                        const socket_name& other) const noexcept {
  time_point when = now_;
  const std::string_view a = address_bytes(one);
  const std::string_view b = address_bytes(other);
  for (const partition& p : partitions_)
    if (p.begin <= now_ && now_ < p.end &&
        ((p.one == a && p.other == b) || (p.one == b && p.other == a)))
      when = std::max(when, p.end);
  return when;
}

bool simulated_reactor::held_back(const sim_event& e) {
  if (partitions_.empty()) return false;
  if (e.kind == sim_event_kind::datagram || e.kind == sim_event_kind::unreachable) {
    const sim_socket* s = socket(e.to);
    const bool lost = e.kind == sim_event_kind::datagram
                          ? passes_at(e.source, e.target) > now_
                          : s && passes_at(s->local, s->remote) > now_;
    if (lost) trace("cut", e.to.fd, static_cast<std::int64_t>(e.bytes.size()));
    return lost;
  }
  sim_socket* s = socket(e.kind == sim_event_kind::syn ? e.from : e.to);
  if (!s || e.kind == sim_event_kind::timed_out) return false;
  const time_point when = passes_at(s->local, s->remote);
  if (when <= now_) return false;
  trace("cut", e.to.fd, static_cast<std::int64_t>(e.bytes.size()));
  if (e.kind == sim_event_kind::reset) return true;  // not sent again
  if (e.kind == sim_event_kind::syn) {
    if (e.result < most_connect_retries) {
      sim_event again = e;
      ++again.result;
      at(add(now_, connect_retry), std::move(again));
    } else {
      s->answered = true;
      s->verdict = -ETIMEDOUT;
      progress(e.from.fd);
    }
    return true;
  }
  if (when - now_ > longest_silence)
    at(add(now_, longest_silence), sim_event{.kind = sim_event_kind::timed_out, .to = s->peer});
  at(when, e);  // sent again until it passes; in order, because all wait for the same moment
  return true;
}

void simulated_reactor::arrive(const sim_event& e) {
  if (held_back(e)) return;
  sim_socket* s = socket(e.to);
  switch (e.kind) {
    case sim_event_kind::syn: {
      sim_socket* client = socket(e.from);
      if (!client) return;
      int fd = -1;
      sim_socket* l = listener_for(client->remote, fd);
      if (l && l->backlog.size() >= l->backlog_limit) {
        at(add(now_, connect_retry), e);
        return;
      }
      const bool refused = !l || random_.chance(options_.refusals_);
      trace(refused ? "refuse" : "syn", fd, e.from.fd - first_simulated_descriptor);
      if (!refused) {
        const int served = new_socket(client->domain, client->type);
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
      sim_event answer{.kind = sim_event_kind::verdict, .to = e.from};
      answer.result = refused ? -ECONNREFUSED : 0;
      at(after_latency(*client), std::move(answer));
      return;
    }
    case sim_event_kind::verdict:
      if (!s) return;
      trace("verdict", e.to.fd, e.result);
      s->answered = true;
      s->verdict = e.result;
      if (e.result == 0) s->what = sim_socket::kind::connected;
      progress(e.to.fd);
      return;
    case sim_event_kind::data: {
      sim_socket* sender = socket(e.from);
      if (sender) sender->in_transit -= e.bytes.size();
      if (!s || s->read_shut) {  // nobody there: the sender hears of it
        if (sender)
          at(after_latency(*sender), sim_event{.kind = sim_event_kind::reset, .to = e.from});
        return;
      }
      if (s->reset) return;
      trace("data", e.to.fd, static_cast<std::int64_t>(e.bytes.size()));
      s->inbox += e.bytes;
      progress(e.to.fd);
      return;
    }
    case sim_event_kind::end:
      if (!s) return;
      trace("end", e.to.fd, 0);
      s->end_arrived = true;
      progress(e.to.fd);
      return;
    case sim_event_kind::timed_out:
      if (s && !s->reset) break_connection(e.to.fd, *s, -ETIMEDOUT);
      return;
    case sim_event_kind::datagram: arrive_datagram(e); return;
    case sim_event_kind::unreachable:
      if (!s) return;
      trace("unreachable", e.to.fd, 0);
      s->broken = -ECONNREFUSED;
      progress(e.to.fd);
      return;
    case sim_event_kind::reset:
      if (!s || s->reset) return;
      trace("reset", e.to.fd, 0);
      break_connection(e.to.fd, *s, -ECONNRESET);
      return;
    default: return;
  }
}

// --- operations ----------------------------------------------------------------------------------

bool simulated_reactor::start(operation& op) noexcept {
  assert(!op.in_flight && "an operation is started again while it is in flight");
  sim_slot* slot = table_.admit(op);
  if (!slot) return true;
  ++counts_.submitted;
  const std::size_t way = index(op.way());
  slot->waiting[way] = &op;
  slot->started[way] = ++start_serial_;
  op.in_flight = true;
  op.cancel_asked = false;
  trace(name_of(op.kind()), op.target.fd, op.size());
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
  sim_event e{.kind = sim_event_kind::perform, .to = {op.target.fd, 0}};
  e.way = op.way();
  e.started = start_serial_;
  at(now_, std::move(e));
  return false;
}

void simulated_reactor::cancel(operation& op) noexcept {
  const std::size_t way = index(op.way());
  sim_slot* slot = table_.at(op.target.fd);
  if (!slot || slot->waiting[way] != &op) return;
  op.cancel_asked = true;
  trace("cancel", op.target.fd, 0);
  // A real cancellation takes a moment, in which the operation may still succeed.
  sim_event e{.kind = sim_event_kind::cancel, .to = {op.target.fd, 0}};
  e.way = op.way();
  e.started = slot->started[way];
  at(random_.chance(0.5) ? now_ : add(now_, nanoseconds(random_.between(0, 20'000))), std::move(e));
}

void simulated_reactor::finish(int fd, direction way, std::int32_t result) noexcept {
  sim_slot* slot = table_.at(fd);
  operation* op = std::exchange(slot->waiting[index(way)], nullptr);
  assert(op && "nothing is in flight in this direction");
  if (op->cancel_asked && told_once(op->kind(), result)) {
    if (sim_socket* s = socket(fd)) s->broken = result;
    result = -ECANCELED;
  }
  trace("done", fd, result);
  complete(*op, result);
}

void simulated_reactor::try_later(int fd, direction way) {
  const sim_slot* slot = table_.at(fd);
  if (!slot || !slot->waiting[index(way)]) return;
  sim_event e{.kind = sim_event_kind::perform, .to = {fd, 0}};
  e.way = way;
  e.started = slot->started[index(way)];
  at(now_, std::move(e));
}

void simulated_reactor::progress(int fd) {
  for (const direction way : {direction::in, direction::out, direction::gone}) {
    sim_slot* slot = table_.at(fd);
    sim_socket* s = socket(fd);
    if (!slot || !s) return;
    operation* op = slot->waiting[index(way)];
    if (!op) continue;
    const std::int32_t r = perform(fd, *s, *op);
    if (r != would_block) finish(fd, way, r);
  }
}

std::int32_t simulated_reactor::perform(int fd, sim_socket& s, operation& op) {
  if (s.type == SOCK_DGRAM) return perform_datagram(fd, s, op);
  one_message m(op);
  switch (op.kind()) {
    case operation_kind::accept: return perform_accept(s);
    case operation_kind::connect: return perform_connect(fd, s, op);
    case operation_kind::recv:
    case operation_kind::recvmsg: return perform_recv(s, m.get(), op.flags());
    case operation_kind::recv_lent: return perform_receive(s, op);
    case operation_kind::send:
    case operation_kind::sendmsg: return perform_send(fd, s, m.get());
    case operation_kind::poll:
      return op.way() == direction::gone ? perform_gone(s, op) : perform_poll(s, op);
    case operation_kind::recvmmsg:
    case operation_kind::sendmmsg:  // of datagrams
    case operation_kind::read:
    case operation_kind::write:
    case operation_kind::fsync:            // serves_files() is false
    case operation_kind::sendfile: break;  // sends_files() is false
  }
  return -EOPNOTSUPP;
}

}  // namespace rondo::detail

namespace rondo {

simulation_options& simulation_options::host(std::string name, std::string address) {
  hosts_[std::move(name)] = std::move(address);
  return *this;
}

simulated_world& simulated_world::host(std::string name, std::vector<std::string> addresses) {
  hosts_[std::move(name)] = std::move(addresses);
  return *this;
}

simulated_address& simulated_world::address(const std::string& numeric) {
  std::array<char, sizeof(in6_addr)> raw{};
  std::size_t size = 0;
  if (::inet_pton(AF_INET, numeric.c_str(), raw.data()) == 1)
    size = sizeof(in_addr);
  else if (::inet_pton(AF_INET6, numeric.c_str(), raw.data()) == 1)
    size = sizeof(in6_addr);
  else
    throw std::invalid_argument("simulated_world::address wants a numeric address, not \"" +
                                numeric + '"');
  return addresses_[std::string(raw.data(), size)];
}

simulated_world& this_simulation() {
  if (!detail::running_world)
    throw std::logic_error("rondo::this_simulation: the loop that runs is no simulation");
  return *detail::running_world;
}

}  // namespace rondo
