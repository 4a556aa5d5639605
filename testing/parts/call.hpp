// call<Args…>: a callable that is called and not kept.
#pragma once

#include <memory>
#include <type_traits>

namespace rondo::test::detail {

template <class... Args>
class call {
 public:
  template <class Fn>
    requires std::is_invocable_v<const Fn&, Args...>
  call(const Fn& fn) noexcept  // NOLINT(google-explicit-constructor)
      : fn_(std::addressof(fn)),
        call_([](const void* f, Args... args) { (*static_cast<const Fn*>(f))(args...); }) {}
  void operator()(Args... args) const { call_(fn_, args...); }

 private:
  const void* fn_;
  void (*call_)(const void*, Args...);
};

}  // namespace rondo::test::detail
