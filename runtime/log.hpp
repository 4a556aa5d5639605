// The log: whatever the library has to tell people goes to one sink. Without another it is standard
// error: "rondo: using epoll, because …".
//
//   rondo::set_log_sink([](const rondo::log_record& r) {
//     my_log(to_string(r.level), r.component, r.sentence);
//   });
//   rondo::set_log_sink(nullptr);   // nobody listens: nothing is even put into words
//
// Any thread may set the sink, and the library calls it from any, from several at a time. One that
// was replaced may be called until what had begun by then has returned, and is destroyed after
// that. What a sink throws is dropped. What the library has to say while a sink runs on the same
// thread goes to standard error.
#pragma once

#include <rondo/version.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace rondo {

// error: something is lost or about to end. warning: it goes on, and somebody should know. info:
// asked for, as the tree of tasks after SIGUSR1.
enum class log_level : std::uint8_t { debug, info, warning, error };
[[nodiscard]] std::string_view to_string(log_level l) noexcept;

// What belongs to a sentence: a name, and a value.
struct log_field {
  std::string_view name;
  std::string_view value;
};

// The text lives as long as the sink is called.
struct log_record {
  log_level level = log_level::info;
  std::string_view component;  // "runtime", "http", …; "main": what ended the program, by run_main
  std::string_view sentence;   // says all; of several lines when it shows the tree of tasks
  std::span<const log_field> fields;  // what varies in the sentence, for machines
};

namespace detail {

class log_sink {
 public:
  log_sink() = default;
  log_sink(const log_sink&) = delete;
  log_sink& operator=(const log_sink&) = delete;
  virtual ~log_sink() = default;
  virtual void take(const log_record& r) = 0;
};

// null: nobody listens.
void set_log_sink(std::shared_ptr<log_sink> s, log_level least);

// The least level that somebody listens to; above all levels when nobody does.
extern constinit std::atomic<std::uint8_t> least_logged;

// Asked before anything is put into words.
inline bool is_logged(log_level l) noexcept {
  return static_cast<std::uint8_t>(l) >= least_logged.load(std::memory_order_relaxed);
}
void log(log_level l, std::string_view component, std::string_view sentence,
         std::initializer_list<log_field> fields = {}) noexcept;

}  // namespace detail

// From now on `fn` is called, as void(const log_record&), with all records of `least` and above.
// Throws std::bad_alloc, and then nothing has changed.
template <std::invocable<const log_record&> Fn>
void set_log_sink(Fn fn, log_level least = log_level::info) {
  struct typed_sink final : detail::log_sink {
    explicit typed_sink(Fn f) : fn(std::move(f)) {}
    void take(const log_record& r) override { fn(r); }
    Fn fn;
  };
  detail::set_log_sink(std::make_shared<typed_sink>(std::move(fn)), least);
}
// Nobody listens any more.
void set_log_sink(std::nullptr_t) noexcept;
// Standard error again: "rondo: " and the sentence.
void reset_log_sink() noexcept;

}  // namespace rondo
