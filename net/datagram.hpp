// Datagrams: UDP and Unix.
//
//   udp_socket s = udp_socket::bind(endpoint::parse("0.0.0.0:5353"));
//   received r = co_await s.recv_from(buffer);        // r.size, r.from, r.truncated
//   co_await s.send_to(std::span(buffer).first(r.size), r.from);
//
// A datagram goes whole or not at all. One that is longer than the buffer is cut, and `truncated`
// says so. One receiver and one sender at a time; a second fails with io_errc::busy.
#pragma once

#include <rondo/net/connect/connect_wait.hpp>
#include <rondo/net/socket.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/task.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <utility>

namespace rondo::net {

struct received {
  std::size_t size = 0;  // bytes in the buffer
  endpoint from;         // 0.0.0.0:0 when the sender has no name
  bool truncated = false;
};

// For batches.
struct outgoing_datagram {
  std::span<const std::byte> bytes;
  endpoint to;  // 0.0.0.0:0: to the peer that the socket is connected to
};
// Room for one, and what has come.
struct incoming_datagram {
  std::span<std::byte> buffer;
  received got;  // filled in
};

namespace detail {

// Its system structures point into it, which they can only once it has come to rest: in begin().
class message_wait : public rondo::detail::io_wait {
 public:
  bool begin(rondo::detail::job& j) noexcept override;

 protected:
  message_wait(rondo::detail::descriptor d, const rondo::detail::io_call& call, const void* buffer,
               std::size_t n) noexcept
      : io_wait(d, call), piece_{const_cast<void*>(buffer), n} {}
  ~message_wait() = default;

  msghdr header_{};
  iovec piece_{};
  sockaddr_storage name_{};
  unsigned name_size_ = 0;
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] send_message_wait final
    : public message_wait {
 public:
  send_message_wait(rondo::detail::descriptor d, std::span<const std::byte> bytes) noexcept;
  send_message_wait(rondo::detail::descriptor d, std::span<const std::byte> bytes,
                    const endpoint& to) noexcept;
  void await_resume() const {
    if (result < 0) rondo::detail::throw_io_error(result, "send a datagram");
  }
  outcome<void> take_outcome() const noexcept {
    if (result < 0) return rondo::detail::io_outcome<void>(result, "send a datagram");
    return outcome<void>(std::in_place);
  }
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] receive_message_wait final
    : public message_wait {
 public:
  receive_message_wait(rondo::detail::descriptor d, std::span<std::byte> buffer) noexcept;
  received await_resume() const;
  outcome<received> take_outcome() const;
};

}  // namespace detail

// What UDP and Unix datagram sockets have in common.
class datagram_socket : public socket_facade {
 public:
  // Completes when the datagram has gone to the kernel. Throws std::system_error: EMSGSIZE,
  // ECONNREFUSED, … Cancelled: it has not gone.
  detail::send_message_wait send_to(std::span<const std::byte> bytes, const endpoint& to) noexcept {
    return {socket_.get(), bytes, to};
  }
  // To the peer of a connected socket. ECONNREFUSED: an earlier one found nobody there (ICMP).
  // Cancelled: it has not gone.
  detail::send_message_wait send(std::span<const std::byte> bytes) noexcept {
    return {socket_.get(), bytes};
  }
  // Completes with a datagram; its size may be 0. Throws std::system_error: on a connected socket
  // ECONNREFUSED when one that was sent found nobody there; io_errc::closed, … Cancelled: none is
  // lost.
  detail::receive_message_wait recv_from(std::span<std::byte> buffer) noexcept {
    return {socket_.get(), buffer};
  }

  // Several at once: sendmmsg(2), recvmmsg(2). Complete with how many went (came), at least one;
  // they count from the front. No more than `largest_batch` are taken. Throw as send_to and
  // recv_from when there is not even one, std::bad_alloc. Cancelled: none has gone (is lost).
  static constexpr std::size_t largest_batch = 64;
  task<std::size_t> send_batch(std::span<const outgoing_datagram> datagrams);
  task<std::size_t> recv_batch(std::span<incoming_datagram> datagrams);

  // From then on only the peer's datagrams come, and send() goes to it. Throws std::system_error.
  // Cancelled: it may be connected all the same.
  task<> connect(endpoint to);

  // Throws std::system_error.
  endpoint remote_endpoint() const { return socket_.remote_endpoint(); }

 protected:
  datagram_socket() = default;
  explicit datagram_socket(socket s) noexcept : socket_facade(std::move(s)) {}
  datagram_socket(datagram_socket&&) = default;
  datagram_socket& operator=(datagram_socket&&) = default;
  ~datagram_socket() = default;
};

// Every setter returns the object itself.
struct udp_options {
  // Several sockets on one port; the kernel spreads the datagrams. False.
  udp_options& reuse_port(bool on) noexcept {
    reuse_port_ = on;
    return *this;
  }
  // Several sockets that all receive what is multicast to one port. False.
  udp_options& reuse_address(bool on) noexcept {
    reuse_address_ = on;
    return *this;
  }
  // A socket on [::] takes IPv4 datagrams too. False.
  udp_options& dual_stack(bool on) noexcept {
    dual_stack_ = on;
    return *this;
  }
  bool reuse_port_ = false;
  bool reuse_address_ = false;
  bool dual_stack_ = false;
};

class udp_socket : public datagram_socket {
 public:
  // Closed from the start, to be assigned to.
  udp_socket() = default;
  // Port 0 picks one; local_endpoint() tells. Throws std::system_error that names the endpoint,
  // std::invalid_argument for a Unix name.
  static udp_socket bind(const endpoint& at, const udp_options& options = {});
  // Bound when it first sends. `any` means IPv4. Throws std::system_error.
  static udp_socket open(address_family family = address_family::v4);
  // Takes over a UDP socket that came from elsewhere; see socket::adopt.
  static udp_socket adopt(int fd);

  // Broadcasts are sent only when options::broadcast is set. What follows is for multicast;
  // `interface` is an index (if_nametoindex(3)), 0 leaves the choice to the system. All throw
  // std::system_error.
  void join(const address& group, unsigned interface = 0) { membership(group, interface, true); }
  void leave(const address& group, unsigned interface = 0) { membership(group, interface, false); }
  // Routers that what we send may pass; 1 stays in this network, 0 on this host. 1.
  void multicast_hops(int n);
  // Whether members on this host receive what we send. True.
  void multicast_loop(bool on);
  void multicast_interface(unsigned interface);

 private:
  udp_socket(socket s, bool v6) noexcept : datagram_socket(std::move(s)), v6_(v6) {}
  void membership(const address& group, unsigned interface, bool join);
  bool v6_ = false;
};

// Datagrams between the programs of one machine.
class unix_datagram : public datagram_socket {
 public:
  // Closed from the start, to be assigned to.
  unix_datagram() = default;
  // Throws as unix_listener::bind.
  static unix_datagram bind(const endpoint& at, const unix_listen_options& options = {});
  // Without a name: it can send, but is not answered. Throws std::system_error.
  static unix_datagram open();
  // Two that are connected to one another. Throws std::system_error.
  static std::pair<unix_datagram, unix_datagram> pair();

  // Waits while the receiver's queue is full, which no event tells: it is tried again every few
  // milliseconds. send() of a connected socket hears of it. Cancelled: it has not gone.
  task<> send_to(std::span<const std::byte> bytes, endpoint to);

  void close() noexcept {
    datagram_socket::close();
    file_.remove();
  }

 private:
  explicit unix_datagram(socket s) noexcept : datagram_socket(std::move(s)) {}
  detail::socket_file file_;
};

}  // namespace rondo::net
