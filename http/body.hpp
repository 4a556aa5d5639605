// Where the bytes of a message body come from when they are not at hand as a whole.
#pragma once

#include <rondo/runtime/wait.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http {

// Gives a body piece by piece: nullopt is its end. It is read once.
class body_source {
 public:
  body_source() = default;
  body_source(const body_source&) = delete;
  body_source& operator=(const body_source&) = delete;
  virtual ~body_source() = default;
  virtual task<std::optional<std::string>> next() = 0;
};

namespace detail {

template <class Fn>
class function_source final : public body_source {
 public:
  explicit function_source(Fn fn) : fn_(std::move(fn)) {}
  task<std::optional<std::string>> next() override { return fn_(); }

 private:
  Fn fn_;
};

}  // namespace detail

// A body from a callable: () -> task<std::optional<std::string>>.
template <class Fn>
std::unique_ptr<body_source> make_body(Fn fn) {
  return std::make_unique<detail::function_source<Fn>>(std::move(fn));
}

}  // namespace rondo::http
