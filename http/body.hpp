// Where the bytes of a message body come from when they are not at hand as a whole.
//
//   auto numbers = http::make_body([i = 0]() mutable -> task<std::optional<std::string>> {
//     if (i == 3) co_return std::nullopt;
//     co_return std::to_string(i++);
//   });
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstdint>
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
  // The next piece, nullopt at the end. What it throws, whoever sends the body gets. Cancelled with
  // what sends it, and not asked again.
  virtual task<std::optional<std::string>> next() = 0;
  // Fields that follow a chunked body (RFC 9112, section 7.1.2), asked for after its end.
  virtual http::headers trailers() { return {}; }
};

// Makes the same body again whenever it must be sent again: for a redirect, or on a fresh
// connection.
class body_factory {
 public:
  body_factory() = default;
  body_factory(const body_factory&) = delete;
  body_factory& operator=(const body_factory&) = delete;
  virtual ~body_factory() = default;
  // A fresh source of all of it. What it throws, the request throws.
  virtual std::unique_ptr<body_source> open() = 0;
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

template <class Fn, class Trailers>
class function_source_with_trailers final : public body_source {
 public:
  function_source_with_trailers(Fn fn, Trailers t) : fn_(std::move(fn)), trailers_(std::move(t)) {}
  task<std::optional<std::string>> next() override { return fn_(); }
  http::headers trailers() override { return trailers_(); }

 private:
  Fn fn_;
  Trailers trailers_;
};

template <class Fn>
class function_factory final : public body_factory {
 public:
  explicit function_factory(Fn fn) : fn_(std::move(fn)) {}
  std::unique_ptr<body_source> open() override { return fn_(); }

 private:
  Fn fn_;
};

}  // namespace detail

// A body from a callable: () -> task<std::optional<std::string>>.
template <class Fn>
std::unique_ptr<body_source> make_body(Fn fn) {
  return std::make_unique<detail::function_source<Fn>>(std::move(fn));
}

// The same with the fields that follow it: () -> http::headers.
template <class Fn, class Trailers>
std::unique_ptr<body_source> make_body(Fn fn, Trailers trailers) {
  return std::make_unique<detail::function_source_with_trailers<Fn, Trailers>>(std::move(fn),
                                                                               std::move(trailers));
}

// A body that can be sent again, from a callable: () -> std::unique_ptr<body_source>.
template <class Fn>
std::unique_ptr<body_factory> repeatable_body(Fn fn) {
  return std::make_unique<detail::function_factory<Fn>>(std::move(fn));
}

// The bytes of a file from its beginning, read on a thread 64 KiB at a time; may be sent again.
// Throws std::system_error (EINVAL) for a path that holds a NUL byte; reading throws
// std::system_error.
std::unique_ptr<body_factory> file_body(std::string path);
// Its size now. Throws std::system_error that names the path, before anything is opened when it
// holds a NUL byte (EINVAL).
[[nodiscard]] std::uint64_t file_size(const std::string& path);

}  // namespace rondo::http
