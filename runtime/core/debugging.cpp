#include <rondo/runtime/core/debugging.hpp>
#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/log.hpp>

#include <chrono>
#include <new>
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
  if (!is_logged(log_level::warning)) return;
  std::string line = "a step";
  if (name && !name->empty()) line += " of \"" + *name + '"';
  const std::string ms =
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  line += " took " + ms + " ms, in which nobody else could run: ";
  line += how_;
  std::string place;
  if (where_.line() != 0) {
    append_place(place, where_);
    line += ' ' + place + ", in ";
    line += short_name(where_.function_name());
  }
  log(log_level::warning, "runtime", line,
      {{"task", name ? *name : std::string_view()}, {"took_ms", ms}, {"place", place}});
}

void report_never_awaited(std::coroutine_handle<> frame) noexcept {
  if (!is_logged(log_level::warning)) return;
  const std::source_location& made = promise_of(frame).awaiting;
  const std::string_view name = short_name(made.function_name());
  static constexpr std::string_view what = "a task was destroyed without ever being awaited";
  try {
    std::string place;
    append_place(place, made);
    std::string line(what);
    line.append(": ").append(name).append(" at ").append(place);
    log(log_level::warning, "runtime", line, {{"function", name}, {"place", place}});
  } catch (const std::bad_alloc&) {
    log(log_level::warning, "runtime", what, {{"function", name}});
  }
}

}  // namespace rondo::detail
