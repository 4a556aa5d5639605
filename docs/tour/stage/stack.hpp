// How deep the stack has become.
#pragma once

#include <cstdint>

namespace tour {

// Called at several places, it notes how far apart in the stack they are.
class stack_gauge {
 public:
  [[gnu::noinline]] void look() {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    if (here < lowest_) lowest_ = here;
    if (here > highest_) highest_ = here;
  }
  std::size_t grown() const { return highest_ - lowest_; }

 private:
  std::uintptr_t lowest_ = UINTPTR_MAX;
  std::uintptr_t highest_ = 0;
};

}  // namespace tour
