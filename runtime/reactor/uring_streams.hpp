// What the io_uring reactor keeps of its streams: what a listener has accepted, and what a socket
// has received into buffers that the kernel chose, before anybody asked for it. Which operation a
// stream is worth beginning for, and when there is too much of it, is decided here; the entries
// that begin and end one are the reactor's.
//
// A read that finds little, twice, makes the next one begin a stream; buffers that come full, one
// after the other, end it, because bulk is better received into the reader's own buffer.
#pragma once

#include <rondo/runtime/reactor/descriptors.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/reactor/uring_buffers.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace rondo::detail {

// none: not in the kernel. ending: until its last completion.
enum class stream_state : std::uint8_t { none, armed, ending };

struct uring_slot : descriptor_slot {
  received_queue received;                     // and not read
  std::unique_ptr<std::vector<int>> accepted;  // and not taken; of a listener only
  std::uint32_t armed_in = 0;                  // the batch that has, or had, the stream's entry
  std::int32_t end = 0;                        // how `received` ends: 0 or a negative errno
  stream_state stream = stream_state::none;
  bool ended = false;      // `end` is to be told
  bool on_stream = false;  // who waits to read waits for the stream
  bool plain_tcp = false;
  bool unix_datagrams = false;
  std::uint8_t small_reads = 0;
  std::uint8_t full_buffers = 0;
};

constexpr bool is_receive(operation_kind k) noexcept {
  return k == operation_kind::recv || k == operation_kind::recvmsg || k == operation_kind::receive;
}
// What a stream may have brought already, or what asks whether it has.
constexpr bool takes_from_stream(const operation& op) noexcept {
  return is_receive(op.kind) || op.kind == operation_kind::accept ||
         (op.kind == operation_kind::poll && op.way == direction::in);
}

class uring_streams {
 public:
  // The operation's result is what is there already. False: it must wait.
  bool deliver(uring_slot& s, operation& op) noexcept {
    const bool accepting =
        op.kind == operation_kind::accept || (op.kind == operation_kind::poll && s.accepted);
    const bool there =
        accepting ? s.accepted && !s.accepted->empty() : !s.received.empty() || s.ended;
    if (there) take(s, op);
    return there;
  }
  // A stream would serve the operation, and others after it, better than an entry of its own.
  bool worth_one(const uring_slot& s, const operation& op) const noexcept;
  // Room for what it will bring. False: it cannot be begun.
  bool prepare(uring_slot& s, const operation& op, io_uring& ring, reactor_counts& counts) noexcept;

  // A completion of the stream's. True: it is better to go on without one.
  bool take_connection(uring_slot& s, std::int32_t result) noexcept;
  bool take_bytes(uring_slot& s, std::int32_t result, unsigned flags) noexcept;
  // More is there than should be, or bulk comes.
  static bool should_end(const uring_slot& s) noexcept {
    const bool too_much = s.accepted ? s.accepted->size() >= most_connections_unaccepted
                                     : s.received.count >= most_buffers_unread;
    return too_much || s.full_buffers >= full_buffers_of_bulk;
  }

  // A read of an entry of its own has brought bytes.
  static void note_read(uring_slot& s, std::int32_t n) noexcept;
  // What the next read is told when everything has been read. An error is told before a mere end.
  static void end_with(uring_slot& s, std::int32_t result) noexcept;

  uring_buffers& buffers() noexcept { return buffers_; }

 private:
  // What a stream may hold that nobody waits for, and full buffers in a row that end it.
  static constexpr std::uint16_t most_buffers_unread = 8;
  static constexpr std::size_t most_connections_unaccepted = 16;
  static constexpr std::uint8_t full_buffers_of_bulk = 8;

  void take(uring_slot& s, operation& op) noexcept;

  uring_buffers buffers_;
  bool multishot_accept_ = true;
  bool multishot_recv_ = true;
  bool accepted_once_ = false;
  bool received_once_ = false;
};

}  // namespace rondo::detail
