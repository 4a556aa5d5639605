#include <rondo/runtime/log.hpp>
#include <rondo/runtime/reactor/uring_multishot.hpp>

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <system_error>

namespace rondo::detail {
namespace {

// Reads of a few bytes after which a read arms a multishot.
constexpr std::uint8_t reads_before_multishot = 2;
constexpr std::int32_t few_bytes = 1024;

// What this kernel lacks is said once.
void do_without(bool& feature, const char* what, int error) noexcept {
  feature = false;
  static constinit std::atomic<bool> said{false};
  if (!is_logged(log_level::warning) || said.exchange(true)) return;
  try {
    const std::string number = std::to_string(error);
    log(log_level::warning, "runtime",
        std::string("io_uring without ") + what + ", because of error " + number + " (" +
            std::system_category().message(error) + ')',
        {{"feature", what}, {"error", number}});
  } catch (const std::bad_alloc&) {
    log(log_level::warning, "runtime", "io_uring without one of its features", {{"feature", what}});
  }
}

}  // namespace

void uring_multishot::take(uring_slot& s, operation& op) noexcept {
  if (op.kind() == operation_kind::poll) {
    op.result = POLLIN;
    return;
  }
  if (op.kind() == operation_kind::accept) {
    op.result = s.accepted->front();
    s.accepted->erase(s.accepted->begin());
    return;
  }
  if (s.received.empty()) {
    s.ended = false;
    op.result = s.end;
    return;
  }
  const bool peek = (op.flags() & MSG_PEEK) != 0;
  if (op.kind() == operation_kind::recv_lent) {
    std::uint32_t n = 0;
    op.lend(buffers_.lend(s.received, n), uring_buffers::buffer_size);
    op.result = static_cast<std::int32_t>(n);
  } else if (op.kind() == operation_kind::recv) {
    const iovec whole{op.buffer(), op.size()};
    op.result = static_cast<std::int32_t>(buffers_.take(s.received, {&whole, 1}, peek));
  } else {
    msghdr& m = *op.message();
    m.msg_namelen = 0;
    m.msg_controllen = 0;
    m.msg_flags = 0;
    op.result =
        static_cast<std::int32_t>(buffers_.take(s.received, {m.msg_iov, m.msg_iovlen}, peek));
  }
}

bool uring_multishot::worth_one(const uring_slot& s, const operation& op) const noexcept {
  switch (op.kind()) {
    case operation_kind::accept: return multishot_accept_ && !s.one_by_one;
    case operation_kind::recv_lent: return multishot_recv_;
    case operation_kind::recv:
      return multishot_recv_ && s.small_reads >= reads_before_multishot && op.flags() == 0;
    default: return false;
  }
}

bool uring_multishot::prepare(uring_slot& s, const operation& op, io_uring& ring,
                              reactor_counts& counts) noexcept {
  if (op.kind() == operation_kind::accept) {
    try {
      if (!s.accepted) s.accepted = std::make_unique<std::vector<int>>();
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  if (buffers_.is_open()) return true;
  ++counts.system_calls;
  const int r = buffers_.open(ring);
  if (r < 0) do_without(multishot_recv_, "buffers that the kernel chooses", -r);
  return r == 0;
}

next_try uring_multishot::take_connection(uring_slot& s, std::int32_t result) noexcept {
  if (result >= 0) {
    accepted_once_ = true;
    try {
      s.accepted->push_back(result);
    } catch (const std::bad_alloc&) {
      close_unattached(result);
    }
    return next_try::multishot;
  }
  if (result == -EINVAL && !accepted_once_) multishot_accept_ = false;  // before Linux 5.19
  // Any other error (EMFILE, …) is met again, and told, by an accept of its own.
  return result == -ECANCELED ? next_try::multishot : next_try::alone;
}

next_try uring_multishot::take_bytes(uring_slot& s, std::int32_t result, unsigned flags) noexcept {
  if (flags & IORING_CQE_F_BUFFER) {
    const auto id = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    if (result > 0)
      buffers_.append(s.received, id, static_cast<std::uint32_t>(result));
    else
      buffers_.give(id);
  }
  if (result > 0) {
    const bool full = static_cast<std::size_t>(result) == uring_buffers::buffer_size;
    s.full_buffers = full ? static_cast<std::uint8_t>(s.full_buffers + 1) : std::uint8_t{0};
    received_once_ = true;
    return next_try::multishot;
  }
  if (result == -ECANCELED || result == -EINTR) return next_try::multishot;
  if (result == -ENOBUFS) return buffers_.grow() ? next_try::multishot : next_try::alone;
  if (result == -EINVAL && !received_once_) {  // before Linux 6.0
    do_without(multishot_recv_, "multishot receive", EINVAL);
    return next_try::alone;
  }
  end_with(s, result);
  return next_try::multishot;
}

void uring_multishot::note_read(uring_slot& s, std::int32_t n) noexcept {
  s.small_reads =
      n <= few_bytes
          ? static_cast<std::uint8_t>(std::min(s.small_reads + 1, int{reads_before_multishot}))
          : std::uint8_t{0};
}

void uring_multishot::end_with(uring_slot& s, std::int32_t result) noexcept {
  if (s.ended && s.end < 0) return;
  s.ended = true;
  s.end = result;
}

}  // namespace rondo::detail
