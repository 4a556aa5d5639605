// Spans: pieces of work that belong to one request, across tasks and across programs, in the terms
// of W3C Trace Context and OpenTelemetry.
//
//   rondo::set_span_sink([](const rondo::span_record& s) { my_exporter(s); });
//
//   co_await with_span("load the cart", load_cart(user));
//   if (const trace_context* here = current_trace()) log(here->trace_id);
//
// A span is around a task: whatever that does, and the tasks that it starts, is within it, and
// spans inside it are its children. It ends when the task ends, also when it is cancelled. The HTTP
// server makes one of each request and goes on with its client's trace (http::trace_requests); the
// HTTP client makes one of each request and tells the server (traceparent).
//
// Without a sink and outside every trace nothing is made and nothing measured.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>
#include <rondo/runtime/task_local.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo {

// A place in a trace: whose part it is, and of what.
struct trace_context {
  std::string trace_id;   // 32 hexadecimal digits
  std::string parent_id;  // 16: of who asked; empty when the trace begins here
  std::string span_id;    // 16: of this part
  bool sampled = false;   // whether whoever began the trace records it

  // For what is asked of others: the field of that name.
  [[nodiscard]] std::string traceparent() const;
};

// On which side of a request a span is; internal: on none.
enum class span_kind : std::uint8_t { internal, server, client };
// How a span ended.
enum class span_end : std::uint8_t { ok, error, cancelled };

// What is known of a span besides: a name, and a value.
struct span_attribute {
  std::string_view name;
  std::string_view value;
};

// A span that has ended. The text lives as long as the sink is called.
struct span_record {
  std::string_view name;
  span_kind kind = span_kind::internal;
  const trace_context& trace;
  std::chrono::steady_clock::time_point began;  // virtual in the simulation
  std::chrono::steady_clock::time_point ended;
  span_end how = span_end::ok;
  std::span<const span_attribute> attributes;
};

namespace detail {

class span_sink {
 public:
  span_sink() = default;
  span_sink(const span_sink&) = delete;
  span_sink& operator=(const span_sink&) = delete;
  virtual ~span_sink() = default;
  virtual void take(const span_record& s) = 0;
};

void set_span_sink(std::shared_ptr<span_sink> s);

// Whether anybody listens, or there is a trace somewhere: asked first.
bool traces_exist() noexcept;

// A span under way. It ends with the object, as cancelled unless something else was said.
class span {
 public:
  // A child of `around`; the beginning of a trace when that is null.
  span(std::string name, span_kind kind, const trace_context* around);
  span(const span&) = delete;
  span& operator=(const span&) = delete;
  ~span();

  const trace_context& trace() const noexcept { return trace_; }
  void set_name(std::string name) { name_ = std::move(name); }
  void set(std::string_view name, std::string value) {
    attributes_.emplace_back(name, std::move(value));
  }
  void ends(span_end how) noexcept { how_ = how; }

 private:
  void tell();

  std::string name_;
  trace_context trace_;
  std::chrono::steady_clock::time_point began_;
  std::vector<std::pair<std::string_view, std::string>> attributes_;
  span_kind kind_;
  span_end how_ = span_end::cancelled;
};

// The trace that a task is in.
extern const task_local<trace_context> trace_around;

// While one is there, traces_exist().
class trace_mark {
 public:
  trace_mark() noexcept;
  trace_mark(const trace_mark&) = delete;
  trace_mark& operator=(const trace_mark&) = delete;
  ~trace_mark();
};

template <class T>
task<T> in_trace(trace_context around, task<T> t) {
  const trace_mark mark;
  co_return co_await trace_around.with(std::move(around), std::move(t));
}

template <class T>
task<T> in_span(std::string name, task<T> t) {
  span mine(std::move(name), span_kind::internal, trace_around.get());
  try {
    if constexpr (std::is_void_v<T>) {
      co_await in_trace(mine.trace(), std::move(t));
      mine.ends(span_end::ok);
    } else {
      T result = co_await in_trace(mine.trace(), std::move(t));
      mine.ends(span_end::ok);
      co_return std::forward<T>(result);
    }
  } catch (...) {
    mine.ends(span_end::error);
    throw;
  }
}

}  // namespace detail

// From now on `fn` is called, as void(const span_record&), with each span that ends: on the thread
// where it ends, from several at a time, and perhaps while a cancelled task is taken apart, so it
// must not wait. What it throws goes to on_unhandled. Any thread may set it. Throws std::bad_alloc.
template <std::invocable<const span_record&> Fn>
void set_span_sink(Fn fn) {
  struct typed_sink final : detail::span_sink {
    explicit typed_sink(Fn f) : fn(std::move(f)) {}
    void take(const span_record& s) override { fn(s); }
    Fn fn;
  };
  detail::set_span_sink(std::make_shared<typed_sink>(std::move(fn)));
}
// Nobody listens any more.
void set_span_sink(std::nullptr_t) noexcept;

// The trace that the calling task is in; nullptr when there is none. Valid as long as the task
// runs.
[[nodiscard]] inline const trace_context* current_trace() noexcept {
  return detail::traces_exist() ? detail::trace_around.get() : nullptr;
}

// Runs a task, or what gives one, in a span of this name, and gives what that gives. The name
// should be one of few. Throws what it throws. Cancelled: it is.
template <class... X>
  requires detail::taskable<X...>
task<detail::task_value_t<X...>> with_span(std::string name, X&&... t) {
  auto inner = detail::to_task(std::forward<X>(t)...);
  if (!detail::traces_exist()) return inner;
  return detail::in_span(std::move(name), std::move(inner));
}

// Runs a task in a trace that came from elsewhere, as out of a message. Throws what it throws.
// Cancelled: it is.
template <class... X>
  requires detail::taskable<X...>
task<detail::task_value_t<X...>> with_trace(trace_context around, X&&... t) {
  return detail::in_trace(std::move(around), detail::to_task(std::forward<X>(t)...));
}

}  // namespace rondo
