#include <rondo/net/socket.hpp>
#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/loop.hpp>

#include <sys/socket.h>

namespace rondo::net {

using rondo::detail::reactor;

namespace {

// A negative result as an exception that says what was tried.
int check(int result, const char* what) {
  if (result < 0) rondo::detail::throw_io_error(result, what);
  return result;
}

reactor& io() { return this_loop().io(); }

}  // namespace

socket::socket(int fd, rondo::detail::transfers style)
    : loop_id_(this_loop().id()), simulated_(this_loop().simulated()) {
  try {
    descriptor_ = {fd, io().attach(fd, style)};
  } catch (...) {
    if (!simulated_) rondo::detail::close_unattached(fd);
    throw;
  }
}

socket socket::open(int family, int type, rondo::detail::transfers style) {
  return socket(check(io().open_socket(family, type, 0), "socket"), style);
}

void socket::close() noexcept {
  if (!is_open()) return;
  const rondo::detail::descriptor d = std::exchange(descriptor_, detail::closed_descriptor);
  const loop* running = rondo::detail::this_thread.running_loop;
  if (running && running->id() == loop_id_)
    this_loop().io().close(d);
  else if (!simulated_)
    rondo::detail::close_unattached(d.fd);  // its loop is gone, and what it started with it
}

void socket::bind(const endpoint& e) {
  sockaddr_storage name;
  const unsigned size = e.to_sockaddr(name);
  const int r = io().bind(descriptor_.fd, reinterpret_cast<const sockaddr*>(&name), size);
  if (r < 0) throw std::system_error(rondo::detail::error_of(r), "bind " + e.to_string());
}

void socket::listen(int backlog) { check(io().listen(descriptor_.fd, backlog), "listen"); }

void socket::set_option(int level, int option, int value) {
  check(io().set_option(descriptor_.fd, level, option, &value, sizeof value), "setsockopt");
}

int socket::option(int level, int option) const {
  int value = 0;
  socklen_t size = sizeof value;
  check(io().get_option(descriptor_.fd, level, option, &value, &size), "getsockopt");
  return value;
}

endpoint socket::local_endpoint() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  check(io().local_name(descriptor_.fd, reinterpret_cast<sockaddr*>(&name), &size), "getsockname");
  return endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&name), size);
}

endpoint socket::remote_endpoint() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  check(io().peer_name(descriptor_.fd, reinterpret_cast<sockaddr*>(&name), &size), "getpeername");
  return endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&name), size);
}

int socket::shutdown(int how) noexcept {
  return usable() ? this_loop().io().shutdown(descriptor_.fd, how) : rondo::detail::result_closed;
}

bool socket::readable_now() const noexcept {
  // Closed, or of a loop that is gone: a read would fail at once.
  return !usable() || this_loop().io().readable_now(descriptor_.fd);
}

bool socket::usable() const noexcept { return is_open() && this_loop().id() == loop_id_; }

}  // namespace rondo::net
