// A descriptor of the running loop, closed when its owner goes.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/operation.hpp>
#include <rondo/runtime/reactor.hpp>

#include <cstdint>
#include <utility>

namespace rondo::net {

namespace detail {
// Of nothing, so that every reactor answers `closed`. (Generation 0 would name a descriptor that is not ours.)
inline constexpr rondo::detail::descriptor closed_descriptor{-1, ~std::uint32_t{0}};
}  // namespace detail

// Movable. Belongs to the loop it was made on; one that outlives its loop can only be closed.
class socket {
 public:
  // Closed from the start.
  socket() noexcept = default;
  // Takes over an open descriptor that the loop's own calls gave. Throws std::bad_alloc, then it is closed.
  socket(int fd, rondo::detail::transfers style);
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

  // Throw std::system_error.
  void bind(const endpoint& e);
  void listen(int backlog);
  void set_option(int level, int option, int value);
  int option(int level, int option) const;
  endpoint local_endpoint() const;
  endpoint remote_endpoint() const;
  // 0 or a negative errno.
  int shutdown(int how) noexcept;
  // True when a read would not wait: data, the end of the stream, or an error.
  bool readable_now() const noexcept;

 private:
  // Open, and of the loop that runs.
  bool usable() const noexcept;

  rondo::detail::descriptor descriptor_ = detail::closed_descriptor;
  std::uint64_t loop_id_ = 0;
  bool simulated_ = false;
};

}  // namespace rondo::net
