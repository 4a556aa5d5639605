// telemetry: what the policies of the program do, told to one sink.
//
//   class printer final : public telemetry {
//     void take(const policy_event& e) override { … }
//   };
//   printer p;  set_telemetry(&p);
//
//   policy_counters seen;  set_telemetry(&seen);  …  use(seen.calls(call_end::value).longest);
//
// Without a sink a call pays one load and a branch. With one, the sink is told of each event on the
// thread where it happens, while it happens: it must be quick, and may be called by several threads
// at once. It must outlive the calls that began while it was set. What it throws goes to
// on_unhandled. It may use policies; what they do for it is not told.
//
// What is no event can be asked at any time: circuit_breaker::totals(), current(), time_in(), and
// the like of the other policies.
#pragma once

#include <rondo/patterns/parts/circuit_breaker_options.hpp>
#include <rondo/patterns/parts/policy_kind.hpp>
#include <rondo/patterns/rejection.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <system_error>

namespace rondo {

// How a call or an attempt ended.
enum class call_end : std::uint8_t { value, error, rejected, timed_out, cancelled };

struct policy_event {
  enum class kind : std::uint8_t {
    attempt_ended,  // the function was called: how, took, attempts so far
    call_ended,     // all is over: how, code, took, attempts
    refused,        // a policy did not let a call through: policy, object, why
    again,          // a policy makes the call once more: policy, object, took (the delay), attempts
    substituted,    // a policy has another answer: policy, object
    circuit_changed  // policy, object, circuit
  };
  kind what;
  call_end how{};
  const char* policy = "";       // "retry", "circuit_breaker", …
  const void* object = nullptr;  // which one
  std::chrono::nanoseconds took{};
  std::uint64_t attempts = 0;
  rejection why{};
  std::error_code code{};  // empty for a value, and for exceptions that have none
  const circuit_transition* circuit = nullptr;
};

class telemetry {
 public:
  telemetry() = default;
  telemetry(const telemetry&) = delete;
  telemetry& operator=(const telemetry&) = delete;
  // Called for each event, on the thread where it happens; it must not wait.
  virtual void take(const policy_event& e) = 0;

 protected:
  ~telemetry() = default;
};

// From now on `t` is told; nullptr: nobody. Gives the one before. From any thread.
telemetry* set_telemetry(telemetry* t) noexcept;

// Counts the events and adds up the durations. From any thread.
class policy_counters final : public telemetry {
 public:
  struct tally {
    std::uint64_t count = 0;
    std::chrono::nanoseconds total{};
    std::chrono::nanoseconds longest{};
  };

  void take(const policy_event& e) noexcept override;

  tally calls(call_end how) const noexcept {
    return calls_.at(static_cast<std::size_t>(how)).read();
  }
  tally attempts(call_end how) const noexcept {
    return attempts_.at(static_cast<std::size_t>(how)).read();
  }
  std::uint64_t refused(rejection_reason why) const noexcept {
    return refused_.at(static_cast<std::size_t>(why)).load(std::memory_order_relaxed);
  }
  std::uint64_t tried_again() const noexcept { return again_.load(std::memory_order_relaxed); }
  std::uint64_t substituted() const noexcept {
    return substituted_.load(std::memory_order_relaxed);
  }
  std::uint64_t circuits_opened() const noexcept { return opened_.load(std::memory_order_relaxed); }

 private:
  struct sums {
    void add(std::chrono::nanoseconds took) noexcept;
    tally read() const noexcept;
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::int64_t> total{0};
    std::atomic<std::int64_t> longest{0};
  };
  std::array<sums, 5> calls_;
  std::array<sums, 5> attempts_;
  std::array<std::atomic<std::uint64_t>, 16> refused_{};
  std::atomic<std::uint64_t> again_{0};
  std::atomic<std::uint64_t> substituted_{0};
  std::atomic<std::uint64_t> opened_{0};
};

namespace detail {

extern constinit std::atomic<telemetry*> telemetry_sink;

inline telemetry* current_telemetry() noexcept {
  return telemetry_sink.load(std::memory_order_acquire);
}
void tell(telemetry& t, const policy_event& e) noexcept;
void circuit_changed(const void* breaker, const circuit_transition& t) noexcept;

// What is told of one call, if anybody listens.
class call_watch {
 public:
  call_watch() noexcept : sink_(current_telemetry()) {
    if (sink_) [[unlikely]]
      began_ = attempt_began_ = this_thread_time();
  }
  call_watch(const call_watch&) = delete;
  call_watch& operator=(const call_watch&) = delete;
  // Destroyed before the call has ended: it was cancelled.
  ~call_watch() {
    if (sink_) [[unlikely]]
      call_ended(call_end::cancelled, {});
  }

  bool on() const noexcept { return sink_ != nullptr; }
  void attempt_begins() noexcept;
  void attempt_ended(call_end how) noexcept;
  void refused(policy_kind k, const void* object, rejection why) noexcept;
  void again(policy_kind k, const void* object, std::chrono::nanoseconds delay) noexcept;
  void substituted(policy_kind k, const void* object) noexcept;
  void call_ended(call_end how, std::error_code code) noexcept;

 private:
  static time_point this_thread_time() noexcept;
  telemetry* sink_;
  time_point began_{};
  time_point attempt_began_{};
  std::uint64_t attempts_ = 0;
};

template <class T>
call_end how_it_ended(const outcome<T>& r, std::error_code code) noexcept {
  if (r.has_value()) return call_end::value;
  if (r.is_cancelled()) return call_end::cancelled;
  if (code.category() == rejection_category()) return call_end::rejected;
  return code == std::errc::timed_out ? call_end::timed_out : call_end::error;
}

}  // namespace detail
}  // namespace rondo
