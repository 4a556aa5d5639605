// What the circuit breakers give out: the permit of a call, and the handle that holds a breaker
// open.
//
//   circuit_breaker::permit p = breaker.admit();
//   if (!p) return p.refusal();
//   p.settle(verdict::success);
#pragma once

#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/patterns/rejection.hpp>
#include <rondo/patterns/verdict.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <utility>

namespace rondo {

class shared_circuit_breaker;

namespace detail {

// An admitted call, or a refusal. Settled once; dropped unsettled it is neutral.
template <class Breaker>
class [[nodiscard]] circuit_permit {
 public:
  circuit_permit(circuit_permit&& other) noexcept
      : breaker_(std::exchange(other.breaker_, nullptr)),
        ticket_(other.ticket_),
        place_(other.place_),
        began_(other.began_),
        refusal_(other.refusal_) {}
  circuit_permit& operator=(circuit_permit&&) = delete;
  ~circuit_permit() {
    if (breaker_) settle(verdict::neutral, time_point{});
  }

  // False: the call must not be made.
  explicit operator bool() const noexcept { return breaker_ != nullptr; }
  // Why not.
  rejection refusal() const noexcept { return refusal_; }
  // How the call ended. A second time, and on a refusal, it does nothing.
  void settle(verdict v, time_point now) noexcept {
    if (breaker_) std::exchange(breaker_, nullptr)->settle(*this, v, now);
  }
  void settle(verdict v) noexcept { settle(v, policy_now()); }

 private:
  friend Breaker;
  friend class rondo::shared_circuit_breaker;
  static constexpr std::uint32_t no_place = UINT32_MAX;
  circuit_permit(Breaker& b, std::uint64_t ticket, std::uint32_t place, time_point now) noexcept
      : breaker_(&b), ticket_(ticket), place_(place), began_(now) {}
  explicit circuit_permit(rejection r) noexcept : refusal_(r) {}

  Breaker* breaker_ = nullptr;
  std::uint64_t ticket_ = 0;  // the state's generation; of a probe, its own number
  std::uint32_t place_ = no_place;
  time_point began_{};
  rejection refusal_{};
};

// Holds the breaker open while it lives; counted.
template <class Breaker>
class [[nodiscard]] circuit_isolation {
 public:
  circuit_isolation(circuit_isolation&& other) noexcept
      : breaker_(std::exchange(other.breaker_, nullptr)) {}
  circuit_isolation& operator=(circuit_isolation&& other) noexcept {
    std::swap(breaker_, other.breaker_);
    return *this;
  }
  ~circuit_isolation() {
    if (breaker_) breaker_->end_isolation();
  }

 private:
  friend Breaker;
  friend class rondo::shared_circuit_breaker;
  explicit circuit_isolation(Breaker& b) noexcept : breaker_(&b) {}
  Breaker* breaker_;
};

}  // namespace detail
}  // namespace rondo
