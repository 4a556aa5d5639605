// The io_uring reactor.
//
// Operations become entries in a shared queue; one enter a turn hands them over and sleeps. Nothing is
// tried first: on this interface a speculative system call costs more than a batched entry. Entries that do
// not fit the queue wait in a list, in order.
//
// Closing is the delicate part. An entry that has not been handed over would run on whatever descriptor gets
// the number next, and close(2) does not end a pending recv. So close() hands over what is queued while the
// number is still ours, cancels, and gives the number back at the last completion.
#include <rondo/runtime/reactor_kernel.hpp>

#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <system_error>
#include <utility>

namespace rondo::detail {
namespace {

constexpr unsigned queue_entries = 512;
constexpr unsigned completion_entries = 8192;

// What a completion's user data says: one of these, or an operation's address.
constexpr std::uint64_t tag_ignored = 0;
constexpr std::uint64_t tag_wake = 1;

struct uring_slot : descriptor_slot {
  bool unix_datagrams = false;
};

struct setup {
  unsigned flags;
  const char* name;
};
constexpr bool is_receive(operation_kind k) noexcept {
  return k == operation_kind::recv || k == operation_kind::recvmsg || k == operation_kind::receive;
}
// Served by waiting for readiness, then by a call.
constexpr bool when_ready(operation_kind k) noexcept {
  return k == operation_kind::receive || k == operation_kind::recvmmsg ||
         k == operation_kind::sendmmsg;
}

// The best first. DEFER_TASKRUN is worth 20 % at low concurrency; SUBMIT_ALL keeps one bad entry from
// holding back the rest; TASKRUN_FLAG tells a busy turn whether the kernel must be entered at all.
constexpr std::array<setup, 3> ladder{{
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
         IORING_SETUP_SUBMIT_ALL,
     "SINGLE_ISSUER|DEFER_TASKRUN"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
     "COOP_TASKRUN"},
    {0, "no flags"},
}};

// The kernel may map the ring that one thread opens where that of another thread has just been, and it puts the
// two in order. Who looks for data races from within the process sees that order only here: released before the
// unmapping, acquired after the mapping.
constinit std::atomic<unsigned> rings_mapped_or_not{0};

class uring_reactor final : public kernel_reactor {
 public:
  explicit uring_reactor(operation_queue& completed) : kernel_reactor(completed, 0) {
    open_ring();
    arm_wake();
  }

  ~uring_reactor() override {
    // Nothing of ours may be left in the kernel when the ring goes: with an accept pending, its port stays
    // taken for a while.
    if (in_flight_ > 0 || wake_armed_) {
      if (io_uring_sqe* e = entry()) {
        io_uring_prep_cancel64(e, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
        io_uring_sqe_set_data64(e, tag_ignored);
      }
      ending_ = true;
      for (int rounds = 0; (in_flight_ > 0 || wake_armed_) && rounds < 1000; ++rounds) {
        __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 10'000'000};
        io_uring_cqe* first = nullptr;
        io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
        reap();
      }
    }
    rings_mapped_or_not.fetch_add(1, std::memory_order_release);
    io_uring_queue_exit(&ring_);
    table_.for_each([this](int fd, uring_slot& s) {
      if (s.closing) close_now(fd);
    });
  }

  bool start(operation& op) noexcept override {
    const bool foreign = op.target.generation == 0;
    if (!foreign) {
      uring_slot* s = table_.admit(op);
      if (!s) return true;
      s->waiting[static_cast<std::size_t>(op.way)] = &op;
    }
    ++counts_.submitted;
    op.in_flight = true;
    op.cancel_asked = op.closed_under = false;
    if (waiting_.empty() && prepare(op)) return false;
    waiting_.push(op);
    return false;
  }

