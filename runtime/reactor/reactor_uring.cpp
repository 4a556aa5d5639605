// The io_uring reactor.
//
// Operations become entries in a shared queue; one enter a turn hands them over and sleeps. Nothing
// is tried first: on this interface a speculative system call costs more than a batched entry.
// Entries that do not fit the queue wait in a list, in order.
//
// Two kinds of entries are multishot: accepting from a listener, and receiving from a socket into
// buffers that the kernel chooses. One entry, and a completion comes for each connection, or for
// each piece of bytes, whether anybody waits for it or not. What they bring is kept in the
// descriptor's slot (uring_multishot.hpp). When too much of it is kept there the multishot is
// cancelled, and armed again when somebody waits. The kernel may end one too (no more buffers, no
// more descriptors): a completion without the MORE flag is the last.
//
// The poll that waits for a peer to hang up outlives the wait too: a server that watches its peer
// during each request arms it once a connection.
//
// Closing is the delicate part. An entry that has not been handed over would run on whatever
// descriptor gets the number next, and close(2) does not end a pending recv. So close() hands over
// what is queued while the number is still ours, cancels, and gives the number back at the last
// completion. A listener is never shut down for that: others may have duplicates of it.
#include <rondo/runtime/reactor/reactor_kernel.hpp>
#include <rondo/runtime/reactor/uring_multishot.hpp>
#include <rondo/runtime/reactor/uring_setup.hpp>

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <cassert>
#include <memory>
#include <utility>

namespace rondo::detail {
namespace {

constexpr unsigned queue_entries = 512;
constexpr unsigned completion_entries = 8192;
// Few enough that the bytes of one are still in the caches when its task runs.
constexpr unsigned completions_a_turn = 32;
constexpr unsigned all_completions = ~0U;

// What a completion's user data says: one of these, or an operation's address.
constexpr std::uint64_t tag_ignored = 0;
constexpr std::uint64_t tag_wake = 1;
// Of what outlives a wait, in the lowest bits, where an address has none; above them stand the
// descriptor's number and its generation, which is not 0: so tag_gone is never tag_wake.
constexpr std::uint64_t tag_gone = 1;
constexpr std::uint64_t tag_receiving = 2;
constexpr std::uint64_t tag_accepting = 3;
// Added to either, an address or one of these three: the completion of its cancellation.
constexpr std::uint64_t tag_cancelling = 4;
constexpr std::uint64_t tag_mask = 7;
constexpr unsigned number_shift = 3;
constexpr unsigned generation_shift = 32;
constexpr int largest_number = (1 << (generation_shift - number_shift)) - 1;

// Served by waiting for readiness, then by a call.
constexpr bool when_ready(operation_kind k) noexcept {
  return k == operation_kind::recv_lent || k == operation_kind::recvmmsg ||
         k == operation_kind::sendmmsg || k == operation_kind::sendfile;
}
// May find at once what it is after, without an entry.
constexpr bool tried_first(const operation& op) noexcept {
  return takes_from_multishot(op) || op.kind() == operation_kind::sendfile;
}

class uring_reactor final : public kernel_reactor {
 public:
  explicit uring_reactor(operation_queue& completed) : kernel_reactor(completed, 0) {
    open_ring(ring_, queue_entries, completion_entries, ring_use::entered);
    arm_wake();
  }

  ~uring_reactor() override {
    // Nothing of ours may be left in the kernel when the ring goes: with an accept pending, its
    // port stays taken for a while.
    if (in_flight_ > 0 || wake_armed_) {
      ending_ = true;
      for (int rounds = 0; (in_flight_ > 0 || wake_armed_) && rounds < 1000; ++rounds) {
        if (io_uring_sqe* e = entry()) {  // each time: see cancel_completion()
          io_uring_prep_cancel64(e, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
          io_uring_sqe_set_data64(e, tag_ignored);
        }
        __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 10'000'000};
        io_uring_cqe* first = nullptr;
        io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
        reap();
      }
    }
    close_ring(ring_);
    table_.for_each([this](int fd, uring_slot& s) {
      if (s.closing) close_now(fd);
      if (s.accepted)
        for (const int unserved : *s.accepted) close_now(unserved);
    });
  }

