// Waiting for one operation of the reactor.
#pragma once

#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <cassert>

namespace rondo::detail {

// Starts its operation when awaited. Completes with the operation's result. Cancelled: the reactor
// is asked to withdraw it, and the job ends when the reactor confirms that the kernel has let go of
// the buffer; if the operation succeeded meanwhile, the job resumes with the result.
class io_wait : public wait_base, public operation {
 public:
  bool begin(job& j) noexcept override;
  void cancel(job&) noexcept override { this_core().io().cancel(*this); }
  void describe(wait_visitor& v) const override { v.waits_for(name_of(kind()), target.fd); }

 protected:
  io_wait(descriptor d, const io_call& call) noexcept : operation(d, call, &arrived) {}
  io_wait(const io_wait&) = default;
  io_wait& operator=(const io_wait&) = default;
  ~io_wait() { assert(!in_flight && "a frame is destroyed while the kernel has its buffer"); }

  // The operation has arrived with `result`. True: the wait is over. False: it was started again.
  virtual bool settle() noexcept { return true; }
  // The wait ends by cancellation.
  virtual void withdrawn() noexcept {}

  job* waiter_ = nullptr;

 private:
  static void arrived(operation& op) noexcept;
};

// What a small error of I/O is made of: `number` is the operation's result, `more` the name of what
// failed.
extern const small_error_kind io_error_kind;

template <class T>
outcome<T> io_outcome(std::int32_t result, const char* what) noexcept {
  return outcome<T>(small_error{&io_error_kind, result,
                                static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(what))});
}

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] poll_wait final
    : public io_wait {
 public:
  poll_wait(int fd, direction way, std::uint32_t events) noexcept
      : io_wait(descriptor{fd, 0}, io_call::poll(way, events)) {}
  void await_resume() const {
    if (result < 0) throw_io_error(result, "poll");
  }
  outcome<void> take_outcome() const noexcept {
    if (result < 0) return io_outcome<void>(result, "poll");
    return outcome<void>(std::in_place);
  }
};

}  // namespace rondo::detail

namespace rondo {

// Complete when a descriptor that is not Rondo's can be read (written) without blocking, or has
// failed. One waiter a direction; a second one fails with io_errc::busy, and so does one beside a
// read (write) where the descriptor is Rondo's after all. It must stay open meanwhile. Throws
// std::system_error. Cancellation: stops waiting, the descriptor is as before.
detail::poll_wait readable(int fd) noexcept;
detail::poll_wait writable(int fd) noexcept;

}  // namespace rondo
