// The reactor: the one interface between the loop and the outside world.
//
// Three implementations: epoll, io_uring, and a deterministic simulation that owns time and the
// network. Everything above compiles once and runs on all three, chosen at run time. A reactor is
// used from its loop's thread only; wake() alone may be called from another.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/reactor/operation.hpp>

#include <sys/socket.h>

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>

namespace rondo {

enum class reactor_kind : std::uint8_t { automatic, epoll, io_uring, simulated };

struct simulation_options;

}  // namespace rondo

namespace rondo::detail {

// What a reactor may conclude from a transfer shorter than asked. Only a plain TCP stream with
// SO_OOBINLINE is known to be drained by a short one: urgent data, datagrams and descriptor passing
// give short results with more waiting.
enum class transfers : std::uint8_t { may_stop_short, stop_short_when_drained };

struct reactor_counts {
  std::uint64_t system_calls = 0;  // made by the reactor, control plane included
  std::uint64_t submitted = 0;     // operations started
  std::uint64_t completed = 0;     // operations that came back
  std::uint64_t overflows = 0;     // times that more had completed than io_uring's ring holds
  std::uint64_t rearms = 0;        // multishots that the kernel ended and that were armed again
};

class reactor {
 public:
  explicit reactor(operation_queue& completed) noexcept : completed_(completed) {}
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;
  virtual ~reactor() = default;

  // True: finished at once, the result is valid, nothing will be queued. False: it arrives on the
  // completed list exactly once. Never allocates, never runs user code.
  virtual bool start(operation& op) noexcept = 0;
  // A request. The operation still arrives, with its true result or -ECANCELED.
  virtual void cancel(operation& op) noexcept = 0;
  // Hands over what is batched and sleeps until something completes, wake(), or the deadline. A
  // deadline that has passed means do not sleep. False: nothing can ever happen again (the
  // simulation alone knows).
  virtual bool wait(time_point deadline) noexcept = 0;
  // A deadline for wait() that has passed, at which the kernel is asked even if no operation is in
  // flight. At time_point::min() it need not be.
  static constexpr time_point look_once = time_point::min() + nanoseconds(1);
  // For a loop inside somebody else's (embedded_loop.hpp): a descriptor that is readable when
  // wait() would bring something. Throws std::system_error.
  virtual int foreign_poll() { return -1; }
  // Before somebody polls it. False: something has come already, and wait() brings it.
  virtual bool leave_to_poll() noexcept { return true; }
  virtual void wake() noexcept = 0;
  virtual time_point now() noexcept = 0;

  // The control plane is synchronous. Results are 0 or a value, or a negative errno.
  virtual int open_socket(int domain, int type, int protocol) noexcept = 0;
  // Two connected Unix sockets; type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
  virtual int open_pair(int type, int (&fds)[2]) noexcept = 0;
  virtual int bind(int fd, const sockaddr* name, socklen_t size) noexcept = 0;
  virtual int listen(int fd, int backlog) noexcept = 0;
  virtual int set_option(int fd, int level, int option, const void* value,
                         socklen_t size) noexcept = 0;
  virtual int get_option(int fd, int level, int option, void* value, socklen_t* size) noexcept = 0;
  virtual int local_name(int fd, sockaddr* name, socklen_t* size) noexcept = 0;
  virtual int peer_name(int fd, sockaddr* name, socklen_t* size) noexcept = 0;
  virtual int shutdown(int fd, int how) noexcept = 0;
  // True when data, the end of the stream or an error can be read right now, including what has
  // come since the last wait(). One system call; none where a multishot of io_uring's is armed and
  // has brought nothing.
  virtual bool readable_now(int fd) noexcept = 0;
  // Sends what fits without waiting: bytes, or a negative errno (-EAGAIN: nothing fits). For a last
  // word on a descriptor that no operation is sending on.
  virtual int send_now(int fd, const void* data, std::size_t size) noexcept = 0;

  // Takes a descriptor in and allocates what it needs, so that start and cancel never do. Returns
  // its generation. Throws std::bad_alloc.
  virtual std::uint32_t attach(int fd, transfers style) = 0;
  // Whether it is open still: its number may be another's by now.
  virtual bool is_attached(descriptor d) noexcept = 0;
  // What waits on it ends with `closed`; the number is given back to the system only when nothing
  // that was started on it can run any more.
  virtual void close(descriptor d) noexcept = 0;
  // For who is about to close a listener: from here on connections stay in the kernel's queue,
  // where others may take them who have the same listener, until somebody waits for one. Returns
  // how many were taken from it before and not accepted: so many accepts complete at once.
  virtual std::size_t leave_connections(descriptor /*d*/) noexcept { return 0; }
  // Later sends fail with `write_broken`: a cancelled write does not know how much of it went.
  virtual void break_writes(descriptor d) noexcept = 0;
  // Takes back a buffer that a recv_lent was lent.
  virtual void give_back(void* buffer) noexcept = 0;

  // True: a file's descriptor is attached, and read, write and fsync are operations like others.
  // False: a file is read and written in a thread (to_thread), which the simulation runs inline.
  virtual bool serves_files() const noexcept { return false; }
  // True: sendfile is an operation, of plain files and stream sockets. It does not wait for the
  // disk's sake alone: what it sends should be in memory. False: a file is read and written.
  virtual bool sends_files() const noexcept { return false; }
  // Whether the descriptors it serves are non-blocking: epoll tries, io_uring waits.
  virtual bool non_blocking() const noexcept { return false; }
  virtual const char* name() const noexcept = 0;
  const reactor_counts& counts() const noexcept { return counts_; }

 protected:
  void complete(operation& op, std::int32_t result) noexcept {
    assert(op.in_flight && "an operation completes once");
    op.result = result;
    op.in_flight = false;
    ++counts_.completed;
    completed_.push(op);
  }
  bool something_completed() const noexcept { return !completed_.empty(); }

  reactor_counts counts_;

 private:
  operation_queue& completed_;
};

struct reactor_choice {
  reactor_kind kind = reactor_kind::automatic;
  const simulation_options* simulation = nullptr;
};

// `automatic` asks RONDO_REACTOR (epoll or io_uring; another value is an error), then takes
// io_uring, then epoll with a warning in the log that says why. A reactor chosen by name throws
// std::system_error with the reason when it cannot be had. Of the ways to set io_uring up that
// kernels know the best is taken; for tests, and to narrow down a fault, RONDO_IO_URING_FLAGS says
// where to begin: DEFER_TASKRUN, COOP_TASKRUN or none.
std::unique_ptr<reactor> make_reactor(const reactor_choice& choice, operation_queue& completed);

// Closes a descriptor that no reactor has taken in, or whose reactor is gone.
void close_unattached(int fd) noexcept;

std::unique_ptr<reactor> make_epoll_reactor(operation_queue& completed);
std::unique_ptr<reactor> make_uring_reactor(operation_queue& completed);
std::unique_ptr<reactor> make_simulated_reactor(const simulation_options& options,
                                                operation_queue& completed);

}  // namespace rondo::detail
