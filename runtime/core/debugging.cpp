#include <rondo/runtime/core/debugging.hpp>
#include <rondo/runtime/core/places.hpp>

#include <chrono>
#include <cstdio>
#include <string_view>

namespace rondo::detail {

namespace {

// The co_await of the program's own at which the job rests; nullptr when it has come to none.
const std::source_location* own_await(const job& j) noexcept {
  const promise_base* p = own_frame(j);
  return p && p->awaiting.line() != 0 && !is_library(p->awaiting) ? &p->awaiting : nullptr;
}

}  // namespace

slow_step::slow_step(const job& j) noexcept {
  if (const std::source_location* at = own_await(j)) {
    how_ = "after";
    where_ = *at;
    after_an_await_ = true;
    return;
  }
  for (const job* outer = &j; outer && outer->owner();) {
    const job_owner& owner = *outer->owner();
    if (const std::source_location* at = owner.spawned_where(); at && !is_library(*at)) {
      how_ = "in a task spawned at";
      where_ = *at;
      return;
    }
    outer = owner.parent();
    if (const std::source_location* at = outer ? own_await(*outer) : nullptr) {
      how_ = "in a task awaited at";
      where_ = *at;
      return;
    }
  }
}

void slow_step::report(nanoseconds took, const job* rests, const std::string* name) {
  if (rests && !after_an_await_)
    if (const std::source_location* at = own_await(*rests)) {
      how_ = "before";
      where_ = *at;
    }
  std::string line = "rondo: a step";
  if (name && !name->empty()) line += " of \"" + *name + '"';
  line += " took " +
          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
          " ms, in which nobody else could run: ";
  line += how_;
  if (where_.line() != 0) {
    line += ' ';
    append_place(line, where_);
    line += ", in ";
    line += short_name(where_.function_name());
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

void report_never_awaited(std::coroutine_handle<> frame) noexcept {
  const std::source_location& made = promise_of(frame).awaiting;
  const std::string_view name = short_name(made.function_name());
  const std::string_view file = file_of(made);
  std::fprintf(stderr, "rondo: a task was destroyed without ever being awaited: %.*s at %.*s:%u\n",
               static_cast<int>(name.size()), name.data(), static_cast<int>(file.size()),
               file.data(), made.line());
}

}  // namespace rondo::detail