  bool start(operation& op) noexcept override {
    assert(!op.in_flight && "an operation is started again while it is in flight");
    uring_slot* s = nullptr;
    if (op.target.generation != 0 || op.kind() == operation_kind::poll) {
      s = op.target.generation == 0 ? table_.admit_number(op) : table_.admit(op);
      if (!s) return true;
      if (tried_first(op) && is_done_at_once(*s, op)) {
        ++counts_.submitted;
        ++counts_.completed;
        return true;
      }
      s->waiting[index(op.way())] = &op;
    }
    ++counts_.submitted;
    op.in_flight = true;
    op.cancel_asked = op.closed_under = false;
    if (s && takes_from_multishot(op))
      begin_input(*s, op);
    else if (op.way() == direction::gone)
      begin_gone(*s, op);
    else
      submit_alone(op);
    return false;
  }

  void cancel(operation& op) noexcept override {
    if (op.cancel_asked || !op.in_flight) return;
    op.cancel_asked = true;
    uring_slot* slot = slot_of(op);
    if (slot && slot->on_multishot && op.way() == direction::in) {  // the next takes what comes
      slot->on_multishot = false;
      finish(op, -ECANCELED);
      return;
    }
    // The poll of `gone` stays armed.
    if (unsubmitted_.remove(op) || op.way() == direction::gone) {
      finish(op, -ECANCELED);
      return;
    }
    io_uring_sqe* e = entry_or_submit();  // 512 cancellations an enter
    if (!e) {
      unsubmitted_cancels_.push(op);
      op.cancel_unsubmitted = true;
      return;
    }
    prepare_cancel(e, op);
  }

  bool wait(time_point deadline) noexcept override {
    // One enter brings many completions. They are taken in parts, and what their tasks start
    // meanwhile goes with the next enter.
    if (io_uring_cq_ready(&ring_) > 0) {
      reap(completions_a_turn);
      return true;
    }
    hand_over_unsubmitted();
    if (!wake_armed_) arm_wake();
    const bool sleep = deadline > look_once && !something_completed() && unsubmitted_.empty() &&
                       unsubmitted_cancels_.empty() && wake_armed_ &&
                       io_uring_cq_ready(&ring_) == 0;
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
        entering();
        r = io_uring_submit_and_wait_timeout(&ring_, &first, 1, until, nullptr);
        entered();
      } while (r == -EINTR && io_uring_cq_ready(&ring_) == 0);
    } else if (io_uring_sq_ready(&ring_) > 0 || kernel_wants_us()) {
      entering();
      io_uring_submit_and_get_events(&ring_);
      entered();
    }
    if (io_uring_sq_ready(&ring_) > 0) submit();
    reap(completions_a_turn);
    return true;
  }

  // Called before anything is started: the ring is opened anew, so that a poll of it is told.
  int foreign_poll() override {
    assert(in_flight_ == 0 && counts_.submitted == 0);
    io_uring polled{};
    open_ring(polled, queue_entries, completion_entries, ring_use::polled);
    close_ring(ring_);
    ring_ = polled;
    arm_wake();
    return ring_.ring_fd;
  }
  bool leave_to_poll() noexcept override {
    return io_uring_cq_ready(&ring_) == 0 && !kernel_wants_us() && wake_armed_ &&
           io_uring_sq_ready(&ring_) == 0 && unsubmitted_.empty() && unsubmitted_cancels_.empty();
  }

  std::uint32_t attach(int fd, transfers style) override {
    uring_slot& s = table_.attach(fd);
    s.plain_tcp = style == transfers::stop_short_when_drained;
    s.unix_datagrams = !s.plain_tcp && carries_unix_datagrams(fd);
    return s.generation;
  }

  bool readable_now(int fd) noexcept override {
    const uring_slot* s = table_.at(fd);
    if (!s) return kernel_reactor::readable_now(fd);
    if (s->multishot != multishot_state::none) take_what_came();
    if (!s->received.empty() || s->ended) return true;
    // The multishot would have brought whatever had come.
    const bool in_the_kernel = s->multishot == multishot_state::armed && s->armed_in != batch_;
    if (in_the_kernel && (ring_.flags & IORING_SETUP_TASKRUN_FLAG) != 0) return false;
    return kernel_reactor::readable_now(fd);
  }

