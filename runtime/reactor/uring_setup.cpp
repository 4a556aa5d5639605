#include <rondo/runtime/reactor/uring_setup.hpp>

#include <liburing.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::detail {
namespace {

struct setup {
  unsigned flags;
  const char* name;
};

// The best first. DEFER_TASKRUN is worth 20 % at low concurrency; SUBMIT_ALL keeps one bad entry
// from holding back the rest; TASKRUN_FLAG tells a busy turn whether the kernel must be entered at
// all.
constexpr std::array<setup, 3> ladder{{
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
         IORING_SETUP_SUBMIT_ALL,
     "DEFER_TASKRUN"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
     "COOP_TASKRUN"},
    {0, "none"},
}};

// Where the ladder begins: RONDO_IO_URING_FLAGS.
std::span<const setup> ladder_from_environment() {
  const char* value = std::getenv("RONDO_IO_URING_FLAGS");  // NOLINT(concurrency-mt-unsafe)
  if (!value || !*value) return ladder;
  std::string names;
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    if (std::string_view(value) == ladder[i].name) return std::span(ladder).subspan(i);
    names += (i == 0 ? "" : ", ") + std::string(ladder[i].name);
  }
  throw std::invalid_argument("RONDO_IO_URING_FLAGS is \"" + std::string(value) +
                              "\"; it may be one of " + names);
}

// One thread's ring may be mapped where another thread's has just been unmapped. The kernel does
// one after the other, but a tool that looks for data races sees that order only here: released
// before the unmapping, acquired after the mapping.
constinit std::atomic<unsigned> rings_mapped_or_not{0};

// A kernel that lacks one of these is served by epoll.
void require_operations(io_uring& ring) {
  struct named {
    io_uring_op op;
    const char* name;
  };
  constexpr std::array<named, 11> needed{{{IORING_OP_ACCEPT, "accept"},
                                          {IORING_OP_CONNECT, "connect"},
                                          {IORING_OP_RECV, "recv"},
                                          {IORING_OP_SEND, "send"},
                                          {IORING_OP_RECVMSG, "recvmsg"},
                                          {IORING_OP_SENDMSG, "sendmsg"},
                                          {IORING_OP_POLL_ADD, "poll"},
                                          {IORING_OP_READ, "read"},
                                          {IORING_OP_WRITE, "write"},
                                          {IORING_OP_FSYNC, "fsync"},
                                          {IORING_OP_ASYNC_CANCEL, "cancel"}}};
  const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(
      io_uring_get_probe_ring(&ring), &io_uring_free_probe);
  std::string lacking;
  for (const named& n : needed)
    if (!probe || !io_uring_opcode_supported(probe.get(), n.op))
      lacking += (lacking.empty() ? "" : ", ") + std::string(n.name);
  if (lacking.empty()) return;
  io_uring_queue_exit(&ring);
  throw std::system_error(ENOSYS, std::system_category(),
                          "io_uring cannot be had (this kernel's lacks " + lacking + ")");
}

}  // namespace

void open_ring(io_uring& ring, unsigned entries, unsigned completions, ring_use use) {
  int r = 0;
  std::string refused;
  for (const setup& s : ladder_from_environment()) {
    if (use == ring_use::polled && (s.flags & IORING_SETUP_DEFER_TASKRUN) != 0) continue;
    io_uring_params p{};
    p.flags = s.flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
    p.cq_entries = completions;
    r = io_uring_queue_init_params(entries, &ring, &p);
    if (r == 0) {
      rings_mapped_or_not.fetch_add(1, std::memory_order_acquire);
      io_uring_register_ring_fd(&ring);
      require_operations(ring);
      return;
    }
    refused += refused.empty() ? "" : ", ";
    refused += s.name;
  }
  throw std::system_error(-r, std::system_category(),
                          "io_uring cannot be had (tried " + refused + ")");
}

void close_ring(io_uring& ring) noexcept {
  rings_mapped_or_not.fetch_add(1, std::memory_order_release);
  io_uring_queue_exit(&ring);
}

}  // namespace rondo::detail
