// One request to the outside world, as plain data.
//
// It lives in the awaiter, inside the coroutine frame, so that I/O allocates nothing. Life: idle →
// in flight (start returned false) → completed (on the loop's list, once) → idle. The descriptor is
// named by number and generation, so that an operation meant for a closed descriptor never reaches
// the one that was given its number afterwards.
#pragma once

#include <cstdint>

namespace rondo::detail {

enum class operation_kind : std::uint8_t {
  accept,
  connect,
  recv,
  send,
  recvmsg,   // data: a msghdr, which is written to
  sendmsg,   // data: a msghdr
  recvmmsg,  // data: an array of mmsghdr, size: how many; completes with how many came, one or more
  sendmmsg,  // the same; with how many went, at least one
  receive,  // of a stream, into a buffer of the reactor: `data` if bytes are there; see give_back()
  poll,
  read,   // of a file, at `offset`: only where reactor::serves_files()
  write,  // the same
  fsync,  // the same; flags: 0, or fsync_data_only
};

// As fdatasync(2) does.
inline constexpr std::uint32_t fsync_data_only = 1;

constexpr const char* name_of(operation_kind k) noexcept {
  switch (k) {
    case operation_kind::accept: return "accept";
    case operation_kind::connect: return "connect";
    case operation_kind::recv: return "recv";
    case operation_kind::send: return "send";
    case operation_kind::recvmsg: return "recvmsg";
    case operation_kind::sendmsg: return "sendmsg";
    case operation_kind::recvmmsg: return "recvmmsg";
    case operation_kind::sendmmsg: return "sendmmsg";
    case operation_kind::receive: return "receive";
    case operation_kind::poll: return "poll";
    case operation_kind::read: return "read";
    case operation_kind::write: return "write";
    case operation_kind::fsync: return "fsync";
  }
  return "?";
}

// Each descriptor serves one operation a direction at a time.
enum class direction : std::uint8_t { in = 0, out = 1 };

struct descriptor {
  int fd = -1;
  std::uint32_t generation = 0;  // given by attach; 0 names a descriptor that is not the library's
};

// Results that are not an errno; see io_errors.hpp for their names as std::error_code.
inline constexpr int result_closed = -10'001;
inline constexpr int result_busy = -10'002;
inline constexpr int result_write_broken = -10'003;

struct operation {
  using callback = void (*)(operation&) noexcept;

  operation_kind kind = operation_kind::recv;
  direction way = direction::in;
  bool in_flight = false;
  bool cancel_asked = false;
  bool closed_under = false;    // its descriptor was closed while it was in flight
  bool cancel_waiting = false;  // its cancellation waits for room in io_uring's queue
  std::uint32_t flags = 0;      // MSG_* of a transfer; POLL* for poll
  descriptor target;
  void* data = nullptr;      // buffer; const sockaddr* for connect; see the kinds
  std::uint32_t size = 0;    // its length in bytes; of a message: of all its buffers together
  std::int32_t result = 0;   // bytes, descriptor or events; negative: an errno or one of the above
  std::uint64_t offset = 0;  // in the file, for read and write
  callback completed = nullptr;  // called by the loop when the operation arrives
  operation* next =
      nullptr;  // in the list that holds it: completed, or waiting for room in the ring
};

// First in, first out.
class operation_queue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void push(operation& op) noexcept {
    op.next = nullptr;
    (head_ ? tail_->next : head_) = &op;
    tail_ = &op;
  }
  void push_front(operation& op) noexcept {
    op.next = head_;
    if (!head_) tail_ = &op;
    head_ = &op;
  }
  operation* pop() noexcept {
    operation* op = head_;
    if (op) head_ = op->next;
    return op;
  }
  // True if it was in the list.
  bool remove(operation& op) noexcept {
    operation* before = nullptr;
    for (operation* o = head_; o; before = o, o = o->next) {
      if (o != &op) continue;
      (before ? before->next : head_) = o->next;
      if (tail_ == o) tail_ = before;
      return true;
    }
    return false;
  }

 private:
  operation* head_ = nullptr;
  operation* tail_ = nullptr;
};

}  // namespace rondo::detail
