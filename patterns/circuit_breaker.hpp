// circuit_breaker: stops calling what keeps failing, and tries it again with a few probes.
//
//   circuit_breaker breaker(circuit_breaker::options().consecutive_failures(5).open_for(60s));
//   outcome<reply> o = co_await breaker.run([&] { return fetch(url); });   // a rejection is an
//   outcome reply r = co_await breaker([&] { return fetch(url); });                // throws
//   `rejected`
//
// One object is shared by all calls to one callee, on one loop's thread, and must outlive them.
//
//   state      a call is                              left for
//   ---------  -------------------------------------
//   ------------------------------------------------------ closed     admitted open: so many
//   failures in a row open       refused (circuit_open)                 half_open: by the first
//   call after open_for half_open  admitted while a probe's place is      closed: every permitted
//   probe succeeded
//              free, else refused (probe_busy)        open: one failed
//   isolated   refused (isolated)                     what it covers, when the last isolation
//   handle is gone
//
// An admitted call holds a permit and settles it with a verdict, once. A permit given in an earlier
// state is stale: it is counted and changes nothing. One that is dropped (the call was cancelled)
// is neutral: a probe's place is free again. A probe that has not settled within its lease may lose
// its place to another caller; its own result is then stale. Admitting and settling never suspend
// and take their time from the caller, so the state machine works, and is tested, without a loop.
// Failing closed → open is Nygard's pattern ("Release It!", 2007).
#pragma once

#include <rondo/patterns/policy.hpp>

#include <cstdint>
#include <vector>

namespace rondo {

class circuit_breaker : public policy<circuit_breaker> {
 public:
  using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
  enum class state : std::uint8_t { closed, open, half_open, isolated };
  struct transition {
    state from;
    state to;
    time_point at;
  };
  // Since the breaker was made. Every admitted call ends as one of the four: success, failure, neutral, stale.
  struct counts {
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::uint64_t neutral = 0;
    std::uint64_t stale =
        0;  // results of an earlier state, and of probes that had lost their place
    std::uint64_t opened = 0;  // times it went to open
  };
  class options;
  class permit;
  class isolation;
  class layer;
  static constexpr auto kind = detail::policy_kind::circuit_breaker;

  circuit_breaker();
  circuit_breaker(
      options o);  // NOLINT(google-explicit-constructor): circuit_breaker b = options()…
  circuit_breaker(const circuit_breaker&) = delete;
  circuit_breaker& operator=(const circuit_breaker&) = delete;
  // Destroying it while a permit or an isolation is alive ends the program.
  ~circuit_breaker();

  // For calls that run() does not fit. The permit is false when the call is refused.
  [[nodiscard]] permit admit(time_point now) noexcept;
  [[nodiscard]] permit admit() noexcept;

  // Refuses every call while a handle is alive; calls that were admitted go on and count.
  [[nodiscard]] isolation isolate() noexcept;
  // Closed, with nothing counted; permits given before are stale. Does not end an isolation.
  void reset() noexcept;

  // As of the last call: an open breaker whose time is over says open until somebody calls.
  state current() const noexcept { return isolations_ > 0 ? state::isolated : state_; }
  const counts& totals() const noexcept { return counts_; }
  // Permits not settled yet.
  std::uint64_t in_use() const noexcept {
    return counts_.admitted - counts_.successes - counts_.failures - counts_.neutral -
           counts_.stale;
  }

 private:
  // A place for a probe while half open.
  struct probe {
    std::uint64_t holder = nobody;
    time_point lease_end{};
  };
  static constexpr std::uint64_t nobody = 0;
  static constexpr std::uint64_t succeeded = UINT64_MAX;

  struct listener;
  template <class F>
  struct listener_model;

  template <class T>
  verdict judge(const outcome<T>& r) const {
    return r.has_value() && !classifier_ ? verdict::success : judge_rarely(detail::call_result(r));
  }
  verdict judge_rarely(const detail::call_result& r) const;
  permit refuse(rejection r) noexcept;
  permit admit_open(time_point now) noexcept;
  permit admit_probe(time_point now) noexcept;
  void settle(const permit& p, verdict v, time_point now) noexcept;
  void settle_rarely(const permit& p, verdict v, time_point now) noexcept;
  void enter(state to, time_point now) noexcept;
  void publish(state before, time_point now) noexcept;
  void deliver(const transition& t) noexcept;
  void end_isolation() noexcept;

  state state_ = state::closed;
  bool publishing_ = false;
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t isolations_ = 0;
  std::uint64_t generation_ = 1;  // of the state; what permits given in it carry
  std::uint64_t last_ticket_ = 1;
  counts counts_;
  time_point open_until_{};
  std::vector<probe> probes_;
  std::vector<transition> unpublished_;  // made by a listener, while it was being told of another

