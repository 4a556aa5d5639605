// The simulated reactor's parts, for its own sources: reactor_sim.cpp (time, events, operations),
// reactor_sim_streams.cpp, reactor_sim_datagrams.cpp and reactor_sim_names.cpp.
#pragma once

#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/reactor/buffer_pool.hpp>
#include <rondo/runtime/reactor/descriptors.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/simulated_world.hpp>
#include <rondo/runtime/simulation.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rondo::detail {

inline constexpr int first_simulated_descriptor = 1'000'000;
// The virtual time at which a run begins.
inline constexpr time_point simulation_begin{std::chrono::hours(1)};

// A socket's name as bytes that compare: what bind was given, without padding.
using socket_name = std::string;

inline socket_name name_from(const sockaddr* name, socklen_t size) {
  return {reinterpret_cast<const char*>(name), size};
}

// The bytes of the IP address in a name; empty for a Unix one.
std::string raw_address(const socket_name& n);
// Any address of the family will do.
bool is_wildcard(const socket_name& n) noexcept;
// What is bound there gets what is sent to `wanted`.
bool serves(const socket_name& bound, const socket_name& wanted) noexcept;

// Where a socket is that was not bound: 127.0.0.1 or ::1, without a port.
socket_name own_address(int domain);

// The other end of something: by number and by a serial that is never used twice.
struct socket_ref {
  int fd = -1;
  std::uint64_t serial = 0;
};

// A datagram that has arrived.
struct sim_datagram {
  socket_name from;
  std::string bytes;
};

struct sim_socket {
  enum class kind : std::uint8_t { fresh, listening, connecting, connected };
  kind what = kind::fresh;
  int domain = 0;
  int type = SOCK_STREAM;  // or SOCK_DGRAM
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
  // datagrams; connected: they go to and come from `remote` only
  std::deque<sim_datagram> datagrams;
  std::size_t datagram_bytes = 0;    // arrived, not read
  std::size_t datagrams_coming = 0;  // on their way here
};

struct sim_slot : descriptor_slot {
  std::array<std::uint64_t, directions>
      started{};  // serial of the operation in flight, by direction
};

enum class sim_event_kind : std::uint8_t {
  perform,
  cancel,
  syn,
  verdict,
  data,
  end,
  reset,
  datagram,
  unreachable,
  timed_out
};

struct sim_event {
  sim_event_kind kind;
  socket_ref to{};
  direction way = direction::in;  // perform, cancel
  std::uint64_t started = 0;      // perform, cancel
  socket_ref from{};              // syn; data: who learns that there is room again
  std::int32_t result = 0;        // verdict; syn: how often it was sent again
  std::string bytes{};            // data, datagram
  socket_name source{};           // datagram
  socket_name target{};           // datagram
};

// An operation's buffers as the one message that it moves.
class one_message {
 public:
  explicit one_message(operation& op) noexcept {
    switch (op.kind()) {
      case operation_kind::recvmsg:
      case operation_kind::sendmsg: message_ = op.message(); return;
      case operation_kind::recv:
      case operation_kind::recv_lent: only_ = {op.buffer(), op.size()}; break;
      case operation_kind::send: only_ = {const_cast<void*>(op.bytes()), op.size()}; break;
      default: break;  // it moves none
    }
    own_.msg_iov = &only_;
    own_.msg_iovlen = 1;
  }
  one_message(const one_message&) = delete;
  one_message& operator=(const one_message&) = delete;
  ~one_message() = default;
  msghdr& get() noexcept { return *message_; }

 private:
  iovec only_{};
  msghdr own_{};
  msghdr* message_ = &own_;
};

// Bytes of all its buffers.
std::size_t size_of(const msghdr& m) noexcept;
// The first `n` of them.
std::string gather(const msghdr& m, std::size_t n);
void scatter(const msghdr& m, const char* bytes, std::size_t n) noexcept;

class simulated_reactor final : public reactor {
 public:
  simulated_reactor(const simulation_options& options, operation_queue& completed);
  ~simulated_reactor() override;

