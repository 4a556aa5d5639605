// Opening the ring of io_uring, as well as this kernel can, and closing it.
#pragma once

struct io_uring;

namespace rondo::detail {

// Of a ring under DEFER_TASKRUN a foreign poll hears nothing: what has come is completed by the
// thread that enters, and its coming wakes that thread alone, in its enter. An event descriptor
// would be told, but late or never of what comes from another event descriptor (on Linux 6.18).
enum class ring_use : bool { entered, polled };

// Throws std::system_error with the reason when it cannot be had, or lacks an operation that the
// reactor needs; std::invalid_argument when RONDO_IO_URING_FLAGS names no setup.
void open_ring(io_uring& ring, unsigned entries, unsigned completions, ring_use use);
void close_ring(io_uring& ring) noexcept;

}  // namespace rondo::detail
