#include <rondo/runtime/reactor/pipe_signal.hpp>
#include <rondo/runtime/reactor/reactor_kernel.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <system_error>

namespace rondo::detail {

kernel_reactor::kernel_reactor(operation_queue& completed, int socket_flags)
    : reactor(completed),
      socket_flags_(socket_flags),
      wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_fd_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
}

kernel_reactor::~kernel_reactor() { ::close(wake_fd_); }

void close_unattached(int fd) noexcept { ::close(fd); }

void kernel_reactor::wake() noexcept {
  const std::uint64_t one = 1;
  // It can fail only because the counter is full, and then the loop is woken already.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

int kernel_reactor::open_socket(int domain, int type, int protocol) noexcept {
  return counted(::socket(domain, type | SOCK_CLOEXEC | socket_flags_, protocol));
}
int kernel_reactor::open_pair(int type, int (&fds)[2]) noexcept {
  return counted(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | socket_flags_, 0, fds));
}
int kernel_reactor::bind(int fd, const sockaddr* name, socklen_t size) noexcept {
  return counted(::bind(fd, name, size));
}
int kernel_reactor::listen(int fd, int backlog) noexcept { return counted(::listen(fd, backlog)); }
int kernel_reactor::set_option(int fd, int level, int option, const void* value,
                               socklen_t size) noexcept {
  return counted(::setsockopt(fd, level, option, value, size));
}
int kernel_reactor::get_option(int fd, int level, int option, void* value,
                               socklen_t* size) noexcept {
  return counted(::getsockopt(fd, level, option, value, size));
}
int kernel_reactor::local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  return counted(::getsockname(fd, name, size));
}
int kernel_reactor::peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  return counted(::getpeername(fd, name, size));
}
int kernel_reactor::shutdown(int fd, int how) noexcept { return counted(::shutdown(fd, how)); }

bool kernel_reactor::readable_now(int fd) noexcept {
  pollfd p{fd, POLLIN | POLLRDHUP, 0};
  return counted(::poll(&p, 1, 0)) != 0;
}

int kernel_reactor::receive_now(operation& op) noexcept {
  void* buffer = pool_.take();
  if (!buffer) return -ENOBUFS;
  const int n = counted(::recv(op.target.fd, buffer, buffer_pool::buffer_size, MSG_DONTWAIT));
  if (n > 0)
    op.lend(buffer, buffer_pool::buffer_size);  // less than that has drained the socket
  else
    pool_.give_back(buffer);
  return n;
}

int kernel_reactor::transfer_batch(const operation& op) noexcept {
  const int flags = static_cast<int>(op.flags()) | MSG_DONTWAIT;
  if (op.kind() == operation_kind::sendmmsg)
    return counted(::sendmmsg(op.target.fd, op.messages(), op.size(), flags | MSG_NOSIGNAL));
  return counted(
      ::recvmmsg(op.target.fd, op.messages(), op.size(), flags | MSG_CMSG_CLOEXEC, nullptr));
}

int kernel_reactor::send_file_now(const operation& op) noexcept {
  auto offset = static_cast<off_t>(op.offset());
  counts_.system_calls += 3;  // with what keeps SIGPIPE away, which no flag of sendfile does
  return static_cast<int>(without_pipe_signal(
      op.size(), [&] { return ::sendfile(op.target.fd, op.file(), &offset, op.size()); }));
}

int kernel_reactor::send_now(int fd, const void* data, std::size_t size) noexcept {
  return counted(::send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void kernel_reactor::close_now(int fd) noexcept {
  ++counts_.system_calls;
  ::close(fd);  // after EINTR the number is free on Linux: never twice
}

timespec kernel_reactor::time_left(time_point deadline) noexcept {
  const time_point now = steady::now();
  const std::int64_t left = deadline > now ? (deadline - now).count() : 0;
  return {left / 1'000'000'000, left % 1'000'000'000};
}

}  // namespace rondo::detail
