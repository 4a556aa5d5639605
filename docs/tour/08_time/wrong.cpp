// Wrong: exits with 1 and says "no timer is waited for any more, and 1000 of them are still kept".
//
// Timers in a heap, and a mark for those that are cancelled: whoever pops one that has a mark drops
// it. But nearly all timers are cancelled, because a time limit is made for what should not happen,
// and they are kept until they would have been due.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

// begin wrong
class timer_heap {
 public:
  struct timer {
    std::int64_t when;
    bool cancelled = false;
  };

  void arm(timer& t) {
    heap_.push_back(&t);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  static void cancel(timer& t) { t.cancelled = true; }

  template <class Fired>
  void fire_due(std::int64_t now, Fired fired) {
    while (!heap_.empty() && heap_.front()->when <= now) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      timer& t = *heap_.back();
      heap_.pop_back();
      if (!t.cancelled) fired(t);
    }
  }
  std::size_t kept() const { return heap_.size(); }

 private:
  static bool later(const timer* a, const timer* b) { return a->when > b->when; }
  std::vector<timer*> heap_;
};
// end wrong

int main() {
  // A thousand requests, one each millisecond, with a limit of 30 s. Each is answered after 10 ms.
  std::vector<timer_heap::timer> limits(1000);
  timer_heap heap;
  for (int ms = 0; ms < 1010; ++ms) {
    if (ms < 1000) {
      limits[static_cast<std::size_t>(ms)].when = ms + 30'000;
      heap.arm(limits[static_cast<std::size_t>(ms)]);
    }
    if (ms >= 10) timer_heap::cancel(limits[static_cast<std::size_t>(ms - 10)]);
    heap.fire_due(ms, [](timer_heap::timer&) { std::puts("one has fired"); });
  }
  std::printf("no timer is waited for any more, and %zu of them are still kept\n", heap.kept());
  return heap.kept() == 0 ? 0 : 1;
}
