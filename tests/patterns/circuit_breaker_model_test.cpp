// The breaker against a model that remembers everything and works everything out anew each time, on
// random histories.
#include <rondo/patterns/circuit_breaker.hpp>
#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using state = circuit_state;

namespace {

struct plan {
  std::uint32_t consecutive = 0;  // 0: does not count
  double failure_rate = 0;
  double slow_rate = 0;
  nanoseconds slow_after{};
  std::uint32_t window_calls = 0;
  nanoseconds window_time{};
  std::uint32_t at_least = 0;
  nanoseconds open_first{};
  double growth = 1;
  std::uint32_t probes = 1;
  nanoseconds lease{};

  bool rates() const { return failure_rate > 0 || slow_rate > 0; }
  circuit_breaker::options options() const {
    circuit_breaker::options o;
    if (consecutive > 0) o.consecutive_failures(consecutive);
    if (failure_rate > 0) o.failure_rate(failure_rate);
    if (slow_rate > 0) o.slow_calls(slow_after, slow_rate);
    if (window_calls > 0) o.count_window(window_calls, at_least);
    if (window_time > 0ns) o.time_window(window_time, at_least);
    o.open_for(backoff::exponential(open_first, growth).cap(40ns))
        .probes(probes)
        .probe_lease(lease);
    return o;
  }
};

class model {
 public:
  struct answer {
    bool admitted = false;
    rejection why{};
    bool operator==(const answer& o) const {
      return admitted == o.admitted &&
             (admitted || (why.reason == o.why.reason && why.retry_after == o.why.retry_after));
    }
  };

  explicit model(plan p) : plan_(p) {}

  // The number of the call is that of the entry in calls_.
  answer admit(nanoseconds now) {
    if (isolations > 0) return refuse(rejection_reason::isolated, 0ns);
    if (current == state::open) {
      const nanoseconds until = entered + open_time();
      if (now < until) return refuse(rejection_reason::circuit_open, until - now);
      enter(state::half_open, circuit_cause::time_over, now);
    }
    if (current == state::half_open) {
      std::vector<call*> out;
      for (call& c : calls_)
        if (c.epoch == epoch && c.in_place) out.push_back(&c);
      if (out.size() >= plan_.probes) {
        // The unsettled one whose lease ends first.
        call* hung = nullptr;
        for (call* c : out)
          if (!c->settled && (!hung || c->began < hung->began)) hung = c;
        const nanoseconds lease_end = hung->began + plan_.lease;
        if (now < lease_end) return refuse(rejection_reason::probe_busy, lease_end - now);
        // Of several that are over at the same time any may go: they are equal to the callers.
        hung->in_place = false;
      }
    }
    ++admitted;
    calls_.push_back({epoch, now, current == state::half_open, false});
    return {true, {}};
  }
  void settle(std::size_t number, verdict v, nanoseconds now) {
    call& c = calls_[number];
    c.settled = true;
    const bool probe = current == state::half_open && c.epoch == epoch;
    if (c.epoch != epoch || (probe && !c.in_place)) {
      ++stale;
      return;
    }
    if (v == verdict::neutral) {
      ++neutral;
      c.in_place = false;
      return;
    }
    const bool failed = v == verdict::failure;
    const bool was_slow = plan_.slow_rate > 0 && now - c.began > plan_.slow_after;
    ++(failed ? failures : successes);
    slow += was_slow ? 1 : 0;
    if (probe) {
      if (failed || was_slow) {
        enter(state::open, circuit_cause::probe_failed, now);
        return;
      }
      ++good_probes_;
      if (good_probes_ == plan_.probes) enter(state::closed, circuit_cause::probes_succeeded, now);
      return;
    }
    ended_.push_back({now, failed, was_slow});
    if (const auto why = tripped()) enter(state::open, *why, now);
  }
  void isolate() {
    if (isolations++ == 0) note(current, state::isolated, circuit_cause::isolated);
  }
  void release() {
    if (--isolations == 0) note(state::isolated, current, circuit_cause::released);
  }
  void reset(nanoseconds now) { enter(state::closed, circuit_cause::reset, now); }

