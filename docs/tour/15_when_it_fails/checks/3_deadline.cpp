// One that goes well at the third attempt, one that always fails, and one that takes long.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

struct outcome {
  int attempts = 0, running = 0;
  std::int64_t took = 0;
  const char* how = "";
};

// Fails `failures` times, after `each_ms`.
tour::task<> attempt(outcome& o, int failures, int each_ms) {
  struct counted {
    int& n;
    explicit counted(int& x) : n(++x) {}
    counted(const counted&) = delete;
    ~counted() { --n; }
  };
  const counted here(o.running);
  ++o.attempts;
  co_await tour::sleep_ms(each_ms);
  if (o.attempts <= failures) throw tour::failed();
}

tour::task<> watch(outcome& o, int limit, int failures, int each_ms) {
  const std::int64_t begun = tour::now_ms();
  try {
    // Whoever does not look at the limit is stopped some time.
    co_await tour::timeout(10'000,
                           tour::try_within(limit, [&] { return attempt(o, failures, each_ms); }));
    o.how = "well";
  } catch (const tour::failed&) {
    o.how = "failed";
  } catch (const tour::timed_out&) {
    o.how = "timed out";
  }
  o.took = tour::now_ms() - begun;
}

outcome outcome_of(int limit, int failures, int each_ms) {
  outcome o;
  tour::run(tour::simulation(), watch(o, limit, failures, each_ms));
  tour::check(o.running == 0, "it has returned, and an attempt goes on");
  return o;
}

void is(const outcome& o, const char* how, std::int64_t took, int attempts, const char* what) {
  tour::check(o.how == std::string(how) && o.took == took && o.attempts == attempts,
              "%s: it ended \"%s\" after %lld ms and %d attempts; right is \"%s\", %lld and %d",
              what, o.how, static_cast<long long>(o.took), o.attempts, how,
              static_cast<long long>(took), attempts);
}

}  // namespace

int main() {
  is(outcome_of(1000, 2, 10), "well", 230, 3, "limit 1000, two failures of 10 ms");
  is(outcome_of(500, 99, 10), "failed", 450, 5, "limit 500, always fails, after 10 ms");
  is(outcome_of(500, 99, 400), "failed", 400, 1, "limit 500, always fails, after 400 ms");
  is(outcome_of(500, 99, 600), "timed out", 500, 1, "limit 500, takes 600 ms");
  is(outcome_of(500, 0, 20), "well", 20, 1, "limit 500, no failure");
  std::puts("it ends in time, and does not wait for what would be too late");
}
