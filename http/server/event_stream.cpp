#include <rondo/http/server/event_stream.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <new>

namespace rondo::http::detail {

event_stream::~event_stream() {
  if (armed()) rondo::detail::this_core().timers().disarm(*this);
}

std::unique_ptr<body_source> event_stream::source_of(std::shared_ptr<event_stream> s) {
  return make_body([s = std::move(s)] { return s->next(); });
}

task<> event_stream::run_beside(task<> sending) {
  last_ = this_loop().now();
  if (quiet_ > rondo::detail::nanoseconds::zero())
    rondo::detail::this_core().timers().arm(*this, quiet_);
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the group keeps it
  co_await with_task_group([this, &sending](task_group& g) -> task<> {
    running_ = g.spawn(run_handler(ending(sink_.line_)));
    if (stopped_) stop();
    co_await std::move(sending);
    g.cancel();  // whoever changed the body has ended it early
  });
}

// What the handler has sent is taken first, however it ends.
// NOLINTNEXTLINE(performance-unnecessary-value-param): the frame keeps it
task<> event_stream::run_handler(ending) { co_await handler_->call(sink_); }

task<std::optional<std::string>> event_stream::next() {
  std::optional<std::string> block = co_await sink_.line_.next();
  last_ = this_loop().now();
  co_return block;
}

void event_stream::say_something() noexcept {
  if (sink_.line_.closed()) return;
  const rondo::detail::time_point now = this_loop().now();
  rondo::detail::nanoseconds again = rondo::detail::add(last_, quiet_) - now;
  if (again <= rondo::detail::nanoseconds::zero()) {
    again = quiet_;
    try {
      (void)sink_.line_.try_put(":\n\n");  // refused: an event waits to be written
    } catch (const std::bad_alloc&) {      // then the next time
    }
  }
  rondo::detail::this_core().timers().arm(*this, again);
}

}  // namespace rondo::http::detail
