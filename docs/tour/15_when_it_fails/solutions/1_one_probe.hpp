// Exercise 15.1: exactly one probe. A number says of which call a verdict is; those that are no
// greater than the last one before it opened are of an earlier time.
#pragma once

#include <cstdint>

namespace tour {

enum class verdict { ok, failed, cancelled };

class breaker {
 public:
  // 0: refused. Else a number, which is told with the verdict.
  int enter(std::int64_t now) {
    if (open_) {
      if (probe_ != 0 || now < open_until_) return 0;
      return probe_ = ++calls_;
    }
    return ++calls_;
  }
  void leave(int call, verdict v, std::int64_t now) {
    if (call <= stale_ || (open_ && call != probe_)) return;
    if (open_) {
      probe_ = 0;
      if (v == verdict::ok) open_ = false, failures_ = 0;
      if (v == verdict::failed) open(now);
    } else if (v != verdict::cancelled) {
      failures_ = v == verdict::ok ? 0 : failures_ + 1;
      if (failures_ == 5) open(now);
    }
  }

 private:
  void open(std::int64_t now) {
    open_ = true;
    open_until_ = now + 1000;
    stale_ = calls_;
  }

  int calls_ = 0;
  int failures_ = 0;  // in a row
  bool open_ = false;
  std::int64_t open_until_ = 0;
  int probe_ = 0;  // 0: none is under way
  int stale_ = 0;  // calls up to this one were let through before it opened last
};

}  // namespace tour