  void cancel(operation& op) noexcept override {
    if (op.cancel_asked || !op.in_flight) return;
    op.cancel_asked = true;
    if (waiting_.remove(op)) {
      settle(op, -ECANCELED);
      return;
    }
    io_uring_sqe* e = entry();
    if (!e) {  // make room: 512 cancellations an enter
      submit();
      e = entry();
    }
    if (!e) {
      cancels_waiting_.push(op);
      op.cancel_waiting = true;
      return;
    }
    prepare_cancel(e, op);
  }

  bool wait(time_point deadline) noexcept override {
    hand_over_waiting();
    const bool sleep = deadline > time_point::min() && !something_completed() && waiting_.empty() &&
                       cancels_waiting_.empty() && io_uring_cq_ready(&ring_) == 0;
    if (sleep) {
      io_uring_cqe* first = nullptr;
      int r = 0;
      do {  // a signal is no reason for a turn
        __kernel_timespec limit{};
        __kernel_timespec* until = nullptr;
        if (deadline != never) {
          const timespec left = time_left(deadline);
          limit = {.tv_sec = left.tv_sec, .tv_nsec = left.tv_nsec};
          until = &limit;
        }
        ++counts_.system_calls;
        cancels_queued_ = false;
        r = io_uring_submit_and_wait_timeout(&ring_, &first, 1, until, nullptr);
      } while (r == -EINTR && io_uring_cq_ready(&ring_) == 0);
    } else if (io_uring_sq_ready(&ring_) > 0 || kernel_wants_us()) {
      ++counts_.system_calls;
      cancels_queued_ = false;
      io_uring_submit_and_get_events(&ring_);
    }
    reap();
    return true;
  }

  std::uint32_t attach(int fd, transfers style) override {
    uring_slot& s = table_.attach(fd);
    s.unix_datagrams = style == transfers::may_stop_short && carries_unix_datagrams(fd);
    return s.generation;
  }

  void close(descriptor d) noexcept override {
    uring_slot* s = table_.find(d);
    if (!s) return;
    for (operation*& op : s->waiting)
      if (op && waiting_.remove(*op)) {
        operation& never_submitted = *std::exchange(op, nullptr);
        complete(never_submitted, result_closed);
      }
    if (!s->waiting[0] && !s->waiting[1]) {
      // What was cancelled before this must not hear of it from the other end of the connection instead.
      if (cancels_queued_) submit();
      *s = uring_slot{};
      close_now(d.fd);
      return;
    }
    if (io_uring_sq_ready(&ring_) > 0) submit();
    s->closing = true;
    kernel_reactor::shutdown(d.fd, SHUT_RDWR);  // the peer hears at once; not a socket: no harm
    for (operation* op : s->waiting) {
      if (!op) continue;
      op->closed_under = !op->cancel_asked;  // who was cancelled before ends as cancelled
      cancel(*op);
    }
  }

  void break_writes(descriptor d) noexcept override {
    if (uring_slot* s = table_.find(d)) s->write_broken = true;
  }

  bool serves_files() const noexcept override { return true; }
  const char* name() const noexcept override { return "io_uring"; }

