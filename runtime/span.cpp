#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/span.hpp>

#include <sys/random.h>

#include <array>
#include <atomic>
#include <mutex>

namespace rondo {
namespace detail {

constinit const task_local<trace_context> trace_around;

namespace {

struct span_state {
  std::mutex mutex;
  std::shared_ptr<span_sink> sink;
};
constinit immortal<span_state> the_spans;

// Sinks and traces that are there.
constinit std::atomic<std::int64_t> traces_alive{0};

bool in_simulation() noexcept {
  return this_thread.running_loop && this_thread.running_loop->simulated();
}

time_point span_clock() noexcept {
  return in_simulation() ? this_thread.running_loop->now() : steady::now();
}

// Of a thread; in the simulation of a run, so that the same run has the same ids.
std::uint64_t random_id_word() noexcept {
  struct source {
    random_source from{0};
    std::uint64_t loop = 0;
    bool seeded = false;
  };
  static constinit thread_local std::unique_ptr<source> mine;
  thread_local std::uint64_t fallback = 0;
  if (!mine) mine.reset(new (std::nothrow) source);
  if (!mine) return ++fallback;
  const std::uint64_t loop = in_simulation() ? this_thread.running_loop->id() : 0;
  if (!mine->seeded || mine->loop != loop) {
    std::uint64_t seed = 1;
    if (loop == 0 && ::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
      seed = static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
    *mine = {random_source(seed), loop, true};
  }
  for (;;)
    if (const std::uint64_t word = mine->from.next(); word != 0) return word;
}

void append_hex(std::string& out, std::uint64_t word) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 15];
}

trace_context child_of(const trace_context* around) {
  trace_context made;
  if (around) {
    made.trace_id = around->trace_id;
    made.parent_id = around->span_id.empty() ? around->parent_id : around->span_id;
    made.sampled = around->sampled;
  } else {
    append_hex(made.trace_id, random_id_word());
    append_hex(made.trace_id, random_id_word());
    made.sampled = true;
  }
  append_hex(made.span_id, random_id_word());
  return made;
}

std::shared_ptr<span_sink> current_span_sink() {
  span_state& s = the_spans.value;
  const std::lock_guard lock(s.mutex);
  return s.sink;
}

}  // namespace

void set_span_sink(std::shared_ptr<span_sink> s) {
  span_state& state = the_spans.value;
  const std::lock_guard lock(state.mutex);
  traces_alive.fetch_add((s ? 1 : 0) - (state.sink ? 1 : 0), std::memory_order_relaxed);
  state.sink.swap(s);
}

bool traces_exist() noexcept { return traces_alive.load(std::memory_order_relaxed) != 0; }

trace_mark::trace_mark() noexcept { traces_alive.fetch_add(1, std::memory_order_relaxed); }
trace_mark::~trace_mark() { traces_alive.fetch_sub(1, std::memory_order_relaxed); }

span::span(std::string name, span_kind kind, const trace_context* around)
    : name_(std::move(name)), trace_(child_of(around)), began_(span_clock()), kind_(kind) {}

span::~span() {
  try {
    tell();
  } catch (...) {
    report_unhandled(std::current_exception());
  }
}

void span::tell() {
  const std::shared_ptr<span_sink> sink = current_span_sink();
  if (!sink) return;
  std::vector<span_attribute> shown;
  shown.reserve(attributes_.size());
  for (const auto& [name, value] : attributes_) shown.push_back({name, value});
  sink->take({.name = name_,
              .kind = kind_,
              .trace = trace_,
              .began = began_,
              .ended = span_clock(),
              .how = how_,
              .attributes = shown});
}

}  // namespace detail

std::string trace_context::traceparent() const {
  std::string text = "00-";
  text.append(trace_id).append("-").append(span_id).append(sampled ? "-01" : "-00");
  return text;
}

void set_span_sink(std::nullptr_t) noexcept { detail::set_span_sink(nullptr); }

}  // namespace rondo
