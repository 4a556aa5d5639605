#include <rondo/runtime/core/probes.hpp>
#include <rondo/runtime/io.hpp>

#include <poll.h>

namespace rondo::detail {
namespace {

// Of which the next read is told, too.
bool is_end_of_stream(const operation& op) noexcept {
  return op.result == 0 &&
         (op.kind() == operation_kind::recv || op.kind() == operation_kind::recv_lent);
}

}  // namespace

bool io_wait::begin(job& j) noexcept {
  if (j.stops_here()) return false;
  assert(!in_flight && "an awaiter is awaited once at a time");
  waiter_ = &j;
  probe::wait_begins(&j, *this);
  while (this_core().io().start(*this))
    if (settle()) {
      probe::wait_ends(&j, *this);
      return true;
    }
  j.wait_on(*this);
  return false;
}

void io_wait::arrived(operation& op) noexcept {
  auto& w = static_cast<io_wait&>(op);
  job& j = *w.waiter_;
  assert(!op.in_flight && "what has arrived is the task's again");
  assert(j.waiting_on() == &w && "a completion belongs to the job that waits for it");
  // An error after the cancellation, or the end of a stream, is often its echo: the other end was
  // cancelled too. Nothing has happened.
  if (j.must_stop() && (op.result < 0 || is_end_of_stream(op))) {
    probe::wait_ends(&j, op);
    w.withdrawn();
    j.wake_stopped();
    return;
  }
  while (!w.settle()) {
    if (j.must_stop()) {  // more was to come: it does not start
      probe::wait_ends(&j, op);
      w.withdrawn();
      j.wake_stopped();
      return;
    }
    if (!this_core().io().start(op)) return;
  }
  probe::wait_ends(&j, op);
  j.wake();
}

namespace {

std::error_code io_code(std::int32_t result) noexcept { return error_of(result); }
std::exception_ptr io_exception(std::int32_t result, std::int64_t what) {
  return std::make_exception_ptr(std::system_error(
      error_of(result), reinterpret_cast<const char*>(static_cast<std::intptr_t>(what))));
}

}  // namespace

constinit const small_error_kind io_error_kind{&io_code, &io_exception};

}  // namespace rondo::detail

namespace rondo {

detail::poll_wait readable(int fd) noexcept { return {fd, detail::direction::in, POLLIN}; }
detail::poll_wait writable(int fd) noexcept { return {fd, detail::direction::out, POLLOUT}; }

}  // namespace rondo
