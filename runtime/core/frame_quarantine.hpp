// frame_quarantine: for tests that look for a use after free without a sanitizer.
//
// While one is there, a frame or child record that the calling thread releases is overwritten and
// not used again. What still points into it then meets addresses that no machine has, and the
// program ends at once, each time in the same place; without it the memory belongs to the next
// task, and the mistake becomes that task's.
#pragma once

namespace rondo::detail {

// One a thread; a second one inside it does nothing. At most 65,536 blocks are held, later ones are
// used again. Under a sanitizer, which does the same better, it does nothing. noexcept throughout.
class frame_quarantine {
 public:
  frame_quarantine() noexcept;
  frame_quarantine(const frame_quarantine&) = delete;
  frame_quarantine& operator=(const frame_quarantine&) = delete;
  ~frame_quarantine();

 private:
  bool holds_;
};

}  // namespace rondo::detail
