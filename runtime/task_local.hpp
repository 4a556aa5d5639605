// task_local<T>: a value that a task and everything it starts can see.
//
//   task_local<std::string> request_id;
//   co_await request_id.with("42", handle(request));   // in there, and in its children:
//   const std::string* id = request_id.get();
//
// The value lives in the scope that with() makes; it is found by looking outwards from the running
// job, so that what does not use it pays nothing.
#pragma once

#include <rondo/runtime/scope.hpp>

namespace rondo {

template <class T>
class task_local {
 public:
  task_local() = default;
  task_local(const task_local&) = delete;
  task_local& operator=(const task_local&) = delete;

  // Runs `t` with this value in place, innermost first. `t` sees it until it has ended. Throws what
  // `t` throws. Cancelled: `t` is.
  template <class... X>
    requires detail::taskable<X...>
  task<detail::task_value_t<X...>> with(T value, X&&... t) const {
    return run_with(this, std::move(value), detail::to_task(std::forward<X>(t)...));
  }

  // The nearest value around the caller, or nullptr: also where there is no task, as in a post.
  // Valid as long as the caller's task runs. The destructors of a task see what it saw: those of
  // its locals and arguments, when it is cancelled too.
  const T* get() const noexcept {
    for (const detail::job* j = detail::surrounding_job(); j && j->owner();
         j = j->owner()->parent())
      if (const void* found = j->owner()->local(this)) return static_cast<const T*>(found);
    return nullptr;
  }

 private:
  template <class R>
  class [[nodiscard("without co_await nothing happens")]] wait final : public detail::scope_wait {
   public:
    wait(const void* key, const T& value, task<R>&& t) noexcept
        : scope_wait(body_), key_(key), value_(value), body_(std::move(t)) {}
    wait(const wait&) = delete;
    wait& operator=(const wait&) = delete;
    ~wait() { body_.discard_inside(); }
    R await_resume() { return body_.take(); }
    const void* local(const void* key) const noexcept override {
      return key == key_ ? &value_ : nullptr;
    }

   private:
    const void* key_;
    const T& value_;
    detail::child<R> body_;
  };

  template <class R>
  static task<R> run_with(const void* key, T value, task<R> t) {
    co_return co_await wait<R>(key, value, std::move(t));
  }
};

}  // namespace rondo
