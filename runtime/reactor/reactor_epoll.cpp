// The epoll reactor.
//
// A descriptor is registered once, edge-triggered, and only when a first try would have blocked;
// from then on two flags a descriptor remember whether it is known ready, so that no system call is
// made just to hear EAGAIN. The event data carries a generation beside the number: an event of a
// closed descriptor never reaches the one that was given its number.
//
// A short transfer clears the flag where it proves that the socket is drained, but never after a
// hang-up: data and FIN can come as one edge, and no further edge would announce the end of the
// stream.
#include <rondo/runtime/reactor/reactor_kernel.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <system_error>

namespace rondo::detail {
namespace {

constexpr std::uint64_t wake_tag = ~std::uint64_t{0};
constexpr int events_a_call = 256;
// Taken in one turn of the loop: few enough that what a read brought, and the socket's own memory
// in the kernel, are still in the caches when the task runs and answers.
constexpr int events_a_turn = 16;

struct epoll_slot : descriptor_slot {
  std::array<bool, 2> ready{true, true};  // may succeed at once; false: an edge will tell
  bool registered : 1 = false;
  bool hung_up : 1 = false;       // no further edge of bytes will come
  bool drains_short : 1 = false;  // a short transfer proves that there is no more
};
static_assert(sizeof(epoll_slot) == 32, "there is one for each descriptor");

// Moves bytes, as many as the operation's size says at most, and fewer only where the socket has
// no more (room for) them. A sendfile is short where its file ends.
constexpr bool is_stream_transfer(operation_kind k) noexcept {
  return k == operation_kind::recv || k == operation_kind::send || k == operation_kind::recv_lent ||
         k == operation_kind::recvmsg || k == operation_kind::sendmsg;
}

class epoll_reactor final : public kernel_reactor {
 public:
  explicit epoll_reactor(operation_queue& completed)
      : kernel_reactor(completed, SOCK_NONBLOCK), epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_fd_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
    epoll_event ev{.events = EPOLLIN | EPOLLET, .data = {.u64 = wake_tag}};
    if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd(), &ev) != 0) {
      const int error = errno;
      ::close(epoll_fd_);
      throw std::system_error(error, std::system_category(), "epoll_ctl");
    }
  }
  ~epoll_reactor() override { ::close(epoll_fd_); }

  bool start(operation& op) noexcept override {
    assert(!op.in_flight && "an operation is started again while it is in flight");
    epoll_slot* s = op.target.generation == 0 ? table_.admit_number(op) : table_.admit(op);
    if (!s) return true;
    ++counts_.submitted;
    if (worth_a_try(*s, op)) {
      const std::int32_t r = attempt(*s, op);
      if (r != would_block) {
        op.result = r;
        ++counts_.completed;
        release_foreign(*s, op.target.fd);
        return true;
      }
    }
    if (!s->registered && !enlist(*s, op)) {
      release_foreign(*s, op.target.fd);
      return true;
    }
    s->waiting[index(op.way())] = &op;
    op.in_flight = true;
    return false;
  }

  void cancel(operation& op) noexcept override {
    epoll_slot* s = table_.at(op.target.fd);
    if (!s || s->waiting[index(op.way())] != &op) return;
    s->waiting[index(op.way())] = nullptr;
    complete(op, -ECANCELED);
    release_foreign(*s, op.target.fd);
  }

  bool wait(time_point deadline) noexcept override {
    if (next_event_ == events_there_) {
      // A busy loop whose tasks wait for nothing out there: what comes can wait until one does.
      if (deadline == time_point::min() && counts_.submitted == counts_.completed) return true;
      fetch(deadline);
    }
    const int end = std::min(events_there_, next_event_ + events_a_turn);
    while (next_event_ < end) take(events_[static_cast<std::size_t>(next_event_++)]);
    return true;
  }

  int foreign_poll() override { return epoll_fd_; }
  bool leave_to_poll() noexcept override { return next_event_ == events_there_; }

  std::uint32_t attach(int fd, transfers style) override {
    epoll_slot& s = table_.attach(fd);
    s.drains_short = style == transfers::stop_short_when_drained;
    return s.generation;
  }

  bool is_attached(descriptor d) noexcept override { return table_.find(d) != nullptr; }

  void close(descriptor d) noexcept override {
    epoll_slot* s = table_.find(d);
    if (!s) return;
    for (operation* op : s->waiting)
      if (op) complete(*op, result_closed);
    // Closing the last reference ends the registration too; the generation guards what is queued
    // already.
    *s = epoll_slot{};
    close_now(d.fd);
  }

  void break_writes(descriptor d) noexcept override {
    if (epoll_slot* s = table_.find(d)) s->write_broken = true;
  }

  const char* name() const noexcept override { return "epoll"; }

 private:
  // Whoever waits for the peer to be gone hears it from an edge, or has missed it.
  static bool worth_a_try(const epoll_slot& s, const operation& op) noexcept {
    if (op.kind() != operation_kind::poll) return s.ready[index(op.way())];
    return op.way() != direction::gone || s.hung_up;
  }

  // Asks the kernel, and sleeps there when nothing has completed.
  void fetch(time_point deadline) noexcept {
    int n = 0;
    // A signal is no reason for a turn; what its handler posted wakes us through the descriptor.
    do {
      timespec left{};
      const timespec* limit = &left;
      if (deadline == never && !something_completed())
        limit = nullptr;
      else if (deadline > time_point::min() && !something_completed())
        left = time_left(deadline);
      n = wait_for(limit);
    } while (n == -EINTR);
    next_event_ = 0;
    events_there_ = std::max(n, 0);
  }

  // Linux before 5.11, and valgrind, know milliseconds only: rounded up, because a timer is never
  // early.
  int wait_for(const timespec* limit) noexcept {
    if (!milliseconds_only_) {
      const int n =
          counted(::epoll_pwait2(epoll_fd_, events_.data(), events_a_call, limit, nullptr));
      if (n != -ENOSYS) return n;
      milliseconds_only_ = true;
    }
    constexpr std::int64_t longest_ms = 24 * 3600 * 1000;
    int ms = -1;
    if (limit)
      ms = static_cast<int>(std::min(
          limit->tv_sec * std::int64_t{1000} + (limit->tv_nsec + 999'999) / 1'000'000, longest_ms));
    return counted(::epoll_wait(epoll_fd_, events_.data(), events_a_call, ms));
  }

  // Tries the operation and keeps the flags true to what was learnt.
  std::int32_t attempt(epoll_slot& s, operation& op) noexcept {
    const std::int32_t r = perform(op);
    if (r == would_block) {
      if (op.way() != direction::gone) s.ready[index(op.way())] = false;
    } else if (s.drains_short && !s.hung_up && r > 0 && static_cast<std::uint32_t>(r) < op.size() &&
               is_stream_transfer(op.kind())) {
      s.ready[index(op.way())] = false;
    }
    return r;
  }

  std::int32_t perform(operation& op) noexcept {
    const int fd = op.target.fd;
    for (;;) {
      int r = 0;
      switch (op.kind()) {
        case operation_kind::accept:
          r = counted(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
          break;
        case operation_kind::connect:
          // The second call, after the edge, gives the verdict (connect(2)).
          r = counted(::connect(fd, op.name(), op.size()));
          if (r == -EINPROGRESS || r == -EALREADY) return would_block;
          if (r == -EISCONN) return 0;
          // A Unix listener's backlog is full, and no edge will tell when it has room. Not EAGAIN,
          // which here means that an edge will.
          if (r == -EAGAIN) return -EBUSY;
          break;
        case operation_kind::recv:
          r = counted(::recv(fd, op.buffer(), op.size(), static_cast<int>(op.flags())));
          break;
        case operation_kind::send:
          r = counted(
              ::send(fd, op.bytes(), op.size(), static_cast<int>(op.flags()) | MSG_NOSIGNAL));
          break;
        case operation_kind::recvmsg:
          r = counted(::recvmsg(fd, op.message(), static_cast<int>(op.flags()) | MSG_CMSG_CLOEXEC));
          break;
        case operation_kind::sendmsg:
          r = counted(::sendmsg(fd, op.message(), static_cast<int>(op.flags()) | MSG_NOSIGNAL));
          break;
        case operation_kind::recvmmsg:
        case operation_kind::sendmmsg: r = transfer_batch(op); break;
        case operation_kind::recv_lent: r = receive_now(op); break;
        case operation_kind::sendfile: r = send_file_now(op); break;
        case operation_kind::read:
        case operation_kind::write:
        case operation_kind::fsync: return -EOPNOTSUPP;  // serves_files() is false
        case operation_kind::poll: {
          pollfd p{fd, static_cast<short>(op.flags()), 0};
          r = counted(::poll(&p, 1, 0));
          if (r == 0) return would_block;
          if (r > 0) r = p.revents & POLLNVAL ? -EBADF : p.revents;
          break;
        }
      }
      if (r != -EINTR) return r;
    }
  }

  bool enlist(epoll_slot& s, operation& op) noexcept {
    epoll_event ev{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                   .data = {.u64 = std::uint64_t{s.generation} << 32 |
                                   static_cast<std::uint32_t>(op.target.fd)}};
    int r = counted(::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, op.target.fd, &ev));
    // The number was that of a duplicate, which has been closed: epoll(7), question 6.
    if (r == -EEXIST) r = counted(::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, op.target.fd, &ev));
    s.registered = r == 0;
    if (r != 0) {
      op.result = r;
      ++counts_.completed;
    }
    return r == 0;
  }

  void take(const epoll_event& e) noexcept {
    if (e.data.u64 == wake_tag) {
      std::uint64_t count = 0;
      counted(::read(wake_fd(), &count, sizeof count));
      return;
    }
    const int fd = static_cast<int>(static_cast<std::uint32_t>(e.data.u64));
    epoll_slot* s = table_.at(fd);
    // Of a descriptor that is closed by now?
    if (!s || s->generation != static_cast<std::uint32_t>(e.data.u64 >> 32)) return;
    if (e.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
      s->hung_up = true;
      try_again(*s, direction::gone);
    }
    if (e.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) became_ready(*s, direction::in);
    if (e.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) became_ready(*s, direction::out);
    release_foreign(*s, fd);
  }

  void became_ready(epoll_slot& s, direction way) noexcept {
    s.ready[index(way)] = true;
    try_again(s, way);
  }

  void try_again(epoll_slot& s, direction way) noexcept {
    operation* op = s.waiting[index(way)];
    if (!op) return;
    const std::int32_t r = attempt(s, *op);
    if (r == would_block) return;
    s.waiting[index(way)] = nullptr;
    complete(*op, r);
  }

  // A descriptor that is not ours stays in the kernel's list only while somebody waits.
  void release_foreign(epoll_slot& s, int fd) noexcept {
    if (!s.foreign || !s.nobody_waits()) return;
    if (s.registered) counted(::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr));
    table_.leave(s);
  }

  int epoll_fd_;
  bool milliseconds_only_ = false;
  std::array<epoll_event, events_a_call> events_{};
  int events_there_ = 0;
  int next_event_ = 0;
  descriptor_table<epoll_slot> table_;
};

}  // namespace

std::unique_ptr<reactor> make_epoll_reactor(operation_queue& completed) {
  return std::make_unique<epoll_reactor>(completed);
}

}  // namespace rondo::detail