  state shown() const { return isolations > 0 ? state::isolated : current; }

  state current = state::closed;
  int isolations = 0;
  std::uint64_t epoch = 0;
  nanoseconds entered{};
  std::uint64_t admitted = 0, refused = 0, successes = 0, failures = 0, neutral = 0, stale = 0,
                slow = 0, opened = 0;
  std::string trace;

 private:
  struct call {
    std::uint64_t epoch;
    nanoseconds began;
    bool in_place;  // of a probe: still holds its place, or has held it to a good end
    bool settled;
  };
  struct end {
    nanoseconds at;
    bool failed;
    bool slow;
  };

  answer refuse(rejection_reason r, nanoseconds left) {
    ++refused;
    return {false, {r, left}};
  }
  nanoseconds open_time() const {
    double d = static_cast<double>(plan_.open_first.count());
    for (std::uint64_t i = 1; i < openings_; ++i) d *= plan_.growth;
    return std::min(nanoseconds(static_cast<std::int64_t>(d)), 40ns);
  }
  std::optional<circuit_cause> tripped() const {
    std::uint32_t row = 0;
    for (auto e = ended_.rbegin(); e != ended_.rend() && e->failed; ++e) ++row;
    std::optional<circuit_cause> why;
    if (plan_.consecutive > 0 && row >= plan_.consecutive) why = circuit_cause::failures_in_a_row;
    if (!plan_.rates()) return why;
    std::uint32_t n = 0, failed = 0, slow_ones = 0;
    for (std::size_t i = 0; i < ended_.size(); ++i) {
      if (plan_.window_time > 0ns) {
        const auto part = [&](const end& e) {
          return (e.at - ended_.front().at) / (plan_.window_time / 10);
        };
        if (part(ended_[i]) <= part(ended_.back()) - 10) continue;
      } else if (ended_.size() - i > plan_.window_calls) {
        continue;
      }
      ++n;
      failed += ended_[i].failed ? 1 : 0;
      slow_ones += ended_[i].slow ? 1 : 0;
    }
    if (n < plan_.at_least) return why;
    if (plan_.failure_rate > 0 && failed >= plan_.failure_rate * n)
      return circuit_cause::failure_rate;
    if (plan_.slow_rate > 0 && slow_ones >= plan_.slow_rate * n) return circuit_cause::slow_rate;
    return why;
  }
  void enter(state to, circuit_cause why, nanoseconds now) {
    const state before = shown();
    current = to;
    entered = now;
    ++epoch;
    good_probes_ = 0;
    ended_.clear();
    if (to == state::closed) openings_ = 0;
    if (to == state::open) {
      ++openings_;
      ++opened;
    }
    if (before != shown()) note(before, shown(), why);
  }
  void note(state from, state to, circuit_cause why) {
    trace += "COHI"[static_cast<int>(from)];
    trace += "COHI"[static_cast<int>(to)];
    trace += static_cast<char>('a' + static_cast<int>(why));
  }