 private:
  bool carries_unix_datagrams(int fd) noexcept {
    int value = 0;
    socklen_t size = sizeof value;
    if (get_option(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) != 0 || value != AF_UNIX) return false;
    return get_option(fd, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value != SOCK_STREAM;
  }
  // Nothing but a try, for what waits_for_room().
  int send_flags(const operation& op) noexcept {
    const uring_slot* s = table_.find(op.target);
    return static_cast<int>(op.flags) | MSG_NOSIGNAL | (s && s->unix_datagrams ? MSG_DONTWAIT : 0);
  }

  void open_ring() {
    int r = 0;
    std::string refused;
    for (const setup& s : ladder) {
      io_uring_params p{};
      p.flags = s.flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
      p.cq_entries = completion_entries;
      r = io_uring_queue_init_params(queue_entries, &ring_, &p);
      if (r == 0) {
        rings_mapped_or_not.fetch_add(1, std::memory_order_acquire);
        io_uring_register_ring_fd(&ring_);
        return;
      }
      refused += refused.empty() ? "" : ", ";
      refused += s.name;
    }
    throw std::system_error(-r, std::system_category(),
                            "io_uring cannot be had (tried " + refused + ")");
  }

  io_uring_sqe* entry() noexcept { return io_uring_get_sqe(&ring_); }

  void submit() noexcept {
    ++counts_.system_calls;
    cancels_queued_ = false;
    io_uring_submit(&ring_);
  }

  // With task work deferred, completions appear only when the kernel is entered.
  bool kernel_wants_us() const noexcept {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !=
           0;
  }

  // False: the queue is full.
  bool prepare(operation& op) noexcept {
    io_uring_sqe* e = entry();
    if (!e) return false;
    const int fd = op.target.fd;
    switch (op.kind) {
      case operation_kind::accept:
        io_uring_prep_accept(e, fd, nullptr, nullptr, SOCK_CLOEXEC);
        break;
      case operation_kind::connect:
        io_uring_prep_connect(e, fd, static_cast<const sockaddr*>(op.data), op.size);
        break;
      case operation_kind::recv:
        io_uring_prep_recv(e, fd, op.data, op.size, static_cast<int>(op.flags));
        break;
      case operation_kind::send: io_uring_prep_send(e, fd, op.data, op.size, send_flags(op)); break;
      case operation_kind::recvmsg:
        io_uring_prep_recvmsg(e, fd, static_cast<msghdr*>(op.data), op.flags | MSG_CMSG_CLOEXEC);
        break;
      case operation_kind::sendmsg:
        io_uring_prep_sendmsg(e, fd, static_cast<const msghdr*>(op.data),
                              static_cast<unsigned>(send_flags(op)));
        break;
      case operation_kind::receive:
      case operation_kind::recvmmsg: io_uring_prep_poll_add(e, fd, POLLIN); break;
      case operation_kind::sendmmsg: io_uring_prep_poll_add(e, fd, POLLOUT); break;
      case operation_kind::poll: io_uring_prep_poll_add(e, fd, op.flags); break;
      case operation_kind::read: io_uring_prep_read(e, fd, op.data, op.size, op.offset); break;
      case operation_kind::write: io_uring_prep_write(e, fd, op.data, op.size, op.offset); break;
      case operation_kind::fsync:
        io_uring_prep_fsync(e, fd, op.flags & fsync_data_only ? IORING_FSYNC_DATASYNC : 0);
        break;
    }
    io_uring_sqe_set_data(e, &op);
    ++in_flight_;
    return true;
  }

  void prepare_cancel(io_uring_sqe* e, operation& op) noexcept {
    io_uring_prep_cancel(e, &op, 0);
    io_uring_sqe_set_data64(e, tag_ignored);
    cancels_queued_ = true;
  }

  void hand_over_waiting() noexcept {
    while (!waiting_.empty() || !cancels_waiting_.empty()) {
      bool room = true;
      while (room && !cancels_waiting_.empty()) {
        io_uring_sqe* e = entry();
        room = e != nullptr;
        if (!room) break;
        operation* op = cancels_waiting_.pop();
        op->cancel_waiting = false;
        prepare_cancel(e, *op);
      }
      while (room && !waiting_.empty()) {
        operation* op = waiting_.pop();
        room = prepare(*op);
        if (!room) waiting_.push_front(*op);
      }
      if (room) return;
      const unsigned before = io_uring_sq_ready(&ring_);
      submit();
      if (io_uring_sq_ready(&ring_) == before)
        return;  // the kernel takes no more now; the next turn will
    }
  }

  void reap() noexcept {
    unsigned head = 0;
    unsigned n = 0;
    io_uring_cqe* c = nullptr;
    if (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) ++counts_.overflows;
    io_uring_for_each_cqe(&ring_, head, c) {
      ++n;
      if (c->user_data == tag_ignored) continue;
      if (c->user_data == tag_wake) {
        wake_armed_ = false;
        continue;
      }
      auto& op = *static_cast<operation*>(io_uring_cqe_get_data(c));
      --in_flight_;
      if (op.cancel_waiting) {
        cancels_waiting_.remove(op);
        op.cancel_waiting = false;
      }
      if (waits_for_room(op, c->res)) continue;
      const bool ready = c->res > 0 && when_ready(op.kind);
      if (ready && !transfer_when_ready(op)) continue;
      settle(op, ready ? op.result : c->res);
    }
    if (n > 0) io_uring_cq_advance(&ring_, n);
    if (!wake_armed_ && !ending_) arm_wake();
  }

  // A Unix datagram whose receiver is full. The kernel would send it again when poll says writable, which it
  // does at once when the socket is not connected, and by then it has lost the bytes (seen on Linux 6.18: an
  // empty datagram arrives). So it is tried again every millisecond.
  bool waits_for_room(operation& op, std::int32_t result) noexcept {
    const bool waited = result == -ETIME;
    if ((!waited && result != -EAGAIN) || op.cancel_asked) return false;
    if (op.kind != operation_kind::send && op.kind != operation_kind::sendmsg) return false;
    io_uring_sqe* e = waited ? nullptr : entry();
    if (!e) {
      if (!waiting_.empty() || !prepare(op)) waiting_.push(op);
      return true;
    }
    static constinit __kernel_timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    io_uring_prep_timeout(e, &pause, 0, 0);
    io_uring_sqe_set_data(e, &op);
    ++in_flight_;
    return true;
  }

  // No entry moves several datagrams, or takes a buffer only when there is something for it: the kernel tells
  // when something can be moved, and one call moves it.
  // False: it was too early, and waits again.
  bool transfer_when_ready(operation& op) noexcept {
    op.result = op.kind == operation_kind::receive ? receive_now(op) : transfer_batch(op);
    if (op.result != -EAGAIN || op.cancel_asked) return true;
    if (!waiting_.empty() || !prepare(op)) waiting_.push(op);
    return false;
  }

  // The operation is ours again.
  void settle(operation& op, std::int32_t result) noexcept {
    // A cancelled operation may report how it was interrupted instead.
    if (op.cancel_asked && (result == -EINTR || result == -EALREADY || result == -EAGAIN))
      result = -ECANCELED;
    uring_slot* s = op.target.generation == 0 ? nullptr : table_.at(op.target.fd);
    if (s && s->generation == op.target.generation) {
      s->waiting[static_cast<std::size_t>(op.way)] = nullptr;
      if (s->closing) {
        // What was won before the close stays won; the end of the stream is our own doing.
        if (op.closed_under && (result < 0 || (result == 0 && is_receive(op.kind))))
          result = result_closed;
        if (!s->waiting[0] && !s->waiting[1]) {
          *s = uring_slot{};
          close_now(op.target.fd);
        }
      }
    }
    complete(op, result);
  }

  void arm_wake() noexcept {
    io_uring_sqe* e = entry();
    if (!e) return;  // the next turn has room
    io_uring_prep_read(e, wake_fd(), &wake_count_, sizeof wake_count_, 0);
    io_uring_sqe_set_data64(e, tag_wake);
    wake_armed_ = true;
  }

  io_uring ring_{};
  descriptor_table<uring_slot> table_;
  operation_queue waiting_;          // not in the ring: it was full
  operation_queue cancels_waiting_;  // in the kernel; their cancellation did not fit the ring
  std::uint64_t in_flight_ = 0;      // in the ring or in the kernel
  std::uint64_t wake_count_ = 0;
  bool wake_armed_ = false;
  bool cancels_queued_ = false;  // since the last submission
  bool ending_ = false;
};

}  // namespace

std::unique_ptr<reactor> make_uring_reactor(operation_queue& completed) {
  return std::make_unique<uring_reactor>(completed);
}

}  // namespace rondo::detail
