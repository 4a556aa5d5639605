// What the epoll and the io_uring reactor share: the clock, the control plane, and the wake-up
// descriptor.
#pragma once

#include <rondo/runtime/reactor/buffer_pool.hpp>
#include <rondo/runtime/reactor/descriptors.hpp>
#include <rondo/runtime/reactor/reactor.hpp>

#include <cerrno>

namespace rondo::detail {

class kernel_reactor : public reactor {
 public:
  // `socket_flags`: SOCK_NONBLOCK for epoll; none for io_uring, which answers EAGAIN instead of
  // waiting on a descriptor that is non-blocking.
  kernel_reactor(operation_queue& completed, int socket_flags);
  ~kernel_reactor() override;

  void wake() noexcept override;
  time_point now() noexcept override { return steady::now(); }

  int open_socket(int domain, int type, int protocol) noexcept override;
  int open_pair(int type, int (&fds)[2]) noexcept override;
  int bind(int fd, const sockaddr* name, socklen_t size) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int set_option(int fd, int level, int option, const void* value,
                 socklen_t size) noexcept override;
  int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept override;
  int local_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept override;
  int shutdown(int fd, int how) noexcept override;
  bool readable_now(int fd) noexcept override;
  void give_back(void* buffer) noexcept override { pool_.give_back(buffer); }
  int send_now(int fd, const void* data, std::size_t size) noexcept override;
  bool non_blocking() const noexcept override { return (socket_flags_ & SOCK_NONBLOCK) != 0; }
  bool sends_files() const noexcept override { return true; }

 protected:
  buffer_pool pool_;

  int wake_fd() const noexcept { return wake_fd_; }
  void close_now(int fd) noexcept;
  // Time left until `deadline`, not less than zero.
  static timespec time_left(time_point deadline) noexcept;
  // Into a buffer of the pool, without waiting: the buffer is the operation's when bytes came.
  int receive_now(operation& op) noexcept;
  // recvmmsg or sendmmsg, without waiting.
  int transfer_batch(const operation& op) noexcept;
  // sendfile, to a socket that does not block.
  int send_file_now(const operation& op) noexcept;
  // A system call's result as the reactor gives it.
  int counted(long result) noexcept {
    ++counts_.system_calls;
    return result < 0 ? -errno : static_cast<int>(result);
  }

 private:
  int socket_flags_;
  int wake_fd_;
};

}  // namespace rondo::detail