  plan plan_;
  std::vector<call> calls_;
  std::vector<end> ended_;  // since it was closed
  std::uint32_t good_probes_ = 0;
  std::uint64_t openings_ = 0;  // in a row
};

plan random_plan(detail::random_source& r) {
  plan p;
  const auto kind = r.between(0, 3);
  if (kind == 0 || r.chance(0.3)) p.consecutive = static_cast<std::uint32_t>(r.between(1, 4));
  if (kind != 0) {
    constexpr double shares[] = {0.2, 0.25, 0.5, 0.75, 1};
    if (kind != 2) p.failure_rate = shares[r.between(0, 4)];
    if (kind >= 2) {
      p.slow_rate = shares[r.between(0, 4)];
      p.slow_after = nanoseconds(r.between(1, 6));
    }
    if (r.chance(0.5)) {
      p.window_calls = static_cast<std::uint32_t>(r.between(1, 8));
      p.at_least = static_cast<std::uint32_t>(r.between(1, p.window_calls));
    } else {
      p.window_time = nanoseconds(10 * r.between(1, 4));
      p.at_least = static_cast<std::uint32_t>(r.between(1, 5));
    }
  }
  p.open_first = nanoseconds(r.between(0, 10));
  p.growth = r.chance(0.5) ? 1 : 2;
  p.probes = static_cast<std::uint32_t>(r.between(1, 3));
  p.lease = nanoseconds(r.between(1, 12));
  return p;
}

using causes = std::array<std::uint64_t, 9>;

// True when both agreed on everything; adds up what happened.
bool run_history(std::uint64_t seed, causes& seen) {
  detail::random_source r(seed);
  const plan p = random_plan(r);
  model m(p);
  std::string trace;
  auto options = p.options();
  options.on_transition([&trace, &seen](const circuit_transition& t) {
    ++seen.at(static_cast<std::size_t>(t.why));
    trace += "COHI"[static_cast<int>(t.from)];
    trace += "COHI"[static_cast<int>(t.to)];
    trace += static_cast<char>('a' + static_cast<int>(t.why));
  });
  const circuit_breaker::time_point start(1000h);
  circuit_breaker b(options, start);
  std::list<std::pair<std::size_t, circuit_breaker::permit>> out;
  std::vector<circuit_breaker::isolation> isolations;
  std::size_t calls = 0;
  nanoseconds now{};
  bool agreed = true;

  const auto steps = r.between(20, 80);
  for (std::int64_t i = 0; i < steps && agreed; ++i) {
    now += nanoseconds(r.chance(0.6) ? 0 : r.between(0, r.chance(0.2) ? 60 : 5));
    const auto what = r.between(0, 99);
    if (what < 50 || out.empty()) {
      circuit_breaker::permit given = b.admit(start + now);
      const model::answer expected = m.admit(now);
      agreed = expected == model::answer{static_cast<bool>(given), given.refusal()};
      if (given) out.emplace_back(calls++, std::move(given));
    } else if (what < 94) {
      const auto which =
          std::next(out.begin(), r.between(0, static_cast<std::int64_t>(out.size()) - 1));
      const std::size_t number = which->first;
      circuit_breaker::permit taken = std::move(which->second);
      out.erase(which);
      const auto end = r.between(0, 9);
      const verdict v = end < 4 ? verdict::failure : end < 8 ? verdict::success : verdict::neutral;
      if (end == 9) {
        const auto dropped = std::move(taken);
      } else {
        taken.settle(v, start + now);
      }
      m.settle(number, v, now);
    } else if (what < 96) {
      isolations.push_back(b.isolate());
      m.isolate();
    } else if (what < 98) {
      if (isolations.empty()) continue;
      isolations.pop_back();
      m.release();
    } else {
      b.reset();
      m.reset(now);
    }
    const auto& c = b.totals();
    agreed = agreed && b.current() == m.shown() && trace == m.trace && c.admitted == m.admitted &&
             c.refused == m.refused && c.successes == m.successes && c.failures == m.failures &&
             c.neutral == m.neutral && c.stale == m.stale && c.slow == m.slow &&
             c.opened == m.opened && b.in_use() == out.size();
  }
  return agreed;
}

}  // namespace

TEST(CircuitBreakerModel, AgreesOnAHundredThousandRandomHistories) {
  causes seen{};
  for (std::uint64_t seed = 1; seed <= 100'000; ++seed)
    ASSERT_TRUE(run_history(seed, seen)) << "seed " << seed;
  for (const std::uint64_t times : seen) EXPECT_GT(times, 10'000U);
}
