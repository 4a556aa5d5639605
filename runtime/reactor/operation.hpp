// One request to the outside world, as plain data.
//
// It lives in the awaiter, inside the coroutine frame, so that I/O allocates nothing:
//
//   idle ── start() is false ──► in flight ── once ──► on the loop's list of completed ──► idle
//
// The descriptor is named by number and generation, so that an operation meant for a closed
// descriptor never reaches the one that was given its number afterwards.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

struct mmsghdr;
struct msghdr;
struct sockaddr;

namespace rondo::detail {

enum class operation_kind : std::uint8_t {
  accept,
  connect,
  recv,
  recv_lent,  // of a stream, into a buffer that the reactor lends once there is something for it
  send,
  recvmsg,
  sendmsg,
  recvmmsg,
  sendmmsg,
  poll,
  read,
  write,
  fsync,
  sendfile,
};

// As fdatasync(2) does.
inline constexpr std::uint32_t fsync_data_only = 1;

// For traces and the task tree.
constexpr const char* name_of(operation_kind k) noexcept {
  switch (k) {
    case operation_kind::accept: return "accept";
    case operation_kind::connect: return "connect";
    case operation_kind::recv: return "recv";
    case operation_kind::recv_lent: return "receive";  // as users call it
    case operation_kind::send: return "send";
    case operation_kind::recvmsg: return "recvmsg";
    case operation_kind::sendmsg: return "sendmsg";
    case operation_kind::recvmmsg: return "recvmmsg";
    case operation_kind::sendmmsg: return "sendmmsg";
    case operation_kind::poll: return "poll";
    case operation_kind::read: return "read";
    case operation_kind::write: return "write";
    case operation_kind::fsync: return "fsync";
    case operation_kind::sendfile: return "sendfile";
  }
  return "?";
}

// Each descriptor serves one operation a direction at a time. `gone` is for the poll that waits,
// beside any reader and writer, until the peer has hung up.
enum class direction : std::uint8_t { in = 0, out = 1, gone = 2 };
inline constexpr std::size_t directions = 3;
constexpr std::size_t index(direction way) noexcept { return static_cast<std::size_t>(way); }

struct descriptor {
  int fd = -1;
  std::uint32_t generation = 0;  // given by attach; 0 names a descriptor that is not the library's
};

// A kind of operation with the arguments of that kind: made by the function of its name, read by
// the reactors, who switch on kind(). Sizes are in bytes; flags are MSG_*.
class io_call {
 public:
  static io_call accept() noexcept { return {operation_kind::accept, direction::in}; }
  static io_call connect(const sockaddr* to, std::uint32_t size) noexcept {
    io_call c(operation_kind::connect, direction::out, size);
    c.name_ = to;
    return c;
  }
  static io_call recv(void* buffer, std::uint32_t size, std::uint32_t flags = 0) noexcept {
    io_call c(operation_kind::recv, direction::in, size, flags);
    c.buffer_ = buffer;
    return c;
  }
  static io_call recv_lent() noexcept { return {operation_kind::recv_lent, direction::in}; }
  static io_call send(const void* bytes, std::uint32_t size, std::uint32_t flags = 0) noexcept {
    io_call c(operation_kind::send, direction::out, size, flags);
    c.bytes_ = bytes;
    return c;
  }
  // The message is written to. `size`: of all its buffers together.
  static io_call recvmsg(msghdr* message, std::uint32_t size, std::uint32_t flags = 0) noexcept {
    io_call c(operation_kind::recvmsg, direction::in, size, flags);
    c.message_ = message;
    return c;
  }
  static io_call sendmsg(msghdr* message, std::uint32_t size, std::uint32_t flags = 0) noexcept {
    io_call c(operation_kind::sendmsg, direction::out, size, flags);
    c.message_ = message;
    return c;
  }
  // Complete with how many messages came or went, at least one.
  static io_call recvmmsg(mmsghdr* messages, std::uint32_t how_many) noexcept {
    io_call c(operation_kind::recvmmsg, direction::in, how_many);
    c.messages_ = messages;
    return c;
  }
  static io_call sendmmsg(mmsghdr* messages, std::uint32_t how_many) noexcept {
    io_call c(operation_kind::sendmmsg, direction::out, how_many);
    c.messages_ = messages;
    return c;
  }
  // `events`: POLL*. Completes with those that have come. In the direction `gone`: POLLRDHUP or
  // nothing, which leaves POLLERR and POLLHUP, as always.
  static io_call poll(direction way, std::uint32_t events) noexcept {
    return {operation_kind::poll, way, 0, events};
  }
  // Of a file, only where reactor::serves_files().
  static io_call read(void* buffer, std::uint32_t size, std::uint64_t offset) noexcept {
    io_call c(operation_kind::read, direction::in, size);
    c.buffer_ = buffer;
    c.offset_ = offset;
    return c;
  }
  static io_call write(const void* bytes, std::uint32_t size, std::uint64_t offset) noexcept {
    io_call c(operation_kind::write, direction::out, size);
    c.bytes_ = bytes;
    c.offset_ = offset;
    return c;
  }
  // `flags`: 0 or fsync_data_only.
  static io_call fsync(std::uint32_t flags) noexcept {
    return {operation_kind::fsync, direction::out, 0, flags};
  }

