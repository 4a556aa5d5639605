// outcome<T>: what became of a task: a value, an error, or cancelled.
//
//   outcome<int> r = co_await h.join();
//   if (r.has_value()) use(r.value()); else if (r.has_error()) log(r.code());
//
// An error is an exception, or a small_error: a code with a number beside it, from which an exception is
// made only when somebody asks for one (making an exception_ptr costs 35–115 ns, a throw about 1,000).
#pragma once

#include <rondo/runtime/errors.hpp>

#include <cstdint>
#include <exception>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace rondo {

namespace detail {

// One kind of error that needs no exception to travel: how to name it and how to make one.
struct small_error_kind {
  std::error_code (*code)(std::int32_t number) noexcept;
  std::exception_ptr (*exception)(std::int32_t number, std::int64_t more);
};

struct small_error {
  const small_error_kind* kind = nullptr;
  std::int32_t number = 0;
  std::int64_t more = 0;
};

std::error_code code_of(const std::exception_ptr& e) noexcept;

template <class T>
struct stored {
  using type = T;
};
template <>
struct stored<void> {
  using type = std::monostate;
};
template <class T>
struct stored<T&> {
  using type = T*;
};
template <class T>
using stored_t = typename stored<T>::type;

struct cancelled_tag {};

}  // namespace detail

template <class T>
class [[nodiscard]] outcome {
  using value_type = detail::stored_t<T>;
  using content =
      std::variant<detail::cancelled_tag, value_type, std::exception_ptr, detail::small_error>;

 public:
  // Cancelled.
  outcome() noexcept = default;
  template <class... Args>
    requires std::is_constructible_v<value_type, Args...>
  explicit outcome(std::in_place_t, Args&&... args)
      : content_(std::in_place_index<1>, std::forward<Args>(args)...) {}
  explicit outcome(std::exception_ptr error) noexcept
      : content_(std::in_place_index<2>, std::move(error)) {}
  explicit outcome(detail::small_error error) noexcept : content_(std::in_place_index<3>, error) {}

  bool has_value() const noexcept { return content_.index() == 1; }
  bool has_error() const noexcept { return content_.index() >= 2; }
  bool is_cancelled() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // The value; throws the error, or cancelled_error.
  std::add_lvalue_reference_t<T> value() & {
    check();
    if constexpr (std::is_reference_v<T>)
      return *std::get<1>(content_);
    else if constexpr (!std::is_void_v<T>)
      return std::get<1>(content_);
  }
  std::add_lvalue_reference_t<const T> value() const& {
    check();
    if constexpr (std::is_reference_v<T>)
      return *std::get<1>(content_);
    else if constexpr (!std::is_void_v<T>)
      return std::get<1>(content_);
  }
  T value() && {
    check();
    if constexpr (std::is_reference_v<T>)
      return *std::get<1>(content_);
    else if constexpr (!std::is_void_v<T>)
      return std::move(std::get<1>(content_));
  }

  // The error as an exception, made on demand; null when there is none.
  std::exception_ptr error() const {
    if (const auto* e = std::get_if<2>(&content_)) return *e;
    if (const auto* e = std::get_if<3>(&content_)) return e->kind->exception(e->number, e->more);
    return nullptr;
  }
  // Its code: that of a std::system_error, or of an error without exception; empty for other exceptions.
  std::error_code code() const noexcept {
    if (const auto* e = std::get_if<2>(&content_)) return detail::code_of(*e);
    if (const auto* e = std::get_if<3>(&content_)) return e->kind->code(e->number);
    return {};
  }

  // For policies: the error without exception, if that is what it is.
  const detail::small_error* small() const noexcept { return std::get_if<3>(&content_); }

 private:
  void check() const {
    if (is_cancelled()) throw cancelled_error();
    if (has_error()) std::rethrow_exception(error());
  }

  content content_;
};

}  // namespace rondo