  void give_back(void* buffer) noexcept override {
    if (multishots_.buffers().owns(buffer))
      multishots_.buffers().give(multishots_.buffers().id_of(buffer));
    else
      kernel_reactor::give_back(buffer);
  }

  bool is_attached(descriptor d) noexcept override { return table_.find(d) != nullptr; }

  void close(descriptor d) noexcept override {
    uring_slot* s = table_.find(d);
    if (!s) return;
    end_multishot(d.fd, *s);
    end_gone(d.fd, *s);
    for (operation*& op : s->waiting)
      if (op && unsubmitted_.remove(*op)) {
        operation& never_submitted = *std::exchange(op, nullptr);
        complete(never_submitted, result_closed);
      }
    if (!s->waiting[0] && !s->waiting[1]) {
      // What was cancelled before must end by its cancellation, not by what the other end does when
      // it sees this close.
      if (cancels_queued_) submit();
      *s = uring_slot{};
      close_now(d.fd);
      return;
    }
    if (io_uring_sq_ready(&ring_) > 0) submit();
    s->closing = true;
    // The peer hears at once; not a socket: no harm. A listener would end for all who have it.
    if (!listens(d.fd, *s)) kernel_reactor::shutdown(d.fd, SHUT_RDWR);
    for (operation* op : s->waiting) {
      if (!op) continue;
      op->closed_under = !op->cancel_asked;  // who was cancelled before ends as cancelled
      cancel(*op);
    }
  }

