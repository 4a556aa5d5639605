#include <rondo/net/socket.hpp>
#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/loop.hpp>

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <string>

namespace rondo::net {

using rondo::detail::reactor;

namespace {

// A negative result as an exception that says what was tried.
int check(int result, const char* what) {
  if (result < 0) rondo::detail::throw_io_error(result, what);
  return result;
}

reactor& io() { return rondo::detail::this_core().io(); }

}  // namespace

socket::socket(int fd, rondo::detail::transfers style)
    : loop_id_(rondo::detail::this_core().id()),
      simulated_(rondo::detail::this_core().simulated()) {
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

std::pair<socket, socket> socket::open_pair(int type, rondo::detail::transfers style) {
  int fds[2] = {-1, -1};  // NOLINT(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays)
  check(io().open_pair(type, fds), "socketpair");
  const bool simulated = rondo::detail::this_core().simulated();
  try {
    socket first(std::exchange(fds[0], -1), style);
    return {std::move(first), socket(std::exchange(fds[1], -1), style)};
  } catch (...) {
    if (!simulated && fds[1] >= 0) rondo::detail::close_unattached(fds[1]);
    throw;
  }
}

namespace {

int number_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  check(io().get_option(fd, SOL_SOCKET, option, &value, &size), "adopt a socket");
  return value;
}

// epoll wants it non-blocking; io_uring would answer EAGAIN then instead of waiting.
void prepare_adopted(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = io().non_blocking() ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0) ||
      ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "adopt a socket");
}

}  // namespace

socket socket::adopt(int fd, expected what, rondo::detail::transfers style) {
  if (rondo::detail::this_core().simulated())
    throw std::invalid_argument("the simulation has no descriptors from elsewhere to adopt");
  const int family = number_of(fd, SO_DOMAIN);
  const auto refuse = [fd](const char* why) {
    throw std::invalid_argument("descriptor " + std::to_string(fd) + " cannot be adopted: " + why);
  };
  if (what.ip ? family != AF_INET && family != AF_INET6 : family != AF_UNIX)
    refuse(what.ip ? "it is not an IP socket" : "it is not a Unix socket");
  if (number_of(fd, SO_TYPE) != what.type)
    refuse(what.type == SOCK_DGRAM ? "it does not carry datagrams" : "it does not carry a stream");
  if ((number_of(fd, SO_ACCEPTCONN) != 0) != what.listening)
    refuse(what.listening ? "it does not listen" : "it listens");
  prepare_adopted(fd);
  return socket(fd, style);
}

void socket::close() noexcept {
  if (!is_open()) return;
  const rondo::detail::descriptor d = std::exchange(descriptor_, detail::closed_descriptor);
  const rondo::detail::loop_core* running = rondo::detail::this_thread.running_loop;
  if (running && running->id() == loop_id_)
    rondo::detail::this_core().io().close(d);
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

void socket::set_option(int level, int option, const void* value, unsigned size) {
  check(io().set_option(descriptor_.fd, level, option, value, size), "setsockopt");
}

void socket::get_option(int level, int option, void* value, unsigned size) const {
  socklen_t length = size;
  check(io().get_option(descriptor_.fd, level, option, value, &length), "getsockopt");
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
  return usable() ? rondo::detail::this_core().io().shutdown(descriptor_.fd, how)
                  : rondo::detail::result_closed;
}

bool socket::readable_now() const noexcept {
  // Closed, or of a loop that is gone: a read would fail at once.
  return !usable() || rondo::detail::this_core().io().readable_now(descriptor_.fd);
}

std::size_t socket::send_now(std::span<const std::byte> bytes) noexcept {
  if (!usable()) return 0;
  const int sent =
      rondo::detail::this_core().io().send_now(descriptor_.fd, bytes.data(), bytes.size());
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

bool socket::usable() const noexcept {
  const rondo::detail::loop_core* running = rondo::detail::this_thread.running_loop;
  return is_open() && running && running->id() == loop_id_;
}

}  // namespace rondo::net
