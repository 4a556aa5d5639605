// The io_uring reactor.
//
// Operations become entries in a shared queue; one enter a turn hands them over and sleeps. Nothing
// is tried first: on this interface a speculative system call costs more than a batched entry.
// Entries that do not fit the queue wait in a list, in order.
//
// Two streams outlive any single wait: what a listener accepts, and what a socket receives into
// buffers that the kernel chooses. One entry starts a stream (multishot); from then on a completion
// comes for each connection, or piece of bytes, without another. What they bring is kept in the
// descriptor's slot (uring_streams.hpp); too much of it ends the stream, which begins again when
// somebody waits. The kernel ends one too (no more buffers, no more descriptors): a completion
// without the MORE flag is the last.
//
// Closing is the delicate part. An entry that has not been handed over would run on whatever
// descriptor gets the number next, and close(2) does not end a pending recv. So close() hands over
// what is queued while the number is still ours, cancels, and gives the number back at the last
// completion.
#include <rondo/runtime/reactor/reactor_kernel.hpp>
#include <rondo/runtime/reactor/uring_setup.hpp>
#include <rondo/runtime/reactor/uring_streams.hpp>

#include <liburing.h>
#include <poll.h>
#include <unistd.h>

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
// In the lowest bits, where an address has none; above them the descriptor's number and its
// generation.
constexpr std::uint64_t tag_receiving = 2;
constexpr std::uint64_t tag_accepting = 3;
// A cancellation's own completion: of the operation at an address, or of a stream.
constexpr std::uint64_t tag_cancelling = 4;
constexpr std::uint64_t tag_mask = 7;
constexpr unsigned number_shift = 3;
constexpr unsigned generation_shift = 32;
constexpr int largest_number = (1 << (generation_shift - number_shift)) - 1;

// Served by waiting for readiness, then by a call.
constexpr bool when_ready(operation_kind k) noexcept {
  return k == operation_kind::receive || k == operation_kind::recvmmsg ||
         k == operation_kind::sendmmsg;
}

class uring_reactor final : public kernel_reactor {
 public:
  explicit uring_reactor(operation_queue& completed) : kernel_reactor(completed, 0) {
    open_ring(ring_, queue_entries, completion_entries);
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
    uring_slot* s = nullptr;
    if (op.target.generation != 0 || op.kind == operation_kind::poll) {
      s = op.target.generation == 0 ? table_.admit_number(op) : table_.admit(op);
      if (!s) return true;
      if (takes_from_stream(op) && streams_.deliver(*s, op)) {
        ++counts_.submitted;
        ++counts_.completed;
        return true;
      }
      s->waiting[static_cast<std::size_t>(op.way)] = &op;
    }
    ++counts_.submitted;
    op.in_flight = true;
    op.cancel_asked = op.closed_under = false;
    if (s && takes_from_stream(op))
      begin_input(*s, op);
    else
      submit_alone(op);
    return false;
  }