  std::uint32_t consecutive_failures_;
  std::chrono::nanoseconds open_for_;
  std::chrono::nanoseconds probe_lease_;
  detail::classifier classifier_;
  std::shared_ptr<listener> listener_;
};

struct circuit_breaker::listener {
  listener() = default;
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  virtual ~listener() = default;
  virtual void tell(const transition& t) = 0;
};
template <class F>
struct circuit_breaker::listener_model final : listener {
  explicit listener_model(F f) : fn(std::move(f)) {}
  void tell(const transition& t) override { fn(t); }
  F fn;
};

// Every setter returns the object itself.
class circuit_breaker::options {
 public:
  // So many failures in a row open it (5). Throws std::invalid_argument for 0, here and for probes.
  options& consecutive_failures(std::uint32_t n) &;
  options&& consecutive_failures(std::uint32_t n) && { return std::move(consecutive_failures(n)); }
  // How long it stays open (60 s).
  template <class Rep, class Period>
  options& open_for(std::chrono::duration<Rep, Period> d) & noexcept {
    open_for_ = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  options&& open_for(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(open_for(d));
  }
  // How many calls half open admits, and how many of them must succeed: all (1).
  options& probes(std::uint32_t n) &;
  options&& probes(std::uint32_t n) && { return std::move(probes(n)); }
  // How long a probe keeps its place when another caller wants it (30 s).
  template <class Rep, class Period>
  options& probe_lease(std::chrono::duration<Rep, Period> d) & noexcept {
    probe_lease_ = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  options&& probe_lease(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(probe_lease(d));
  }
  // What counts as a failure: a classifier (verdict.hpp).
  template <class F>
  options& classify(F fn) & {
    classifier_ = detail::classifier(std::move(fn));
    return *this;
  }
  template <class F>
  options&& classify(F fn) && {
    return std::move(classify(std::move(fn)));
  }
  // fn(const circuit_breaker::transition&), after each change of state, in order. It may use the
  // breaker, whose changes are then told when it has returned; what it throws goes to on_unhandled.
  template <class F>
  options& on_transition(F fn) & {
    listener_ = std::make_shared<listener_model<F>>(std::move(fn));
    return *this;
  }
  template <class F>
  options&& on_transition(F fn) && {
    return std::move(on_transition(std::move(fn)));
  }

 private:
  friend class circuit_breaker;
  std::uint32_t consecutive_failures_ = 5;
  std::uint32_t probes_ = 1;
  std::chrono::nanoseconds open_for_ = std::chrono::seconds(60);
  std::chrono::nanoseconds probe_lease_ = std::chrono::seconds(30);
  detail::classifier classifier_;
  std::shared_ptr<listener> listener_;
};

// An admitted call, or a refusal. Settled once; dropped unsettled it is neutral.
class [[nodiscard]] circuit_breaker::permit {
 public:
  permit(permit&& other) noexcept
      : breaker_(std::exchange(other.breaker_, nullptr)),
        ticket_(other.ticket_),
        place_(other.place_),
        refusal_(other.refusal_) {}
  permit& operator=(permit&&) = delete;
  ~permit() {
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
  void settle(verdict v) noexcept { settle(v, detail::policy_now()); }

 private:
  friend class circuit_breaker;
  static constexpr std::uint32_t no_place = UINT32_MAX;
  permit(circuit_breaker& b, std::uint64_t ticket, std::uint32_t place) noexcept
      : breaker_(&b), ticket_(ticket), place_(place) {}
  explicit permit(rejection r) noexcept : refusal_(r) {}

  circuit_breaker* breaker_ = nullptr;
  std::uint64_t ticket_ = 0;  // the state's generation; of a probe, its own number
  std::uint32_t place_ = no_place;
  rejection refusal_{};
};

// Holds the breaker open while it lives; counted.
class [[nodiscard]] circuit_breaker::isolation {
 public:
  isolation(isolation&& other) noexcept : breaker_(std::exchange(other.breaker_, nullptr)) {}
  isolation& operator=(isolation&& other) noexcept {
    std::swap(breaker_, other.breaker_);
    return *this;
  }
  ~isolation() {
    if (breaker_) breaker_->end_isolation();
  }

 private:
  friend class circuit_breaker;
  explicit isolation(circuit_breaker& b) noexcept : breaker_(&b) {}
  circuit_breaker* breaker_;
};

// --- implementation
// ---------------------------------------------------------------------------------

inline circuit_breaker::permit circuit_breaker::admit(time_point now) noexcept {
  if (state_ != state::closed || isolations_ > 0) [[unlikely]]
    return admit_open(now);
  ++counts_.admitted;
  return {*this, generation_, permit::no_place};
}

inline circuit_breaker::permit circuit_breaker::admit() noexcept {
  return admit(detail::policy_now());
}

inline void circuit_breaker::settle(const permit& p, verdict v, time_point now) noexcept {
  if (p.ticket_ != generation_ || state_ != state::closed || v != verdict::success) [[unlikely]] {
    settle_rarely(p, v, now);
    return;
  }
  ++counts_.successes;
  failures_in_a_row_ = 0;
}

// A call's part in it.
class circuit_breaker::layer {
 public:
  explicit layer(circuit_breaker& b) noexcept : breaker_(b) {}

  admission enter(call_context& c) noexcept {
    permit_.emplace(breaker_.admit(c.now()));
    if (!*permit_) [[unlikely]]
      return permit_->refusal();
    return admission::go();
  }
  template <class T>
  void leave(call_context& c, outcome<T>& r) {
    permit_->settle(breaker_.judge(r), c.now());
  }

 private:
  circuit_breaker& breaker_;
  std::optional<permit> permit_;
};

}  // namespace rondo
