// A descriptor of the running loop, closed when its owner goes.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/net/options.hpp>
#include <rondo/runtime/reactor/operation.hpp>
#include <rondo/runtime/reactor/reactor.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace rondo::net {

namespace detail {
// Names nothing, so that every reactor answers `closed`. (With generation 0 it would name a
// descriptor that is not ours.)
inline constexpr rondo::detail::descriptor closed_descriptor{-1, ~std::uint32_t{0}};
}  // namespace detail

// Movable. Belongs to the loop it was made on; one that outlives its loop can only be closed.
class socket {
 public:
  // Closed from the start.
  socket() noexcept = default;
  // Takes over an open descriptor that the loop's own calls gave. Throws std::bad_alloc, then it is
  // closed.
  socket(int fd, rondo::detail::transfers style);
  // What an adopted socket must be.
  struct expected {
    bool ip = false;  // else a Unix socket
    int type = SOCK_STREAM;
    bool listening = false;
  };
  // Takes over a descriptor that came from elsewhere: a parent process, a service manager, another
  // library. Makes it CLOEXEC, and blocking or not as the loop's reactor wants it (a flag that is
  // shared with every duplicate). Nobody else may use it meanwhile. Throws std::system_error, and
  // std::invalid_argument that says what it is when it is not what is expected; then it stays the
  // caller's, as it was.
  static socket adopt(int fd, expected what, rondo::detail::transfers style);
  // Two connected Unix sockets. Throws std::system_error.
  static std::pair<socket, socket> open_pair(int type, rondo::detail::transfers style);
  // Opens one. Throws std::system_error.
  static socket open(int family, int type, rondo::detail::transfers style);
  socket(socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, detail::closed_descriptor)),
        loop_id_(other.loop_id_),
        simulated_(other.simulated_) {}
  socket& operator=(socket&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = std::exchange(other.descriptor_, detail::closed_descriptor);
      loop_id_ = other.loop_id_;
      simulated_ = other.simulated_;
    }
    return *this;
  }
  ~socket() { close(); }

  bool is_open() const noexcept { return descriptor_.fd >= 0; }
  // What waits on it ends with io_errc::closed.
  void close() noexcept;
  rondo::detail::descriptor get() const noexcept { return descriptor_; }
  // Of the loop that it belongs, or belonged, to.
  std::uint64_t loop_id() const noexcept { return loop_id_; }

  // Throw std::system_error.
  void bind(const endpoint& e);
  void listen(int backlog);
  template <socket_option O>
  void set(const O& o) {
    const typename O::system_type value = o.to_system();
    set_option(O::level, O::name, &value, sizeof value);
  }
  template <socket_option O>
  O get() const {
    typename O::system_type value{};
    get_option(O::level, O::name, &value, sizeof value);
    return O::from_system(value);
  }
  void set_option(int level, int option, const void* value, unsigned size);
  void get_option(int level, int option, void* value, unsigned size) const;
  endpoint local_endpoint() const;
  endpoint remote_endpoint() const;
  // 0 or a negative errno.
  int shutdown(int how) noexcept;
  // True when a read would not wait: data, the end of the stream, or an error.
  bool readable_now() const noexcept;
  // Sends what fits without waiting, while nobody else is sending: how many bytes went, 0 for none
  // whatever the reason.
  std::size_t send_now(std::span<const std::byte> bytes) noexcept;

 private:
  // Open, and of the loop that runs.
  bool usable() const noexcept;

  rondo::detail::descriptor descriptor_ = detail::closed_descriptor;
  std::uint64_t loop_id_ = 0;
  bool simulated_ = false;
};

// What stream, listening and datagram sockets have in common.
class socket_facade {
 public:
  // At once. Whoever waits on it ends with io_errc::closed.
  void close() noexcept { socket_.close(); }
  bool is_open() const noexcept { return socket_.is_open(); }
  // These throw std::system_error.
  endpoint local_endpoint() const { return socket_.local_endpoint(); }
  template <socket_option O>
  void set(const O& o) {
    socket_.set(o);
  }
  template <socket_option O>
  O get() const {
    return socket_.get<O>();
  }
  socket& native() noexcept { return socket_; }

 protected:
  socket_facade() = default;
  explicit socket_facade(socket s) noexcept : socket_(std::move(s)) {}
  socket_facade(socket_facade&&) = default;
  socket_facade& operator=(socket_facade&&) = default;
  ~socket_facade() = default;

  socket socket_;
};

}  // namespace rondo::net
