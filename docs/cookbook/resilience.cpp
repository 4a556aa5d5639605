#include "stage.hpp"

namespace {

// Fails so many times, then answers.
class service {
 public:
  explicit service(int failures) : failures_(failures) {}
  task<int> call() {
    co_await sleep_for(10ms);
    ++calls_;
    if (failures_-- > 0) throw std::runtime_error("down");
    co_return 42;
  }
  int calls() const { return calls_; }

 private:
  int failures_;
  int calls_ = 0;
};

}  // namespace

// begin try_again
task<> try_again(service& s) {
  const auto again = retry()
                         .max_attempts(5)
                         .backoff(backoff::exponential(100ms).full_jitter().seed(1))
                         .total_deadline(10s);
  const int n = co_await again([&] { return s.call(); });
  std::printf("%d after %d calls\n", n, s.calls());
}
// end try_again

// begin only_what_may_help
task<int> save(int attempt) {
  if (attempt == 1) throw std::system_error(ETIMEDOUT, std::system_category());
  throw std::invalid_argument("no such field");
}

task<> only_what_may_help() {
  int attempts = 0;
  const auto again = retry().max_attempts(5).retry_if([](const outcome<int>& r) {
    return r.code() == std::errc::timed_out ? verdict::failure : verdict::neutral;
  });
  const outcome<int> r = co_await again.run([&] { return save(++attempts); });
  std::printf("%d attempts, %s\n", attempts, r.has_error() ? "an error" : "a value");
}
// end only_what_may_help

// begin leave_it_alone
task<> leave_it_alone(service& s) {
  circuit_breaker breaker(circuit_breaker::options().consecutive_failures(3).open_for(1s));
  for (int n = 1; n <= 6; ++n) {
    const outcome<int> r = co_await breaker.run([&] { return s.call(); });
    if (rejection::of(r))
      std::printf("call %d refused: it is left alone\n", n);
    else
      std::printf("call %d %s\n", n, r.has_value() ? "went well" : "failed");
    if (n == 5) co_await sleep_for(1s);
  }
}
// end leave_it_alone

// begin all_together
task<> all_together(service& s) {
  circuit_breaker breaker(circuit_breaker::options().consecutive_failures(10));
  const auto call = compose(fallback(-1),             // outermost: what is given at last
                            total_timeout(5s),        // for everything inside
                            retry().max_attempts(3),  //
                            breaker,                  // kept by reference: it is shared
                            attempt_timeout(1s));     // innermost: each attempt
  const int n = co_await call([&] { return s.call(); });
  std::printf("%d after %d calls\n", n, s.calls());
}
// end all_together

// begin not_too_fast
task<> not_too_fast() {
  rate_limiter limit(rate_limiter::options(2, 1s).queue(unbounded));
  for (int n = 1; n <= 4; ++n) {
    co_await limit.acquire();  // a full bucket at first; then one each half second
    std::printf("call %d at %.1f s\n", n, elapsed());
  }
}
// end not_too_fast

// begin not_too_many
task<> not_too_many(service& s) {
  bulkhead room(bulkhead::options(2).queue(1));  // two at a time, one may wait
  std::vector<task<outcome<int>>> calls;
  for (int n = 0; n < 4; ++n) calls.push_back(room.run([&] { return s.call(); }));
  int served = 0;
  for (const auto& r : co_await gather(std::move(calls))) served += r.has_value();
  std::printf("%d served, %d refused\n", served, 4 - served);
}
// end not_too_many

// begin a_second_one
task<std::string> replica(int& calls) {
  const int n = ++calls;
  co_await sleep_for(n == 1 ? 10s : 50ms);  // the first is stuck
  co_return "answer of call " + std::to_string(n);
}

task<> a_second_one() {
  int calls = 0;
  hedge twice(hedge::options().delay(200ms));  // asked again when it takes longer than that
  const auto text = co_await twice([&] { return replica(calls); });
  std::printf("%s after %.2f s\n", text.c_str(), elapsed());
}
// end a_second_one

// begin one_each
task<> one_each() {
  keyed<circuit_breaker> breakers(1000, [](const std::string&) {
    return circuit_breaker(circuit_breaker::options().consecutive_failures(1));
  });
  const auto call = [](std::string host) -> task<> {
    co_await sleep_for(1ms);
    if (host == "bad") throw std::runtime_error("down");
  };
  for (std::string host : {"bad", "good", "bad", "good"}) {
    const outcome<void> r = co_await breakers.run(host, call, host);
    const char* how = r.has_value() ? "ok" : rejection::of(r) ? "left alone" : "failed";
    std::printf("%s: %s\n", host.c_str(), how);
  }
}
// end one_each

namespace {

template <task<> (*recipe)(service&), int failures>
task<> with_service() {
  service s(failures);
  co_await recipe(s);
}

const cookbook::recipe r70("try_again", with_service<try_again, 3>);
const cookbook::recipe r71("only_what_may_help", only_what_may_help);
const cookbook::recipe r72("leave_it_alone", with_service<leave_it_alone, 3>);
const cookbook::recipe r73("all_together", with_service<all_together, 5>);
const cookbook::recipe r74("not_too_fast", not_too_fast);
const cookbook::recipe r75("not_too_many", with_service<not_too_many, 0>);
const cookbook::recipe r76("a_second_one", a_second_one);
const cookbook::recipe r77("one_each", one_each);

}  // namespace
