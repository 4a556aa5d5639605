#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/log.hpp>

#include <cerrno>
#include <cstdio>
#include <mutex>

namespace rondo {

namespace detail {

namespace {

constexpr std::uint8_t above_all = 255;

struct log_state {
  std::mutex mutex;
  std::shared_ptr<log_sink> sink;  // null: standard error, or nobody
};
// Somebody may log while the program ends.
constinit immortal<log_state> the_log;

constinit thread_local bool inside_a_log_sink = false;

// The stream is locked for the whole of a call, so that lines of several threads do not mix.
void write_to_stderr(std::string_view component, std::string_view sentence) noexcept {
  const char* const who = component == "main" ? program_invocation_short_name : "rondo";
  std::fprintf(stderr, "%s: %.*s\n", who, static_cast<int>(sentence.size()), sentence.data());
}

}  // namespace

constinit std::atomic<std::uint8_t> least_logged{static_cast<std::uint8_t>(log_level::info)};

void set_log_sink(std::shared_ptr<log_sink> s, log_level least) {
  log_state& log = the_log.value;
  const std::lock_guard lock(log.mutex);
  log.sink.swap(s);  // what was there goes when the lock has gone
  least_logged.store(static_cast<std::uint8_t>(least), std::memory_order_relaxed);
}

void log(log_level l, std::string_view component, std::string_view sentence,
         std::initializer_list<log_field> fields) noexcept {
  if (!is_logged(l)) return;
  if (inside_a_log_sink) {
    write_to_stderr(component, sentence);
    return;
  }
  std::shared_ptr<log_sink> sink;
  try {
    log_state& log = the_log.value;
    const std::lock_guard lock(log.mutex);
    sink = log.sink;
  } catch (...) {  // no memory for what holds the sink: then there is none
  }
  if (!sink) {
    write_to_stderr(component, sentence);
    return;
  }
  inside_a_log_sink = true;
  try {
    sink->take({.level = l,
                .component = component,
                .sentence = sentence,
                .fields = {fields.begin(), fields.size()}});
  } catch (...) {  // there is nobody to tell
  }
  inside_a_log_sink = false;
}

}  // namespace detail

std::string_view to_string(log_level l) noexcept {
  switch (l) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
  }
  return "unknown";
}

void set_log_sink(std::nullptr_t) noexcept {
  detail::least_logged.store(detail::above_all, std::memory_order_relaxed);
  detail::set_log_sink(nullptr, static_cast<log_level>(detail::above_all));
}

void reset_log_sink() noexcept { detail::set_log_sink(nullptr, log_level::info); }

}  // namespace rondo
