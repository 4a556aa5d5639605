#include "stage.hpp"

namespace guide::resilience {
namespace {

task<reply> fetch(std::string url) {
  co_await sleep_for(1ms);
  use(url);
  co_return reply{};
}

task<> policies(std::string url) {
  // begin breaker
  const auto pauses = backoff::exponential(1s).cap(60s).equal_jitter();
  circuit_breaker breaker(
      circuit_breaker::options().failure_rate(0.5).time_window(10s).open_for(pauses));
  outcome<reply> o = co_await breaker.run(fetch, url);
  // end breaker
  EXPECT_TRUE(o.has_value());

  // begin retry
  auto budget = std::make_shared<retry_budget>();
  retry again =
      retry().max_attempts(4).backoff(backoff::exponential(50ms).full_jitter()).budget(budget);
  // end retry
  EXPECT_EQ((co_await again(fetch, url)).status, 200);

  // begin stack
  auto stack = compose(total_timeout(2s), retry().budget(budget), breaker, attempt_timeout(500ms));
  reply r = co_await stack(fetch, url);
  // end stack
  EXPECT_EQ(r.status, 200);
}

task<int> drained() {
  queue<int> q(10);
  for (int n = 1; n <= 3; ++n) co_await q.put(n);
  q.close();
  int sum = 0;
  const auto use = [&](int n) { sum += n; };
  // begin queue
  while (auto item = co_await q.next()) use(*item);  // the producers' end: q.close()
  // end queue
  co_return sum;
}

TEST(Resilience, WhatItsPageShowsRuns) {
  simulated([]() -> task<> {
    co_await policies("http://example.org/");
    EXPECT_EQ(co_await drained(), 6);
  });
}

}  // namespace
}  // namespace guide::resilience
