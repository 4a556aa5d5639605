// An object that is never destroyed, and allocates nothing itself: for what a thread, a signal
// handler or a destructor of something static may still use when main has ended. Internal.
//
//   static immortal<std::mutex> m;
//   const std::scoped_lock lock(m.value);
#pragma once

namespace rondo::detail {

template <class T>
union immortal {
  constexpr immortal() : value() {}
  immortal(const immortal&) = delete;
  immortal& operator=(const immortal&) = delete;
  ~immortal() {}  // NOLINT(modernize-use-equals-default): of a union that would be deleted

  T value;
};

}  // namespace rondo::detail