  // From a file, whose descriptor must stay open until it completes, to a socket; only where
  // reactor::sends_files(). Completes with how many bytes went, 0 where the file ends.
  static io_call sendfile(int file, std::uint32_t size, std::uint64_t offset) noexcept {
    io_call c(operation_kind::sendfile, direction::out, size);
    c.file_ = file;
    c.offset_ = offset;
    return c;
  }

  operation_kind kind() const noexcept { return kind_; }
  direction way() const noexcept { return way_; }
  std::uint32_t flags() const noexcept { return flags_; }  // of a poll: the events it asks for
  std::uint32_t size() const noexcept { return size_; }    // of a batch: how many messages
  std::uint64_t offset() const noexcept { return offset_; }

  void* buffer() const noexcept {
    assert(is(operation_kind::recv, operation_kind::read, operation_kind::recv_lent));
    return buffer_;
  }
  const void* bytes() const noexcept {
    assert(is(operation_kind::send, operation_kind::write));
    return bytes_;
  }
  int file() const noexcept {
    assert(is(operation_kind::sendfile));
    return file_;
  }
  const sockaddr* name() const noexcept {
    assert(is(operation_kind::connect));
    return name_;
  }
  msghdr* message() const noexcept {
    assert(is(operation_kind::recvmsg, operation_kind::sendmsg));
    return message_;
  }
  mmsghdr* messages() const noexcept {
    assert(is(operation_kind::recvmmsg, operation_kind::sendmmsg));
    return messages_;
  }

  // What an awaiter points to inside itself it can say only once it has come to rest.
  void set_name(const sockaddr* to, std::uint32_t size) noexcept {
    assert(is(operation_kind::connect));
    name_ = to;
    size_ = size;
  }
  void set_message(msghdr* message, std::uint32_t size) noexcept {
    assert(is(operation_kind::recvmsg, operation_kind::sendmsg));
    message_ = message;
    size_ = size;
  }
  // The next of what goes in several operations.
  void set_bytes(const void* bytes, std::uint32_t size) noexcept {
    assert(is(operation_kind::send));
    bytes_ = bytes;
    size_ = size;
  }
  // The buffer is the operation's from now on, with room for `size`; see reactor::give_back.
  void lend(void* buffer, std::uint32_t size) noexcept {
    assert(is(operation_kind::recv_lent) && "only recv_lent is lent a buffer");
    buffer_ = buffer;
    size_ = size;
  }
  // nullptr: none was lent, or it was taken before.
  void* take_lent() noexcept {
    assert(is(operation_kind::recv_lent));
    return std::exchange(buffer_, nullptr);
  }

 private:
  io_call(operation_kind k, direction w, std::uint32_t size = 0, std::uint32_t flags = 0) noexcept
      : kind_(k), way_(w), flags_(flags), size_(size) {}
  bool is(auto... kinds) const noexcept { return ((kind_ == kinds) || ...); }

  operation_kind kind_;
  direction way_;
  std::uint32_t flags_;
  union {
    void* buffer_ = nullptr;  // recv, read; recv_lent: what was lent
    const void* bytes_;       // send, write
    const sockaddr* name_;    // connect
    msghdr* message_;         // recvmsg, sendmsg
    mmsghdr* messages_;       // recvmmsg, sendmmsg
    int file_;                // sendfile
  };
  std::uint64_t offset_ = 0;  // in the file, of read, write and sendfile
  std::uint32_t size_;
};

// Results that are not an errno; see io_errors.hpp for their names as std::error_code.
inline constexpr int result_closed = -10'001;
inline constexpr int result_busy = -10'002;
inline constexpr int result_write_broken = -10'003;

struct operation : io_call {
  using callback = void (*)(operation&) noexcept;

  operation(descriptor d, const io_call& call, callback fn) noexcept
      : io_call(call), target(d), completed(fn) {}

  bool in_flight = false;  // the reactor's: its buffers belong to the kernel
  bool cancel_asked = false;
  bool closed_under = false;        // its descriptor was closed while it was in flight
  bool cancel_unsubmitted = false;  // there was no room for its cancellation in io_uring's queue
  descriptor target;
  std::int32_t result = 0;    // bytes, descriptor or events; negative: an errno or one of the above
  callback completed;         // called by the loop when the operation arrives
  operation* next = nullptr;  // in the one list that holds it
};
static_assert(sizeof(operation) <= 64, "it stands in every frame that waits for I/O");

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
