// The policies that limit and repeat calls, on the path where all is well: a bare call, what
// admission alone costs, and a call through each of them.
#include "harness.hpp"

#include <rondo/patterns.hpp>

#include <chrono>
#include <memory>

namespace rondo::bench {
namespace {

using namespace std::chrono_literals;

[[gnu::noinline]] task<int> ready_work() { co_return 1; }

detail::time_point start() { return detail::policy_now(); }

// --- admission alone, time given -----------------------------------------------------------------

template <class Limiter>
void admit_rate(State& state) {
  Limiter l({100'000'000, 1s});
  detail::time_point now = start();
  for (auto _ : state) {
    now += 10ns;
    benchmark::DoNotOptimize(l.try_acquire(now));
  }
}

void admit_bulkhead(State& state) {
  bulkhead b(10);
  for (auto _ : state) {
    bulkhead::permit p = b.try_acquire();
    benchmark::DoNotOptimize(p);
  }
}

template <auto Make>
void admit_adaptive(State& state) {
  adaptive_limit l(Make());
  detail::time_point now = start();
  for (auto _ : state) {
    auto p = l.admit(now);
    benchmark::DoNotOptimize(p);
    now += 1us;
    p.settle(verdict::success, now);
  }
}

void admit_throttle(State& state) {
  throttle t;
  detail::time_point now = start();
  for (auto _ : state) {
    now += 10ns;
    benchmark::DoNotOptimize(t.admit(now));
    t.settle(verdict::success, now);
  }
}

template <class Budget>
void account(State& state, const retry_budget_options& options) {
  Budget b(options);
  detail::attempt_budget& budget = b;
  benchmark::DoNotOptimize(&budget);
  const detail::time_point now = start();
  for (auto _ : state) {
    budget.began(now);
    budget.succeeded();
  }
}
template <class Budget>
void account_tokens(State& state) {
  account<Budget>(state, retry_budget_options::tokens());
}
template <class Budget>
void account_share(State& state) {
  account<Budget>(state, retry_budget_options::share(0.2));
}

// --- whole calls ---------------------------------------------------------------------------------

template <class Policy>
task<> call_through(State& state, Policy& p) {
  (void)co_await p.run(ready_work);
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await p.run(ready_work));
}

task<> bare(State& state) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await as_result(ready_work()));
}
task<> through_rate_limiter(State& state) {
  rate_limiter p(rate_limiter::options(1'000'000'000, 1s));
  co_await call_through(state, p);
}
task<> through_bulkhead(State& state) {
  bulkhead p(10);
  co_await call_through(state, p);
}
task<> through_retry(State& state) {
  retry p;
  co_await call_through(state, p);
}
task<> through_retry_with_budget(State& state) {
  retry p = retry().budget(std::make_shared<retry_budget>());
  co_await call_through(state, p);
}
task<> through_hedge(State& state) {
  hedge p(hedge::options().delay(1s).quantile(0.95));
  co_await call_through(state, p);
}
task<> through_adaptive_limit(State& state) {
  adaptive_limit p(adaptive_limit::gradient2());
  co_await call_through(state, p);
}
task<> through_throttle(State& state) {
  throttle p;
  co_await call_through(state, p);
}
task<> through_chaos_off(State& state) {
  chaos p{chaos::options()};
  co_await call_through(state, p);
}

}  // namespace

void add_limits() {
  add("rate_limiter_admit", admit_rate<rate_limiter>);
  add("shared_rate_limiter_admit", admit_rate<shared_rate_limiter>);
  add("bulkhead_admit", admit_bulkhead);
  add("adaptive_limit_admit/aimd", admit_adaptive<adaptive_limit::aimd>);
  add("adaptive_limit_admit/vegas", admit_adaptive<adaptive_limit::vegas>);
  add("adaptive_limit_admit/gradient2", admit_adaptive<adaptive_limit::gradient2>);
  add("throttle_admit", admit_throttle);
  add("retry_budget_success/tokens", account_tokens<retry_budget>);
  add("retry_budget_success/share", account_share<retry_budget>);
  add("shared_retry_budget_success/tokens", account_tokens<shared_retry_budget>);
  add("shared_retry_budget_success/share", account_share<shared_retry_budget>);

  add_on(reactor_kind::epoll, "call_bare", bare);
  add_on(reactor_kind::epoll, "call_through_rate_limiter", through_rate_limiter);
  add_on(reactor_kind::epoll, "call_through_bulkhead", through_bulkhead);
  add_on(reactor_kind::epoll, "call_through_retry", through_retry);
  add_on(reactor_kind::epoll, "call_through_retry_with_budget", through_retry_with_budget);
  add_on(reactor_kind::epoll, "call_through_hedge", through_hedge);
  add_on(reactor_kind::epoll, "call_through_adaptive_limit", through_adaptive_limit);
  add_on(reactor_kind::epoll, "call_through_throttle", through_throttle);
  add_on(reactor_kind::epoll, "call_through_chaos_off", through_chaos_off);
}

}  // namespace rondo::bench