  std::size_t leave_connections(descriptor d) noexcept override {
    uring_slot* s = table_.find(d);
    if (!s) return 0;
    s->one_by_one = true;
    if (!s->accepted) return 0;
    if (s->multishot == multishot_state::armed) cancel_multishot(d.fd, *s);
    // What it has brought until then is among what comes now.
    for (int rounds = 0; s->multishot == multishot_state::ending && rounds < 10; ++rounds) {
      entering();
      io_uring_submit_and_get_events(&ring_);
      entered();
      reap();
    }
    return s->accepted->size();
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
  // A Unix datagram is only tried: see sends_again_later().
  int send_flags(const operation& op) noexcept {
    const uring_slot* s = table_.find(op.target);
    return static_cast<int>(op.flags()) | MSG_NOSIGNAL |
           (s && s->unix_datagrams ? MSG_DONTWAIT : 0);
  }

  // False: it must wait.
  bool is_done_at_once(uring_slot& s, operation& op) noexcept {
    if (op.kind() != operation_kind::sendfile) return multishots_.deliver(s, op);
    op.result = send_file_without_waiting(op);
    return op.result != would_block;
  }

  // io_uring has no sendfile, and what it serves blocks. So the socket does not for the length of
  // the call, in which nothing else of it can be started; then the kernel says when there is room
  // again. It takes a third of the processor's time of reading and sending (1 MiB over loopback:
  // 0.26 ms instead of 0.71).
  int send_file_without_waiting(const operation& op) noexcept {
    const int fd = op.target.fd;
    const int flags = counted(::fcntl(fd, F_GETFL));
    if (flags < 0) return flags;
    if (const int r = counted(::fcntl(fd, F_SETFL, flags | O_NONBLOCK)); r < 0) return r;
    int sent = 0;
    do sent = send_file_now(op);
    while (sent == -EINTR);
    counted(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
    return sent;
  }

  // The slot that the operation waits in; nullptr: in none.
  uring_slot* slot_of(const operation& op) noexcept {
    uring_slot* s = table_.at(op.target.fd);
    return s && s->waiting[index(op.way())] == &op ? s : nullptr;
  }

  io_uring_sqe* entry() noexcept { return io_uring_get_sqe(&ring_); }
  // nullptr: the kernel takes no more now.
  io_uring_sqe* entry_or_submit() noexcept {
    io_uring_sqe* e = entry();
    if (!e) {
      submit();
      e = entry();
    }
    return e;
  }

  void entering() noexcept {
    ++counts_.system_calls;
    if (ring_flags() & IORING_SQ_CQ_OVERFLOW) ++counts_.overflows;
  }
  void entered() noexcept {
    if (io_uring_sq_ready(&ring_) > 0) return;
    ++batch_;
    cancels_queued_ = false;
  }
  // All entries: where SUBMIT_ALL is missing the kernel stops after one that it refuses.
  void submit() noexcept {
    for (unsigned before = 0, left = io_uring_sq_ready(&ring_); left > 0 && left != before;) {
      entering();
      io_uring_submit(&ring_);
      entered();
      before = std::exchange(left, io_uring_sq_ready(&ring_));
    }
  }
  void submit_alone(operation& op) noexcept {
    if (!unsubmitted_.empty() || !prepare(op)) unsubmitted_.push(op);
  }

  // With task work deferred, completions appear only when the kernel is entered.
  bool kernel_wants_us() const noexcept {
    return (ring_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  unsigned ring_flags() const noexcept { return IO_URING_READ_ONCE(*ring_.sq.kflags); }

  // What the kernel has completed, or could if it were entered.
  void take_what_came() noexcept {
    if (kernel_wants_us()) {
      entering();
      io_uring_get_events(&ring_);
    }
    reap();
  }

  // False: the queue is full.
  bool prepare(operation& op) noexcept {
    io_uring_sqe* e = entry();
    if (!e) return false;
    const int fd = op.target.fd;
    switch (op.kind()) {
      case operation_kind::accept:
        io_uring_prep_accept(e, fd, nullptr, nullptr, SOCK_CLOEXEC);
        break;
      case operation_kind::connect: io_uring_prep_connect(e, fd, op.name(), op.size()); break;
      case operation_kind::recv:
        io_uring_prep_recv(e, fd, op.buffer(), op.size(), static_cast<int>(op.flags()));
        break;
      case operation_kind::send:
        io_uring_prep_send(e, fd, op.bytes(), op.size(), send_flags(op));
        break;
      case operation_kind::recvmsg:
        io_uring_prep_recvmsg(e, fd, op.message(), op.flags() | MSG_CMSG_CLOEXEC);
        break;
      case operation_kind::sendmsg:
        io_uring_prep_sendmsg(e, fd, op.message(), static_cast<unsigned>(send_flags(op)));
        break;
      case operation_kind::recv_lent:
      case operation_kind::recvmmsg: io_uring_prep_poll_add(e, fd, POLLIN); break;
      case operation_kind::sendmmsg:
      case operation_kind::sendfile: io_uring_prep_poll_add(e, fd, POLLOUT); break;
      case operation_kind::poll:
        io_uring_prep_poll_add(e, fd, op.flags());
        if (op.way() != direction::gone) break;
        armed_gone(e, op);
        return true;
      case operation_kind::read:
        io_uring_prep_read(e, fd, op.buffer(), op.size(), op.offset());
        break;
      case operation_kind::write:
        io_uring_prep_write(e, fd, op.bytes(), op.size(), op.offset());
        break;
      case operation_kind::fsync:
        io_uring_prep_fsync(e, fd, op.flags() & fsync_data_only ? IORING_FSYNC_DATASYNC : 0);
        break;
    }
    io_uring_sqe_set_data(e, &op);
    ++in_flight_;
    return true;
  }

  void prepare_cancel(io_uring_sqe* e, operation& op) noexcept {
    assert(op.in_flight && op.cancel_asked && "only what is in flight, and asked, is cancelled");
    io_uring_prep_cancel(e, &op, 0);
    io_uring_sqe_set_data64(e, reinterpret_cast<std::uintptr_t>(&op) | tag_cancelling);
    cancelled_.push(op);
    cancels_queued_ = true;
  }
  static void prepare_tagged_cancel(io_uring_sqe* e, std::uint64_t tag) noexcept {
    io_uring_prep_cancel64(e, tag, 0);
    io_uring_sqe_set_data64(e, tag | tag_cancelling);
  }

  // The kernel finds nothing while a request is on its way from one of its lists to the next (a
  // Unix connect whose backlog is full, a receive that is ready when it is armed). What is still
  // with it is cancelled again.
  void cancel_completion(std::uint64_t data, std::int32_t result) noexcept {
    if (result != -ENOENT || ending_) return;
    const std::uint64_t of = data & ~tag_cancelling;
    if ((of & tag_mask) != 0) {
      // What outlives a wait. Once more is enough: by now it is armed, or has ended.
      io_uring_sqe* e = entry_or_submit();
      if (!e) return;
      io_uring_prep_cancel64(e, of, 0);
      io_uring_sqe_set_data64(e, tag_ignored);
      return;
    }
    // It may be gone: its address is only compared, until it is found to be in flight.
    auto* op = reinterpret_cast<operation*>(static_cast<std::uintptr_t>(of));
    if (!cancelled_.remove(*op)) return;
    unsubmitted_cancels_.push(*op);
    op->cancel_unsubmitted = true;
  }

  void hand_over_unsubmitted() noexcept {
    while (!unsubmitted_.empty() || !unsubmitted_cancels_.empty()) {
      bool room = true;
      while (room && !unsubmitted_cancels_.empty()) {
        io_uring_sqe* e = entry();
        room = e != nullptr;
        if (!room) break;
        operation* op = unsubmitted_cancels_.pop();
        op->cancel_unsubmitted = false;
        prepare_cancel(e, *op);
      }
      while (room && !unsubmitted_.empty()) {
        operation* op = unsubmitted_.pop();
        room = prepare(*op);
        if (!room) unsubmitted_.push_front(*op);
      }
      if (room) return;
      const unsigned before = io_uring_sq_ready(&ring_);
      submit();
      // When the kernel takes no more now, the next turn asks again.
      if (io_uring_sq_ready(&ring_) == before) return;
    }
  }

  void reap(unsigned most = all_completions) noexcept {
    unsigned head = 0;
    unsigned n = 0;
    io_uring_cqe* c = nullptr;
    io_uring_for_each_cqe(&ring_, head, c) {
      if (n == most) break;
      ++n;
      if (c->user_data == tag_ignored) continue;
      if (c->user_data == tag_wake) {
        wake_armed_ = false;
        continue;
      }
      if ((c->user_data & tag_cancelling) != 0) {
        cancel_completion(c->user_data, c->res);
        continue;
      }
      if ((c->user_data & tag_mask) == tag_gone) {
        gone_completion(c->user_data, c->res);
        continue;
      }
      if ((c->user_data & tag_mask) != 0) {
        multishot_completion(c->user_data, c->res, c->flags);
        continue;
      }
      auto& op = *static_cast<operation*>(io_uring_cqe_get_data(c));
      assert(op.in_flight && "an operation has one completion, while it is in flight");
      assert(in_flight_ > 0);
      --in_flight_;
      if (op.cancel_unsubmitted) {
        unsubmitted_cancels_.remove(op);
        op.cancel_unsubmitted = false;
      } else if (op.cancel_asked) {
        cancelled_.remove(op);  // the first, nearly always
      }
      if (sends_again_later(op, c->res)) continue;
      const bool ready = c->res > 0 && when_ready(op.kind());
      if (ready && !transfer_when_ready(op)) continue;
      finish(op, ready ? op.result : c->res);
    }
    if (n > 0) io_uring_cq_advance(&ring_, n);
  }

  // A Unix datagram whose receiver is full. The kernel would send it again when poll says writable,
  // which it does at once when the socket is not connected, and by then it has lost the bytes (seen
  // on Linux 6.18: an empty datagram arrives). So it is tried again every millisecond.
  bool sends_again_later(operation& op, std::int32_t result) noexcept {
    const bool waited = result == -ETIME;
    if ((!waited && result != -EAGAIN) || op.cancel_asked) return false;
    if (op.kind() != operation_kind::send && op.kind() != operation_kind::sendmsg) return false;
    io_uring_sqe* e = waited ? nullptr : entry();
    if (!e) {
      if (!unsubmitted_.empty() || !prepare(op)) unsubmitted_.push(op);
      return true;
    }
    static constinit __kernel_timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    io_uring_prep_timeout(e, &pause, 0, 0);
    io_uring_sqe_set_data(e, &op);
    ++in_flight_;
    return true;
  }

  // No entry moves several datagrams, none takes a buffer only when there is something for it, and
  // none sends a file.
  // So the kernel says when there is something to move, and one call moves it. False: there was
  // nothing after all, and the operation waits again.
  bool transfer_when_ready(operation& op) noexcept {
    op.result = op.kind() == operation_kind::recv_lent  ? receive_now(op)
                : op.kind() == operation_kind::sendfile ? send_file_without_waiting(op)
                                                        : transfer_batch(op);
    if (op.result != -EAGAIN || op.cancel_asked) return true;
    submit_alone(op);
    return false;
  }

  // --- multishot ---

  // Nothing is there yet. The operation waits for the multishot, which is armed now if that is
  // worth while, or has an entry of its own.
  void begin_input(uring_slot& s, operation& op, next_try how = next_try::multishot) noexcept {
    s.on_multishot = s.multishot != multishot_state::none ||
                     (how == next_try::multishot && multishots_.worth_one(s, op) && arm(s, op));
    if (!s.on_multishot) submit_alone(op);
  }

  bool arm(uring_slot& s, const operation& op) noexcept {
    const bool accepting = op.kind() == operation_kind::accept;
    if (op.target.fd > largest_number) return false;
    if (!multishots_.prepare(s, op, ring_, counts_)) return false;
    io_uring_sqe* e = entry_or_submit();
    if (!e) return false;
    if (accepting) {
      io_uring_prep_multishot_accept(e, op.target.fd, nullptr, nullptr, SOCK_CLOEXEC);
    } else {
      io_uring_prep_recv_multishot(e, op.target.fd, nullptr, 0, 0);
      e->flags |= IOSQE_BUFFER_SELECT;
      e->buf_group = uring_buffers::group;
      // Small reads have drained the socket: the kernel need not try before it polls.
      if (s.small_reads > 0) e->ioprio |= IORING_RECVSEND_POLL_FIRST;
    }
    io_uring_sqe_set_data64(e, tag_of(op.target, accepting ? tag_accepting : tag_receiving));
    ++in_flight_;
    s.multishot = multishot_state::armed;
    s.armed_in = batch_;
    return true;
  }

  static std::uint64_t tag_of(descriptor d, std::uint64_t tag) noexcept {
    return std::uint64_t{d.generation} << generation_shift |
           static_cast<std::uint64_t>(d.fd) << number_shift | tag;
  }

  // Of one that somebody may wait on.
  bool listens(int fd, const uring_slot& s) noexcept {
    if (s.accepted) return true;
    const operation* const op = s.waiting[0];
    if (op == nullptr || op->kind() != operation_kind::poll)
      return op != nullptr && op->kind() == operation_kind::accept;
    int value = 0;
    socklen_t size = sizeof value;
    return get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
  }

  // Without an entry (Linux 6.0).
  void cancel_now(std::uint64_t tag) noexcept {
    io_uring_sync_cancel_reg what{};
    what.addr = tag;
    what.fd = -1;
    what.timeout = {.tv_sec = -1, .tv_nsec = -1};
    ++counts_.system_calls;
    io_uring_register_sync_cancel(&ring_, &what);
  }

  // False: the kernel has no room for the cancellation now.
  bool cancel_multishot(int fd, uring_slot& s) noexcept {
    io_uring_sqe* e = entry_or_submit();
    if (!e) return false;
    prepare_tagged_cancel(e,
                          tag_of({fd, s.generation}, s.accepted ? tag_accepting : tag_receiving));
    s.multishot = multishot_state::ending;
    return true;
  }

  // The descriptor is being closed. What its multishot still brings will find another generation in
  // the slot, and be thrown away.
  void end_multishot(int fd, uring_slot& s) noexcept {
    if (s.on_multishot) {
      s.on_multishot = false;
      complete(*std::exchange(s.waiting[0], nullptr), result_closed);
    }
    if (!s.received.empty()) {
      // Closing with data unread resets (RFC 9293, 3.10.4), but the kernel believes that it has
      // been read.
      const linger now{.l_onoff = 1, .l_linger = 0};
      set_option(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      multishots_.buffers().drop(s.received);
    }
    const bool accepting = s.accepted != nullptr;
    if (accepting)
      for (const int unserved : *s.accepted) close_now(unserved);
    s.accepted.reset();
    if (s.multishot == multishot_state::none) return;
    // The entry that arms it must not run on whoever is given the number next.
    if (s.armed_in == batch_ && io_uring_sq_ready(&ring_) > 0) submit();
    const bool armed = s.multishot == multishot_state::armed;
    const std::uint64_t tag = tag_of({fd, s.generation}, accepting ? tag_accepting : tag_receiving);
    if (io_uring_sqe* e = armed ? entry_or_submit() : nullptr)
      prepare_tagged_cancel(e, tag);
    else if (!accepting)
      kernel_reactor::shutdown(fd, SHUT_RDWR);  // which ends it too
    else if (armed)
      cancel_now(tag);
    s.multishot = multishot_state::none;
    if (accepting) {  // the port is free when close() returns
      entering();
      io_uring_submit_and_get_events(&ring_);
      entered();
    }
  }

  void multishot_completion(std::uint64_t data, std::int32_t result, unsigned flags) noexcept {
    const bool accepting = (data & tag_mask) == tag_accepting;
    const bool last = (flags & IORING_CQE_F_MORE) == 0;
    if (last) --in_flight_;
    const int fd = static_cast<int>(data >> number_shift & largest_number);
    uring_slot* s = table_.at(fd);
    if (!s || s->generation != data >> generation_shift || s->closing) {  // closed meanwhile
      if (accepting && result >= 0) close_now(result);
      if (flags & IORING_CQE_F_BUFFER)
        multishots_.buffers().give(static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT));
      return;
    }
    if (last) s->multishot = multishot_state::none;
    const next_try how = accepting ? multishots_.take_connection(*s, result)
                                   : multishots_.take_bytes(*s, result, flags);
    if (s->on_multishot) {
      assert(s->waiting[0] && "who waits for a multishot stands in the slot");
      operation& op = *s->waiting[0];
      if (multishots_.deliver(*s, op)) {
        s->on_multishot = false;
        finish(op, op.result);
      } else if (last && !ending_) {
        begin_input(*s, op, how);
        if (s->multishot == multishot_state::armed) ++counts_.rearms;
      }
    }
    if (s->multishot != multishot_state::armed) return;
    if (uring_multishot::should_end(*s) && cancel_multishot(fd, *s))
      s->small_reads = s->full_buffers = 0;
  }

  // --- the peer that hangs up ---

  void begin_gone(uring_slot& s, operation& op) noexcept {
    if (!s.gone_armed) {
      submit_alone(op);
      return;
    }
    // What is armed would miss the end. Its last completion arms again.
    if ((op.flags() & POLLRDHUP) == 0 || s.gone_sees_end) return;
    if (io_uring_sqe* e = entry_or_submit()) prepare_tagged_cancel(e, tag_of(op.target, tag_gone));
  }

  void armed_gone(io_uring_sqe* e, const operation& op) noexcept {
    uring_slot* s = slot_of(op);
    assert(s && !s->gone_armed && "who waits for the peer to be gone stands in the slot");
    io_uring_sqe_set_data64(e, tag_of(op.target, tag_gone));
    ++in_flight_;
    s->gone_armed = true;
    s->gone_sees_end = (op.flags() & POLLRDHUP) != 0;
    s->gone_armed_in = static_cast<std::uint8_t>(batch_);
  }

  void gone_completion(std::uint64_t data, std::int32_t result) noexcept {
    --in_flight_;
    uring_slot* s = table_.at(static_cast<int>(data >> number_shift & largest_number));
    if (!s || s->generation != data >> generation_shift || s->closing) return;  // closed meanwhile
    s->gone_armed = false;
    operation* op = s->waiting[index(direction::gone)];
    if (!op || ending_) return;  // the next who waits is told, because it is still so
    const bool theirs =
        result >= 0 ? (static_cast<std::uint32_t>(result) & (op->flags() | POLLERR | POLLHUP)) != 0
                    : result != -ECANCELED;
    if (theirs)
      finish(*op, result);
    else
      submit_alone(*op);
  }

  // The descriptor is being closed.
  void end_gone(int fd, uring_slot& s) noexcept {
    if (operation* op = std::exchange(s.waiting[index(direction::gone)], nullptr)) {
      unsubmitted_.remove(*op);
      complete(*op, result_closed);
    }
    if (!s.gone_armed) return;
    s.gone_armed = false;
    // The entry that arms it must not run on whoever is given the number next.
    if (s.gone_armed_in == static_cast<std::uint8_t>(batch_) && io_uring_sq_ready(&ring_) > 0)
      submit();
    if (io_uring_sqe* e = entry_or_submit())
      prepare_tagged_cancel(e, tag_of({fd, s.generation}, tag_gone));
    else
      kernel_reactor::shutdown(fd, SHUT_RDWR);  // which ends it too
  }

  // The kernel is done with the operation, or never had it: its result goes to the loop.
  void finish(operation& op, std::int32_t result) noexcept {
    // A cancelled operation may report how it was interrupted instead.
    if (op.cancel_asked && (result == -EINTR || result == -EALREADY || result == -EAGAIN))
      result = -ECANCELED;
    uring_slot* s = slot_of(op);
    assert((s || op.target.generation == 0) && "a slot is kept until its last completion");
    if (s) {
      if (result <= 0) [[unlikely]]
        result = share_the_error(*s, op, result);
      if (op.kind() == operation_kind::recv && s->plain_tcp && result > 0)
        uring_multishot::note_read(*s, result);
      s->waiting[index(op.way())] = nullptr;
      if (s->closing) {
        // Bytes and connections that had come before the close stay a success. The end of the
        // stream is our own doing, and so may be what a poll has seen.
        const bool may_be_ours =
            result <= 0 ? result < 0 || is_receive(op.kind()) : op.kind() == operation_kind::poll;
        if (op.closed_under && may_be_ours) result = result_closed;
        if (!s->waiting[0] && !s->waiting[1]) {
          *s = uring_slot{};
          close_now(op.target.fd);
        }
      }
      table_.leave(*s);
    }
    complete(op, result);
  }

  // An error of the connection is told once. When a cancelled transfer was told, the error is kept
  // for the next read. A read that was waiting already sees a mere end, and is given it instead.
  static std::int32_t share_the_error(uring_slot& s, const operation& op,
                                      std::int32_t result) noexcept {
    if (op.cancel_asked && !op.closed_under && told_once(op.kind(), result)) {
      uring_multishot::end_with(s, result);
      return -ECANCELED;
    }
    if (result == 0 && op.kind() == operation_kind::recv && s.ended && s.plain_tcp) {
      s.ended = false;
      return s.end;
    }
    return result;
  }

  void arm_wake() noexcept {
    io_uring_sqe* e = entry_or_submit();
    if (!e) return;  // the kernel takes no more now: wait() asks again, and does not sleep before
    io_uring_prep_read(e, wake_fd(), &wake_count_, sizeof wake_count_, 0);
    io_uring_sqe_set_data64(e, tag_wake);
    wake_armed_ = true;
  }

  io_uring ring_{};
  uring_multishot multishots_;
  descriptor_table<uring_slot> table_;
  operation_queue unsubmitted_;          // there was no room for them in the ring
  operation_queue unsubmitted_cancels_;  // in the kernel; no room for their cancellation
  operation_queue cancelled_;            // in the kernel, and their cancellation too
  std::uint64_t in_flight_ = 0;          // in the ring or in the kernel
  std::uint64_t wake_count_ = 0;
  std::uint32_t batch_ = 1;  // the number of the entries that the next enter hands over
  bool wake_armed_ = false;
  bool cancels_queued_ = false;  // since the last submission
  bool ending_ = false;
};

}  // namespace

std::unique_ptr<reactor> make_uring_reactor(operation_queue& completed) {
  return std::make_unique<uring_reactor>(completed);
}

}  // namespace rondo::detail
