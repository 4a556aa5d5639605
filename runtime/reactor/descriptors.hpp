// The table of descriptors a reactor serves: one slot a number, found by number and generation.
#pragma once

#include <rondo/runtime/reactor/operation.hpp>

#include <fcntl.h>

#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <new>
#include <vector>

namespace rondo::detail {

// What an attempt at an operation gives when it must wait.
inline constexpr std::int32_t would_block = -EAGAIN;

struct alignas(32) descriptor_slot {             // a power of two: the table is indexed by shifting
  std::array<operation*, directions> waiting{};  // the operations in flight, by direction
  std::uint32_t generation = 0;                  // 0: the number is not attached
  bool closing : 1 = false;  // closed by its owner, kept until the last completion
  bool write_broken : 1 = false;
  bool foreign : 1 = false;  // not ours: in the table only while somebody waits

  bool nobody_waits() const noexcept { return !waiting[0] && !waiting[1] && !waiting[2]; }
};

// An error of the connection, which the system tells once, to whoever asks first. A transfer that
// is cancelled at that moment must not take it away from the next transfer, which would see a mere
// end of the stream.
constexpr bool told_once(operation_kind k, std::int32_t result) noexcept {
  switch (k) {
    case operation_kind::recv:
    case operation_kind::recvmsg:
    case operation_kind::recv_lent:
    case operation_kind::send:
    case operation_kind::sendmsg:
    case operation_kind::sendfile: break;
    default: return false;
  }
  switch (-result) {
    case ECONNRESET:
    case ECONNREFUSED:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return true;
    default: return false;
  }
}

// Generations are unique in the process: a stream that outlives its loop never matches another's
// slot.
inline std::uint32_t next_generation() noexcept {
  static constinit std::atomic<std::uint32_t> last{0};
  std::uint32_t g = last.fetch_add(1, std::memory_order_relaxed) + 1;
  if (g == 0) g = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return g;
}

// Numbers start at `first`: the simulation's are far from any real one.
template <class Slot, int first = 0>
class descriptor_table {
 public:
  // Throws std::bad_alloc.
  Slot& attach(int fd) {
    const auto i = static_cast<std::size_t>(fd - first);
    if (i >= slots_.size()) slots_.resize(i < 64 ? 64 : i * 2);
    Slot& s = slots_[i];
    assert(!s.closing && "a number is taken in while the kernel still works on its last owner's");
    s = Slot{};
    s.generation = next_generation();
    return s;
  }
  // nullptr: closed, or the number belongs to another by now.
  Slot* find(descriptor d) noexcept {
    Slot* s = at(d.fd);
    return s && s->generation == d.generation && s->generation != 0 && !s->closing ? s : nullptr;
  }
  // By number alone.
  Slot* at(int fd) noexcept {
    const auto i = static_cast<std::size_t>(fd - first);
    return fd >= first && i < slots_.size() ? &slots_[i] : nullptr;
  }
  // The slot an operation may use, or nullptr with the reason as its result. A poll may name a
  // number without its generation, and shares the slot of whoever has it: one operation a
  // direction, whichever way it was named.
  Slot* admit(operation& op) noexcept {
    const bool by_number = op.target.generation == 0 && op.kind() == operation_kind::poll;
    return admit(by_number ? held(op.target.fd) : find(op.target), op);
  }
  // The same for a poll of a number that need not be ours. Afterwards leave() frees the slot.
  Slot* admit_number(operation& op) noexcept {
    const int fd = op.target.fd;
    Slot* s = at(fd);
    // The table does not grow for a number that is no descriptor.
    if (fd < first || (!s && ::fcntl(fd, F_GETFD) < 0)) {
      op.result = -EBADF;
      return nullptr;
    }
    if (s && s->generation != 0) return admit(held(fd), op);
    try {
      s = &attach(fd);
    } catch (const std::bad_alloc&) {
      op.result = -ENOMEM;
      return nullptr;
    }
    s->foreign = true;
    return s;
  }
  // Frees the slot of a number that is not ours when nobody waits there any more.
  static void leave(Slot& s) noexcept {
    if (s.foreign && s.nobody_waits()) s = Slot{};
  }
  void for_each(auto fn) {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].generation != 0) fn(static_cast<int>(i) + first, slots_[i]);
  }

 private:
  Slot* held(int fd) noexcept {
    Slot* s = at(fd);
    return s && s->generation != 0 && !s->closing ? s : nullptr;
  }
  static Slot* admit(Slot* s, operation& op) noexcept {
    if (!s)
      op.result = result_closed;
    else if (s->waiting[index(op.way())])
      op.result = result_busy;
    else if (s->write_broken &&
             (op.kind() == operation_kind::send || op.kind() == operation_kind::sendmsg ||
              op.kind() == operation_kind::sendfile))
      op.result = result_write_broken;
    else
      return s;
    return nullptr;
  }
  std::vector<Slot> slots_;
};

}  // namespace rondo::detail
