// What multishot entries have brought before anybody asked for it: connections that a listener has
// accepted, and bytes that a socket has received into buffers that the kernel chose. Which
// operation is worth a multishot, and when one has brought too much, is decided here; the reactor
// prepares the entries that arm and cancel it.
//
// Two reads that find little make the next one arm a multishot. Buffers that come full, one after
// the other, end it, because bulk is better received into the reader's own buffer.
#pragma once

#include <rondo/runtime/reactor/descriptors.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/reactor/uring_buffers.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace rondo::detail {

// none: not in the kernel. ending: cancelled, until its last completion.
enum class multishot_state : std::uint8_t { none, armed, ending };

// How an operation that still waits goes on when its multishot has ended.
enum class next_try : std::uint8_t { multishot, alone };

struct uring_slot : descriptor_slot {
  received_queue received;                     // and not read
  std::unique_ptr<std::vector<int>> accepted;  // and not taken; of a listener only
  std::uint32_t armed_in = 0;                  // the batch that has, or had, its entry
  std::int32_t end = 0;                        // how `received` ends: 0 or a negative errno
  multishot_state multishot = multishot_state::none;
  bool ended = false;         // `end` is to be told
  bool on_multishot = false;  // who waits to read has no entry: the multishot will bring it
  bool plain_tcp : 1 = false;
  bool unix_datagrams : 1 = false;
  bool gone_armed : 1 = false;     // a poll in the kernel waits for the peer to hang up
  bool gone_sees_end : 1 = false;  // it asks for POLLRDHUP too
  bool one_by_one : 1 = false;     // a listener that is about to be closed: no multishot any more
  std::uint8_t gone_armed_in = 0;  // the last bits of the batch that has, or had, its entry
  std::uint8_t small_reads = 0;
  std::uint8_t full_buffers = 0;
};
static_assert(sizeof(uring_slot) == 64, "there is one for each descriptor");

constexpr bool is_receive(operation_kind k) noexcept {
  return k == operation_kind::recv || k == operation_kind::recvmsg ||
         k == operation_kind::recv_lent;
}
// What a multishot may have brought already, or what asks whether it has.
constexpr bool takes_from_multishot(const operation& op) noexcept {
  return is_receive(op.kind()) || op.kind() == operation_kind::accept ||
         (op.kind() == operation_kind::poll && op.way() == direction::in);
}

class uring_multishot {
 public:
  // The operation's result is what is there already. False: it must wait.
  bool deliver(uring_slot& s, operation& op) noexcept {
    const bool accepting =
        op.kind() == operation_kind::accept || (op.kind() == operation_kind::poll && s.accepted);
    const bool there =
        accepting ? s.accepted && !s.accepted->empty() : !s.received.empty() || s.ended;
    if (there) take(s, op);
    return there;
  }
  // A multishot would serve the operation, and others after it, better than an entry of its own.
  bool worth_one(const uring_slot& s, const operation& op) const noexcept;
  // Makes room for what it will bring. False: there is none, and it cannot be armed.
  bool prepare(uring_slot& s, const operation& op, io_uring& ring, reactor_counts& counts) noexcept;

  // Keep what a completion has brought. They say how to go on if it was the last and somebody still
  // waits.
  next_try take_connection(uring_slot& s, std::int32_t result) noexcept;
  next_try take_bytes(uring_slot& s, std::int32_t result, unsigned flags) noexcept;
  // It has brought more than should be kept, or brings bulk.
  static bool should_end(const uring_slot& s) noexcept {
    const bool too_much = s.accepted ? s.accepted->size() >= most_connections_unaccepted
                                     : s.received.count >= most_buffers_unread;
    return too_much || s.full_buffers >= full_buffers_of_bulk;
  }

  // A read with an entry of its own has brought `n` bytes.
  static void note_read(uring_slot& s, std::int32_t n) noexcept;
  // What the next read is told when everything has been read. An error is told before a mere end.
  static void end_with(uring_slot& s, std::int32_t result) noexcept;

  uring_buffers& buffers() noexcept { return buffers_; }

 private:
  // What may be kept that nobody waits for, and how many full buffers in a row are bulk.
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
