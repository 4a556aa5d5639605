// Static probes: places in the library that bpftrace, perf and gdb can look at while a program
// runs, without a restart (-Dprobes=enabled; needs systemtap-sdt-dev). Their names and arguments
// are in docs/observability.md. In a build without them these are nothing.
//
// Used in sources only: what users compile does not know whether the library has probes.
#pragma once

#include <cstdint>

namespace rondo::detail {

struct operation;

namespace probe {

#ifdef RONDO_HAVE_PROBES
void loop_begins(std::uint64_t loop, const char* reactor) noexcept;
void loop_ends(std::uint64_t loop, std::uint64_t turns, std::uint64_t steps) noexcept;
void turn_begins(std::uint64_t loop, std::uint64_t turn) noexcept;
void step_begins(const void* job) noexcept;
void step_ends(const void* job, bool goes_on) noexcept;
void job_cancelled(const void* job) noexcept;
void wait_begins(const void* job, const operation& op) noexcept;
void wait_ends(const void* job, const operation& op) noexcept;
void request_begins(const void* exchange, const char* method, const char* url) noexcept;
void request_ends(const void* exchange, int status) noexcept;
#else
inline void loop_begins(std::uint64_t, const char*) noexcept {}
inline void loop_ends(std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void turn_begins(std::uint64_t, std::uint64_t) noexcept {}
inline void step_begins(const void*) noexcept {}
inline void step_ends(const void*, bool) noexcept {}
inline void job_cancelled(const void*) noexcept {}
inline void wait_begins(const void*, const operation&) noexcept {}
inline void wait_ends(const void*, const operation&) noexcept {}
inline void request_begins(const void*, const char*, const char*) noexcept {}
inline void request_ends(const void*, int) noexcept {}
#endif

}  // namespace probe
}  // namespace rondo::detail