  bool start(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;
  bool wait(time_point deadline) noexcept override;
  void wake() noexcept override {}  // threads run inline
  time_point now() noexcept override { return now_; }

  int open_socket(int domain, int type, int protocol) noexcept override;
  int open_pair(int type, int (&fds)[2]) noexcept override;
  int bind(int fd, const sockaddr* name, socklen_t size) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int set_option(int, int, int, const void*, socklen_t) noexcept override { return 0; }
  int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept override;
  int local_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int shutdown(int fd, int how) noexcept override;
  bool readable_now(int fd) noexcept override;
  int send_now(int fd, const void* data, std::size_t size) noexcept override;
  std::uint32_t attach(int fd, transfers) override { return table_.attach(fd).generation; }
  bool is_attached(descriptor d) noexcept override { return table_.find(d) != nullptr; }
  void close(descriptor d) noexcept override;
  void break_writes(descriptor d) noexcept override {
    if (sim_slot* s = table_.find(d)) s->write_broken = true;
  }
  void give_back(void* buffer) noexcept override { pool_.give_back(buffer); }
  const char* name() const noexcept override { return "simulated"; }

 private:
  sim_socket* socket(int fd) noexcept;
  sim_socket* socket(socket_ref r) noexcept;
  int new_socket(int domain, int type);
  std::uint16_t new_port(int type) noexcept;
  // When what is sent now passes between the two; now_, unless they are parted.
  time_point passes_at(const socket_name& one, const socket_name& other) const noexcept;
  // True: it will arrive later, or never.
  bool held_back(const sim_event& e);
  // Gives it a port, or an abstract name, of the reactor's choice.
  void bind_somewhere(sim_socket& s, socket_name wanted);
  void at(time_point when, sim_event e) {
    events_.emplace(std::pair(when, ++event_serial_), std::move(e));
  }
  // When what goes from one to the other, named either way round, arrives.
  time_point after_latency(const socket_name& one, const socket_name& other) noexcept;
  time_point after_latency(const sim_socket& s) noexcept {
    return after_latency(s.remote, s.local);
  }
  // What the world says about the address in a name; nullptr: nothing.
  const simulated_address* address_of(const socket_name& n) const noexcept;
  time_point delivery_from(sim_socket& s) noexcept;
  sim_socket* listener_for(const socket_name& name, int& fd) noexcept;

  std::int32_t perform(int fd, sim_socket& s, operation& op);
  std::int32_t perform_accept(sim_socket& s);
  std::int32_t perform_connect(int fd, sim_socket& s, operation& op);
  std::int32_t perform_recv(sim_socket& s, msghdr& m, std::uint32_t flags);
  std::int32_t perform_receive(sim_socket& s, operation& op);
  std::int32_t perform_send(int fd, sim_socket& s, const msghdr& m);
  std::int32_t perform_poll(sim_socket& s, const operation& op);
  std::int32_t perform_gone(const sim_socket& s, const operation& op);
  std::int32_t perform_datagram(int fd, sim_socket& s, operation& op);
  std::int32_t connect_datagram(sim_socket& s, const operation& op);
  std::int32_t receive_datagram(sim_socket& s, msghdr& m, std::uint32_t flags);
  std::int32_t send_datagram(int fd, sim_socket& s, const msghdr& m);
  std::int32_t transfer_batch(int fd, sim_socket& s, operation& op);
  void arrive_datagram(const sim_event& e);
  // Who would be given a datagram; nullptr: nobody.
  sim_socket* receiver_for(const socket_name& target, const socket_name& source, int& fd) noexcept;
  void wake_unix_senders();
  // Tries what waits on a socket, after something changed there.
  void progress(int fd);
  // The same for one direction, in this instant but not within this call.
  void try_later(int fd, direction way);
  void finish(int fd, direction way, std::int32_t result) noexcept;
  void happen(sim_event& e);
  void arrive(const sim_event& e);
  void send_end(sim_socket& s);
  void send_reset(sim_socket& s);
  void break_connection(int fd, sim_socket& s, std::int32_t error);
  void trace(const char* what, int fd, std::int64_t value) noexcept;

  struct partition {
    std::string one;  // an address, in network order
    std::string other;
    time_point begin;
    time_point end;
  };

  simulation_options options_;
  simulated_world world_;
  std::vector<partition> partitions_;
  random_source random_;
  buffer_pool pool_;
  time_point now_ = simulation_begin;
  descriptor_table<sim_slot, first_simulated_descriptor> table_;
  std::vector<std::unique_ptr<sim_socket>> sockets_;
  std::map<std::pair<time_point, std::uint64_t>, sim_event> events_;
  std::uint64_t event_serial_ = 0;
  std::uint64_t socket_serial_ = 0;
  std::uint64_t start_serial_ = 0;
  std::uint16_t next_port_ = 49152;  // the first ephemeral one (RFC 6335)
};

}  // namespace rondo::detail
