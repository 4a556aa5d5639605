#include <rondo/runtime/core/probes.hpp>
#include <rondo/runtime/reactor/operation.hpp>

#ifdef RONDO_HAVE_PROBES

#include <sys/sdt.h>

// Each is one instruction that does nothing, and a note in the program that says where it is and
// in which registers its arguments are. A tool puts a breakpoint there.
namespace rondo::detail::probe {

void loop_begins(std::uint64_t loop, const char* reactor) noexcept {
  DTRACE_PROBE2(rondo, loop__begins, loop, reactor);
}
void loop_ends(std::uint64_t loop, std::uint64_t turns, std::uint64_t steps) noexcept {
  DTRACE_PROBE3(rondo, loop__ends, loop, turns, steps);
}
void turn_begins(std::uint64_t loop, std::uint64_t turn) noexcept {
  DTRACE_PROBE2(rondo, turn__begins, loop, turn);
}
void step_begins(const void* job) noexcept { DTRACE_PROBE1(rondo, step__begins, job); }
void step_ends(const void* job, bool goes_on) noexcept {
  DTRACE_PROBE2(rondo, step__ends, job, goes_on ? 1 : 0);
}
void job_cancelled(const void* job) noexcept { DTRACE_PROBE1(rondo, job__cancelled, job); }
void wait_begins(const void* job, const operation& op) noexcept {
  DTRACE_PROBE3(rondo, wait__begins, job, name_of(op.kind()), op.target.fd);
}
void wait_ends(const void* job, const operation& op) noexcept {
  DTRACE_PROBE4(rondo, wait__ends, job, name_of(op.kind()), op.target.fd, op.result);
}
void request_begins(const void* exchange, const char* method, const char* url) noexcept {
  DTRACE_PROBE3(rondo, request__begins, exchange, method, url);
}
void request_ends(const void* exchange, int status) noexcept {
  DTRACE_PROBE2(rondo, request__ends, exchange, status);
}

}  // namespace rondo::detail::probe

#endif
