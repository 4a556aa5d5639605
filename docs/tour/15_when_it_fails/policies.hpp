// What a caller does when a call has failed: nothing, try again, try again within a budget, or stop
// calling. All of them are plain objects, told what happened and asked what may be done. They know
// no tasks, and get the time from whoever asks.
#pragma once

#include <cstdint>

namespace tour {

// begin policies
struct policy {
  virtual ~policy() = default;
  virtual bool may_call(std::int64_t) { return true; }
  virtual bool may_retry() { return false; }
  virtual void told(bool /*ok*/, std::int64_t /*now*/) {}
};

struct retry : policy {
  bool may_retry() override { return true; }
};

// Failures take a token, successes give a tenth of one back. While half of them are gone, nobody
// tries again.
struct budget : policy {
  static constexpr int most = 100;  // in tenths
  int tenths = most;
  bool may_retry() override { return tenths > most / 2; }
  void told(bool ok, std::int64_t) override {
    tenths += ok ? 1 : -10;
    tenths = tenths < 0 ? 0 : tenths > most ? most : tenths;
  }
};
// end policies

// begin breaker
// After five failures in a row nobody calls for a second; then one does, to see.
struct breaker : policy {
  int failures = 0;
  std::int64_t closed_again = 0;  // nobody calls before
  bool may_call(std::int64_t now) override {
    if (failures < 5) return true;
    if (now < closed_again) return false;
    closed_again = now + 1000;  // this one is the probe; the others go on waiting
    return true;
  }
  bool may_retry() override { return failures < 5; }
  void told(bool ok, std::int64_t now) override {
    failures = ok ? 0 : failures + 1;
    if (failures == 5) closed_again = now + 1000;
  }
};
// end breaker

}  // namespace tour