  void cancel(operation& op) noexcept override {
    if (op.cancel_asked || !op.in_flight) return;
    op.cancel_asked = true;
    uring_slot* slot = slot_of(op);
    if (slot && slot->on_stream && op.way == direction::in) {  // what comes is there for the next
      slot->on_stream = false;
      settle(op, -ECANCELED);
      return;
    }
    if (waiting_.remove(op)) {
      settle(op, -ECANCELED);
      return;
    }
    io_uring_sqe* e = entry_or_submit();  // 512 cancellations an enter
    if (!e) {
      cancels_waiting_.push(op);
      op.cancel_waiting = true;
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
    hand_over_waiting();
    if (!wake_armed_) arm_wake();
    const bool sleep = deadline > time_point::min() && !something_completed() && waiting_.empty() &&
                       cancels_waiting_.empty() && wake_armed_ && io_uring_cq_ready(&ring_) == 0;
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

  std::uint32_t attach(int fd, transfers style) override {
    uring_slot& s = table_.attach(fd);
    s.plain_tcp = style == transfers::stop_short_when_drained;
    s.unix_datagrams = !s.plain_tcp && carries_unix_datagrams(fd);
    return s.generation;
  }

  bool readable_now(int fd) noexcept override {
    const uring_slot* s = table_.at(fd);
    if (!s) return kernel_reactor::readable_now(fd);
    if (s->stream != stream_state::none) take_what_came();
    if (!s->received.empty() || s->ended) return true;
    // Whatever had come would have completed the stream.
    const bool in_the_kernel = s->stream == stream_state::armed && s->armed_in != batch_;
    if (in_the_kernel && (ring_.flags & IORING_SETUP_TASKRUN_FLAG) != 0) return false;
    return kernel_reactor::readable_now(fd);
  }

  void give_back(void* buffer) noexcept override {
    if (streams_.buffers().owns(buffer))
      streams_.buffers().give(streams_.buffers().id_of(buffer));
    else
      kernel_reactor::give_back(buffer);
  }

  void close(descriptor d) noexcept override {
    uring_slot* s = table_.find(d);
    if (!s) return;
    end_stream(d.fd, *s);
    for (operation*& op : s->waiting)
      if (op && waiting_.remove(*op)) {
        operation& never_submitted = *std::exchange(op, nullptr);
        complete(never_submitted, result_closed);
      }
    if (!s->waiting[0] && !s->waiting[1]) {
      // What was cancelled before this must not hear of it from the other end of the connection
      // instead.
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

  // nullptr: it waits in none.
  uring_slot* slot_of(const operation& op) noexcept {
    uring_slot* s = table_.at(op.target.fd);
    return s && s->waiting[static_cast<std::size_t>(op.way)] == &op ? s : nullptr;
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
  // All of it: where SUBMIT_ALL is missing the kernel stops after an entry that it refuses.
  void submit() noexcept {
    for (unsigned before = 0, left = io_uring_sq_ready(&ring_); left > 0 && left != before;) {
      entering();
      io_uring_submit(&ring_);
      entered();
      before = std::exchange(left, io_uring_sq_ready(&ring_));
    }
  }
  void submit_alone(operation& op) noexcept {
    if (!waiting_.empty() || !prepare(op)) waiting_.push(op);
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
    io_uring_sqe_set_data64(e, reinterpret_cast<std::uintptr_t>(&op) | tag_cancelling);
    cancelled_.push(op);
    cancels_queued_ = true;
  }
  void prepare_stream_cancel(io_uring_sqe* e, std::uint64_t stream) noexcept {
    io_uring_prep_cancel64(e, stream, 0);
    io_uring_sqe_set_data64(e, stream | tag_cancelling);
  }

  // The kernel finds nothing while a request is on its way from one of its lists to the next (a
  // Unix connect whose backlog is full, a receive that is ready when it is armed). What is still
  // with it is cancelled again.
  void cancel_completion(std::uint64_t data, std::int32_t result) noexcept {
    if (result != -ENOENT || ending_) return;
    const std::uint64_t of = data & ~tag_cancelling;
    if ((of & tag_mask) !=
        0) {  // a stream, whose number never comes again; by now it has arrived or ended
      io_uring_sqe* e = entry_or_submit();
      if (!e) return;
      io_uring_prep_cancel64(e, of, 0);
      io_uring_sqe_set_data64(e, tag_ignored);
      return;
    }
    // Not dereferenced before it is known to be in flight.
    auto* op = reinterpret_cast<operation*>(static_cast<std::uintptr_t>(of));
    if (!cancelled_.remove(*op)) return;
    cancels_waiting_.push(*op);
    op->cancel_waiting = true;
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
      if ((c->user_data & tag_mask) != 0) {
        stream_completion(c->user_data, c->res, c->flags);
        continue;
      }
      auto& op = *static_cast<operation*>(io_uring_cqe_get_data(c));
      --in_flight_;
      if (op.cancel_waiting) {
        cancels_waiting_.remove(op);
        op.cancel_waiting = false;
      } else if (op.cancel_asked) {
        cancelled_.remove(op);  // the first, nearly always
      }
      if (waits_for_room(op, c->res)) continue;
      const bool ready = c->res > 0 && when_ready(op.kind);
      if (ready && !transfer_when_ready(op)) continue;
      settle(op, ready ? op.result : c->res);
    }
    if (n > 0) io_uring_cq_advance(&ring_, n);
  }

  // A Unix datagram whose receiver is full. The kernel would send it again when poll says writable,
  // which it does at once when the socket is not connected, and by then it has lost the bytes (seen
  // on Linux 6.18: an empty datagram arrives). So it is tried again every millisecond.
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

  // No entry moves several datagrams, or takes a buffer only when there is something for it: the
  // kernel tells when something can be moved, and one call moves it. False: it was too early, and
  // waits again.
  bool transfer_when_ready(operation& op) noexcept {
    op.result = op.kind == operation_kind::receive ? receive_now(op) : transfer_batch(op);
    if (op.result != -EAGAIN || op.cancel_asked) return true;
    submit_alone(op);
    return false;
  }

  // --- streams ---

  // Nothing is there: waits for the stream, begins it, or does without.
  void begin_input(uring_slot& s, operation& op, bool alone = false) noexcept {
    s.on_stream =
        s.stream != stream_state::none || (!alone && streams_.worth_one(s, op) && arm(s, op));
    if (!s.on_stream) submit_alone(op);
  }

  bool arm(uring_slot& s, const operation& op) noexcept {
    const bool accepting = op.kind == operation_kind::accept;
    if (op.target.fd > largest_number) return false;
    if (!streams_.prepare(s, op, ring_, counts_)) return false;
    io_uring_sqe* e = entry_or_submit();
    if (!e) return false;
    if (accepting) {
      io_uring_prep_multishot_accept(e, op.target.fd, nullptr, nullptr, SOCK_CLOEXEC);
    } else {
      io_uring_prep_recv_multishot(e, op.target.fd, nullptr, 0, 0);
      e->flags |= IOSQE_BUFFER_SELECT;
      e->buf_group = uring_buffers::group;
      // A short read has drained the socket: it need not be tried first.
      if (s.small_reads > 0) e->ioprio |= IORING_RECVSEND_POLL_FIRST;
    }
    io_uring_sqe_set_data64(e, tag_of(op.target, accepting ? tag_accepting : tag_receiving));
    ++in_flight_;
    s.stream = stream_state::armed;
    s.armed_in = batch_;
    return true;
  }

  static std::uint64_t tag_of(descriptor d, std::uint64_t tag) noexcept {
    return std::uint64_t{d.generation} << generation_shift |
           static_cast<std::uint64_t>(d.fd) << number_shift | tag;
  }

  // False: there is no room for it now.
  bool cancel_stream(int fd, uring_slot& s) noexcept {
    io_uring_sqe* e = entry_or_submit();
    if (!e) return false;
    prepare_stream_cancel(e,
                          tag_of({fd, s.generation}, s.accepted ? tag_accepting : tag_receiving));
    s.stream = stream_state::ending;
    return true;
  }

  // The descriptor is closed. What still comes of its stream finds another generation and is thrown
  // away.
  void end_stream(int fd, uring_slot& s) noexcept {
    if (s.on_stream) {
      s.on_stream = false;
      complete(*std::exchange(s.waiting[0], nullptr), result_closed);
    }
    if (!s.received.empty()) {
      // RFC 9293, 3.10.4: closing with data unread resets. The kernel believes that it has been
      // read.
      const linger now{.l_onoff = 1, .l_linger = 0};
      set_option(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      streams_.buffers().drop(s.received);
    }
    const bool accepting = s.accepted != nullptr;
    if (accepting)
      for (const int unserved : *s.accepted) close_now(unserved);
    s.accepted.reset();
    if (s.stream == stream_state::none) return;
    // The entry that begins the stream must not run on who is given the number next.
    if (s.armed_in == batch_ && io_uring_sq_ready(&ring_) > 0) submit();
    io_uring_sqe* e = s.stream == stream_state::armed ? entry_or_submit() : nullptr;
    if (e) {
      prepare_stream_cancel(e,
                            tag_of({fd, s.generation}, accepting ? tag_accepting : tag_receiving));
    } else {
      kernel_reactor::shutdown(fd, SHUT_RDWR);  // which ends it too
    }
    s.stream = stream_state::none;
    if (accepting) {  // the port is free when close() returns
      entering();
      io_uring_submit_and_get_events(&ring_);
      entered();
    }
  }

  void stream_completion(std::uint64_t data, std::int32_t result, unsigned flags) noexcept {
    const bool accepting = (data & tag_mask) == tag_accepting;
    const bool last = (flags & IORING_CQE_F_MORE) == 0;
    if (last) --in_flight_;
    const int fd = static_cast<int>(data >> number_shift & largest_number);
    uring_slot* s = table_.at(fd);
    if (!s || s->generation != data >> generation_shift || s->closing) {  // closed meanwhile
      if (accepting && result >= 0) close_now(result);
      if (flags & IORING_CQE_F_BUFFER)
        streams_.buffers().give(static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT));
      return;
    }
    if (last) s->stream = stream_state::none;
    bool alone = false;
    if (accepting)
      alone = streams_.take_connection(*s, result);
    else
      alone = streams_.take_bytes(*s, result, flags);
    if (s->on_stream) {
      operation& op = *s->waiting[0];
      if (streams_.deliver(*s, op)) {
        s->on_stream = false;
        settle(op, op.result);
      } else if (last && !ending_) {
        begin_input(*s, op, alone);
        if (s->stream == stream_state::armed) ++counts_.rearms;
      }
    }
    if (s->stream != stream_state::armed) return;
    if (uring_streams::should_end(*s) && cancel_stream(fd, *s))
      s->small_reads = s->full_buffers = 0;
  }

  // The operation is ours again.
  void settle(operation& op, std::int32_t result) noexcept {
    // A cancelled operation may report how it was interrupted instead.
    if (op.cancel_asked && (result == -EINTR || result == -EALREADY || result == -EAGAIN))
      result = -ECANCELED;
    if (uring_slot* s = slot_of(op)) {
      if (result <= 0) [[unlikely]]
        result = share_the_error(*s, op, result);
      if (op.kind == operation_kind::recv && s->plain_tcp && result > 0)
        uring_streams::note_read(*s, result);
      s->waiting[static_cast<std::size_t>(op.way)] = nullptr;
      if (s->closing) {
        // What was won before the close stays won; the end of the stream is our own doing, and so
        // may be what a poll has seen.
        const bool may_be_ours =
            result <= 0 ? result < 0 || is_receive(op.kind) : op.kind == operation_kind::poll;
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

  // An error of the connection that a cancelled transfer has met is left for the next read. A read
  // that waits beside a cancelled write meets a mere end after it.
  static std::int32_t share_the_error(uring_slot& s, const operation& op,
                                      std::int32_t result) noexcept {
    if (op.cancel_asked && !op.closed_under && told_once(op.kind, result)) {
      uring_streams::end_with(s, result);
      return -ECANCELED;
    }
    if (result == 0 && op.kind == operation_kind::recv && s.ended && s.plain_tcp) {
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
  uring_streams streams_;
  descriptor_table<uring_slot> table_;
  operation_queue waiting_;          // not in the ring: it was full
  operation_queue cancels_waiting_;  // in the kernel; their cancellation did not fit the ring
  operation_queue cancelled_;        // in the kernel, and their cancellation too
  std::uint64_t in_flight_ = 0;      // in the ring or in the kernel
  std::uint64_t wake_count_ = 0;
  std::uint32_t batch_ = 1;  // of entries, that the next enter hands over
  bool wake_armed_ = false;
  bool cancels_queued_ = false;  // since the last submission
  bool ending_ = false;
};

}  // namespace

std::unique_ptr<reactor> make_uring_reactor(operation_queue& completed) {
  return std::make_unique<uring_reactor>(completed);
}

}  // namespace rondo::detail
