#include <rondo/net/parts/pipe_end.hpp>
#include <rondo/net/parts/ready_wait.hpp>
#include <rondo/runtime/sleep.hpp>

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace rondo::net {

namespace detail {

pipe_end::pipe_end(owned_descriptor fd, pipe_traits t) : traits(t) {
  if (rondo::detail::this_core().simulated())
    seen = std::move(fd);
  else
    attached = socket(fd.release(), rondo::detail::transfers::may_stop_short);
}

void pipe_end::close() noexcept {
  closed = true;
  attached.close();
  seen.reset();
  if (memory) memory->close();
}

pipe_traits traits_of(int fd) {
  struct stat s{};
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fstat(fd, &s) != 0)
    throw std::system_error(errno, std::system_category(), "descriptor " + std::to_string(fd));
  const int access = flags & O_ACCMODE;
  return {.reads = access != O_WRONLY,
          .writes = access != O_RDONLY,
          .is_socket = S_ISSOCK(s.st_mode),
          .non_blocking = (flags & O_NONBLOCK) != 0};
}

void set_non_blocking(int fd, bool yes) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = yes ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0))
    throw std::system_error(errno, std::system_category(), "descriptor " + std::to_string(fd));
}

}  // namespace detail

namespace {

using detail::pipe_end;
using rondo::detail::direction;
using end_ptr = std::shared_ptr<pipe_end>;

[[noreturn]] void fail_transfer(std::int32_t result, direction way) {
  rondo::detail::throw_io_error(result, way == direction::in ? "read" : "write");
}

// Open, and going that way.
void want(const end_ptr& e, direction way) {
  if (!e || e->closed) fail_transfer(rondo::detail::result_closed, way);
  if (way == direction::in ? !e->traits.reads : !e->traits.writes) fail_transfer(-EBADF, way);
  if (way == direction::out && e->write_broken)
    fail_transfer(rondo::detail::result_write_broken, way);
}

// Who looks, while he looks.
class look {
 public:
  look(pipe_end& e, direction way) : looking_(e.looking.at(static_cast<std::size_t>(way))) {
    if (looking_) fail_transfer(rondo::detail::result_busy, way);
    looking_ = true;
  }
  look(const look&) = delete;
  look& operator=(const look&) = delete;
  ~look() { looking_ = false; }

