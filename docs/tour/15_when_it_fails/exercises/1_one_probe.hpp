// Exercise 15.1: exactly one probe.
//
// A breaker whose callers say when a call has ended, and how. When its time is over, one call is
// let through to see how the server does. If that succeeds, it is closed; if it fails, it is open
// for another second. If it was cancelled, nobody knows, and the next caller is the probe. And what
// was let through *before* the breaker opened is no probe, whenever it ends, and says nothing about
// how the server does now. This one, when its time is over, lets everybody through.
#pragma once

#include <cstdint>

namespace tour {

enum class verdict { ok, failed, cancelled };

class breaker {
 public:
  // 0: refused. Else a number, which is told with the verdict.
  int enter(std::int64_t now) { return failures_ < 5 || now >= open_until_ ? ++calls_ : 0; }
  void leave(int call, verdict v, std::int64_t now) {
    (void)call;
    if (v == verdict::cancelled) return;
    failures_ = v == verdict::ok ? 0 : failures_ + 1;
    if (failures_ >= 5) open_until_ = now + 1000;
  }

 private:
  int calls_ = 0;
  int failures_ = 0;  // in a row
  std::int64_t open_until_ = 0;
};

}  // namespace tour
