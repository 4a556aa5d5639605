// A server that becomes slow for five seconds, and four kinds of clients: what each of them does to
// it. In the simulation: a minute of 800 calls a second takes a moment, and every run is the same.
//
//   failing_server > run.csv; scripts/plot_resilience.py run.csv > docs/resilience.svg
//
// The server works off one call after the other, 1,000 a second, also those whose callers have
// gone; from second 20 to 25 it makes 100 a second.
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

namespace {

constexpr int seconds = 60;
constexpr int calls_a_second = 800;
constexpr nanoseconds patience = 500ms;

struct second {
  int load = 0;    // calls that reached the server
  int served = 0;  // callers that got an answer
  int failed = 0;  // callers that got none
  std::vector<nanoseconds> latencies;
};
using record = std::array<second, seconds + 60>;

class server {
 public:
  server(time_point start, record& seen) : start_(start), free_at_(start), seen_(seen) {}

  rondo::task<int> call() {
    const time_point now = rondo::this_loop().now();
    ++at(now).load;
    const time_point begins = std::max(now, free_at_);
    const bool slow = begins >= start_ + 20s && begins < start_ + 25s;
    free_at_ = begins + (slow ? 10ms : 1ms);
    co_await rondo::sleep_until(free_at_);
    co_return 1;
  }
  second& at(time_point t) {
    const auto n = static_cast<std::size_t>((t - start_) / 1s);
    return seen_[std::min(n, seen_.size() - 1)];
  }

 private:
  time_point start_;
  time_point free_at_;
  record& seen_;
};

template <class Call>
rondo::task<> one_caller(server& s, const Call& call) {
  const time_point began = rondo::this_loop().now();
  const rondo::outcome<int> o = co_await call(s);
  second& now = s.at(rondo::this_loop().now());
  ++(o.has_value() ? now.served : now.failed);
  now.latencies.push_back(rondo::this_loop().now() - began);
}

template <class Call>
rondo::task<> minute_of(record& seen, const Call& call) {
  const time_point start = rondo::this_loop().now();
  server s(start, seen);
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    for (int i = 0; i < seconds * calls_a_second; ++i) {
      co_await rondo::sleep_until(start + i * (nanoseconds(1s) / calls_a_second));
      g.spawn(one_caller<Call>(s, call));
    }
  });
}

template <class Call>
void print_run(const char* name, const Call& call) {
  record seen;
  rondo::run(minute_of(seen, call),
             rondo::run_options().reactor(rondo::reactor_kind::simulated).seed(1));
  for (int i = 0; i < seconds; ++i) {
    second& s = seen[static_cast<std::size_t>(i)];
    std::sort(s.latencies.begin(), s.latencies.end());
    const auto percentile = [&](std::size_t n) {
      return s.latencies.empty()
                 ? 0.0
                 : std::chrono::duration<double>(s.latencies[(s.latencies.size() - 1) * n / 100])
                       .count();
    };
    std::printf("%s,%d,%d,%d,%d,%.4f,%.4f\n", name, i, s.load, s.served, s.failed, percentile(50),
                percentile(99));
  }
}

}  // namespace

int main() {
  using namespace rondo;
  std::printf("clients,second,load,served,failed,p50,p99\n");

  print_run("no policy", [](server& s) { return as_result(s.call()); });

  const auto impatient =
      compose(retry().max_attempts(4).backoff(backoff::exponential(50ms).full_jitter().seed(1)),
              attempt_timeout(patience));
  print_run("retries only", [&](server& s) { return impatient.run([&s] { return s.call(); }); });

  const auto sparing = compose(retry()
                                   .max_attempts(4)
                                   .backoff(backoff::exponential(50ms).full_jitter().seed(1))
                                   .budget(std::make_shared<retry_budget>()),
                               attempt_timeout(patience));
  print_run("retries with a budget",
            [&](server& s) { return sparing.run([&s] { return s.call(); }); });

  circuit_breaker breaker(circuit_breaker::options().failure_rate(0.5).time_window(2s).open_for(
      backoff::exponential(1s).cap(5s).equal_jitter().seed(1)));
  const auto whole = compose(total_timeout(2s),
                             retry()
                                 .max_attempts(4)
                                 .backoff(backoff::exponential(50ms).full_jitter().seed(1))
                                 .budget(std::make_shared<retry_budget>()),
                             breaker, attempt_timeout(patience));
  print_run("the whole stack", [&](server& s) { return whole.run([&s] { return s.call(); }); });
}