 private:
  bool& looking_;
};

task<> until_ready(pipe_end& e, direction way) {
  if (e.attached.is_open()) {
    const std::int32_t r = co_await detail::ready_wait(e.attached.get(), way);
    if (r < 0) fail_transfer(r, way);
  } else {
    const look here(e, way);
    while (!e.closed && !detail::is_ready(e.fd(), way)) co_await sleep_for(detail::simulated_look);
  }
  if (e.closed) fail_transfer(rondo::detail::result_closed, way);
}

// Without waiting; -EAGAIN when there is nothing after all.
std::int32_t read_now(const pipe_end& e, std::span<std::byte> buffer) noexcept {
  const std::size_t size = detail::transfer_size(buffer.size());
  const ssize_t n = e.traits.is_socket ? ::recv(e.fd(), buffer.data(), size, MSG_DONTWAIT)
                                       : ::read(e.fd(), buffer.data(), size);
  if (n >= 0) return static_cast<std::int32_t>(n);
  // The process at the other side of a terminal has gone (pty(7)).
  if (errno == EIO && e.traits.is_pseudo_terminal) return 0;
  return -errno;
}

std::int32_t write_now(const pipe_end& e, std::span<const std::byte> bytes) noexcept {
  std::size_t size = detail::transfer_size(bytes.size());
  if (e.traits.is_socket) {
    const ssize_t n = ::send(e.fd(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? -errno : static_cast<std::int32_t>(n);
  }
  // A pipe that is ready has room for this much (pipe(7)); with more a blocking one would wait.
  if (!e.traits.non_blocking) size = std::min<std::size_t>(size, PIPE_BUF);
  return detail::write_quietly(e.fd(), bytes.data(), size);
}

task<std::size_t> read_from(end_ptr e, std::span<std::byte> buffer) {
  want(e, direction::in);
  if (buffer.empty()) co_return 0;
  if (e->memory) co_return co_await e->memory->read_some(buffer);
  for (;;) {
    co_await until_ready(*e, direction::in);
    const std::int32_t r = read_now(*e, buffer);
    if (r >= 0) co_return static_cast<std::size_t>(r);
    if (r != -EAGAIN && r != -EINTR) fail_transfer(r, direction::in);
  }
}

task<std::size_t> write_to(end_ptr e, std::span<const std::byte> bytes) {
  want(e, direction::out);
  if (bytes.empty()) co_return 0;
  if (e->memory) co_return co_await e->memory->write_some(bytes);
  for (;;) {
    co_await until_ready(*e, direction::out);
    const std::int32_t r = write_now(*e, bytes);
    if (r > 0) co_return static_cast<std::size_t>(r);
    if (r != 0 && r != -EAGAIN && r != -EINTR) fail_transfer(r, direction::out);
  }
}

// Breaks the writing side unless what was begun has gone whole.
class whole_or_broken {
 public:
  explicit whole_or_broken(pipe_end& e) noexcept : end_(e) {}
  whole_or_broken(const whole_or_broken&) = delete;
  whole_or_broken& operator=(const whole_or_broken&) = delete;
  ~whole_or_broken() { end_.write_broken |= begun_; }
  void begun() noexcept { begun_ = true; }
  void whole() noexcept { begun_ = false; }

 private:
  pipe_end& end_;
  bool begun_ = false;
};

task<> write_all_to(end_ptr e, std::span<const std::byte> bytes) {
  want(e, direction::out);
  whole_or_broken written(*e);
  while (!bytes.empty()) {
    bytes = bytes.subspan(co_await write_to(e, bytes));
    written.begun();
  }
  written.whole();
}

task<> end_writing(end_ptr e) {
  want(e, direction::out);
  if (e->traits.is_pseudo_terminal && !e->memory) {
    termios t{};
    const bool known = ::tcgetattr(e->fd(), &t) == 0;
    const std::array end_of_file{std::byte{known ? t.c_cc[VEOF] : std::uint8_t{4}}};
    co_await write_all_to(e, end_of_file);
  } else if (e->traits.reads && e->memory) {
    co_await e->memory->shutdown_write();
  } else if (e->traits.is_socket) {
    if (::shutdown(e->fd(), SHUT_WR) != 0) fail_transfer(-errno, direction::out);
  } else if (!e->traits.reads) {
    e->close();
  }
}

}  // namespace

pipe_stream pipe_stream::adopt(int fd) {
  detail::pipe_traits t = detail::traits_of(fd);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "adopt a pipe");
  detail::set_non_blocking(fd, true);
  t.non_blocking = true;
  return detail::pipe_access::make(detail::owned_descriptor(fd), t);
}

task<std::size_t> pipe_stream::read_some(std::span<std::byte> buffer) {
  return read_from(end_, buffer);
}
task<std::size_t> pipe_stream::write_some(std::span<const std::byte> bytes) {
  return write_to(end_, bytes);
}
task<> pipe_stream::write_all(std::span<const std::byte> bytes) {
  return write_all_to(end_, bytes);
}
task<> pipe_stream::shutdown_write() { return end_writing(end_); }

void pipe_stream::close() noexcept {
  if (end_) end_->close();
  end_.reset();
}

bool pipe_stream::is_open() const noexcept { return end_ && !end_->closed; }

bool pipe_stream::readable_now() const noexcept {
  if (!is_open()) return true;
  return end_->memory ? end_->memory->readable_now() : detail::is_ready(end_->fd(), direction::in);
}

pipe_ends make_pipe() {
  constexpr detail::pipe_traits reader{.reads = true};
  constexpr detail::pipe_traits writer{.writes = true};
  using detail::pipe_access;
  if (rondo::detail::this_core().simulated()) {
    auto [a, b] = make_memory_streams();
    return {pipe_access::make(std::move(a), reader), pipe_access::make(std::move(b), writer)};
  }
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::system_category(), "pipe");
  detail::owned_descriptor in(ends[0]);
  detail::owned_descriptor out(ends[1]);
  pipe_stream r = pipe_access::make(std::move(in), reader);
  return {std::move(r), pipe_access::make(std::move(out), writer)};
}

}  // namespace rondo::net
