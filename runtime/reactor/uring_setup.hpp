// Opening the ring of io_uring, as well as this kernel can, and closing it.
#pragma once

struct io_uring;

namespace rondo::detail {

// Throws std::system_error with the reason when it cannot be had, or lacks an operation that the
// reactor needs; std::invalid_argument when RONDO_IO_URING_FLAGS names no setup.
void open_ring(io_uring& ring, unsigned entries, unsigned completions);
void close_ring(io_uring& ring) noexcept;

}  // namespace rondo::detail
