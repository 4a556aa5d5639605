#include <rondo/net/connect/connect_wait.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/sleep.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

namespace rondo::net {

namespace {

using namespace std::chrono_literals;

// How long connect waits before it asks again whether a listener's backlog has room: no event
// tells.
constexpr auto first_retry = 1ms;
constexpr auto longest_retry = 50ms;
constexpr std::int32_t backlog_full = -EBUSY;  // epoll's way of saying so; io_uring waits

std::system_error in_use(const endpoint& at, const char* why) {
  return {EADDRINUSE, std::system_category(), "bind " + at.to_string() + ": " + why};
}

// Whether somebody has a socket bound there now: connect(2) asks, without waiting.
bool somebody_is_there(const endpoint& at, int type) {
  const int fd = ::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  sockaddr_storage name;
  const unsigned size = at.to_sockaddr(name);
  const int r = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), size);
  const bool refused = r != 0 && errno == ECONNREFUSED;
  rondo::detail::close_unattached(fd);
  return !refused;
}

task<unix_stream> connect_unix(endpoint to) {
  detail::want_unix(to, "unix_stream::connect");
  auto pause = first_retry;
  for (;;) {
    socket s = socket::open(AF_UNIX, SOCK_STREAM, unix_stream::transfer_style);
    const std::int32_t r = co_await detail::connect_wait(s.get(), to);
    if (r == 0) co_return unix_stream(std::move(s));
    if (r != backlog_full)
      throw std::system_error(rondo::detail::error_of(r), "connect to " + to.to_string());
    s.close();
    co_await sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(longest_retry));
  }
}

}  // namespace

namespace detail {

void want_unix(const endpoint& e, const char* who) {
  if (!e.is_unix() || e.path().empty())
    throw std::invalid_argument(std::string(who) + " wants a Unix name, not " + e.to_string());
}

socket_file::socket_file(const std::string& path) {
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) return;
  path_ = path;
  device_ = s.st_dev;
  inode_ = s.st_ino;
}

void socket_file::remove() noexcept {
  if (path_.empty()) return;
  struct stat s{};
  if (::stat(path_.c_str(), &s) == 0 && s.st_dev == device_ && s.st_ino == inode_)
    ::unlink(path_.c_str());
  path_.clear();
}

socket_file bind_unix(socket& s, int type, const endpoint& at, const unix_listen_options& options) {
  const std::string& path = at.path();
  const bool has_file = path.front() != '@' && !rondo::detail::this_core().simulated();
  try {
    s.bind(at);
  } catch (const std::system_error& e) {
    if (e.code() != std::error_code(EADDRINUSE, std::system_category()) || !has_file) throw;
    struct stat found{};
    if (::lstat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
      throw in_use(at, "a file that is no socket stands there");
    if (somebody_is_there(at, type)) throw in_use(at, "another socket is bound there");
    if (!options.replace_stale_)
      throw in_use(
          at,
          "a socket's file was left there by a process that is gone; remove it, or ask for "
          "replace_stale");
    ::unlink(path.c_str());
    s.bind(at);
  }
  if (!has_file) return {};
  socket_file file(path);
  if (options.mode_ && ::chmod(path.c_str(), *options.mode_) != 0)
    throw std::system_error(errno, std::system_category(), "chmod " + path);
  if (!options.unlink_on_close_) file.release();
  return file;
}

}  // namespace detail

task<unix_stream> unix_stream::connect(endpoint to) { return connect_unix(std::move(to)); }

std::pair<unix_stream, unix_stream> unix_stream::pair() {
  auto [a, b] = socket::open_pair(SOCK_STREAM, transfer_style);
  return {unix_stream(std::move(a)), unix_stream(std::move(b))};
}

unix_stream unix_stream::adopt(int fd) {
  return unix_stream(socket::adopt(fd, {}, transfer_style));
}

peer_credentials unix_stream::credentials() const {
  ucred c{};
  socket_.get_option(SOL_SOCKET, SO_PEERCRED, &c, sizeof c);
  return {c.pid, c.uid, c.gid};
}

unix_listener unix_listener::bind(const endpoint& at, const unix_listen_options& options) {
  detail::want_unix(at, "unix_listener::bind");
  unix_listener l(socket::open(AF_UNIX, SOCK_STREAM, unix_stream::transfer_style));
  l.file_ = detail::bind_unix(l.socket_, SOCK_STREAM, at, options);
  l.socket_.listen(options.backlog_);
  return l;
}

unix_listener unix_listener::adopt(int fd) {
  return unix_listener(socket::adopt(fd, {.listening = true}, unix_stream::transfer_style));
}

}  // namespace rondo::net
