// outcome<T>: what became of a task: a value, an error, or cancelled.
//
//   outcome<int> r = co_await h.join();
//   if (r.has_value()) use(r.value()); else if (r.has_error()) log(r.code());
//
// An error is an exception, or a small_error: a code with a number beside it, from which an
// exception is made only when somebody asks for one (making an exception_ptr costs 35–115 ns, a
// throw about 1,000).
#pragma once

#include <rondo/runtime/errors.hpp>

#include <cstdint>
#include <exception>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>  // std::monostate

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

}  // namespace detail

template <class T>
class [[nodiscard]] outcome {
  using value_type = detail::stored_t<T>;

 public:
  // Cancelled.
  outcome() noexcept {}
  template <class... Args>
    requires std::is_constructible_v<value_type, Args...>
  explicit outcome(std::in_place_t, Args&&... args)
      : value_(value_type(std::forward<Args>(args)...)), content_(content::value) {}
  explicit outcome(std::exception_ptr error) noexcept
      : exception_(std::move(error)), content_(content::exception) {}
  explicit outcome(detail::small_error error) noexcept : small_(error), content_(content::small) {}

  outcome(const outcome& other)
    requires std::is_copy_constructible_v<value_type>
  {
    take(other);
  }
  outcome(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<value_type>) {
    take(std::move(other));
  }
  // What it held is gone even if the new value's constructor throws: it is cancelled then.
  outcome& operator=(const outcome& other)
    requires std::is_copy_constructible_v<value_type>
  {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  outcome& operator=(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<value_type>) {
    if (this != &other) {
      drop();
      take(std::move(other));
    }
    return *this;
  }
  // For policies: refused, in place.
  outcome& operator=(detail::small_error error) noexcept {
    drop();
    ::new (&small_) detail::small_error(error);
    content_ = content::small;
    return *this;
  }
  ~outcome() { drop(); }

  bool has_value() const noexcept { return content_ == content::value; }
  bool has_error() const noexcept { return content_ >= content::exception; }
  bool is_cancelled() const noexcept { return content_ == content::cancelled; }
  explicit operator bool() const noexcept { return has_value(); }

  // The value; throws the error, or cancelled_error.
  std::add_lvalue_reference_t<T> value() & {
    check();
    if constexpr (std::is_reference_v<T>)
      return *value_;
    else if constexpr (!std::is_void_v<T>)
      return value_;
  }
  std::add_lvalue_reference_t<const T> value() const& {
    check();
    if constexpr (std::is_reference_v<T>)
      return *value_;
    else if constexpr (!std::is_void_v<T>)
      return value_;
  }
  T value() && {
    check();
    if constexpr (std::is_reference_v<T>)
      return *value_;
    else if constexpr (!std::is_void_v<T>)
      return std::move(value_);
  }

  // The error as an exception, made on demand; null when there is none.
  std::exception_ptr error() const {
    if (content_ == content::exception) return exception_;
    if (const auto* e = small()) return e->kind->exception(e->number, e->more);
    return nullptr;
  }
  // Its code: that of a std::system_error, or of an error without exception; empty for other
  // exceptions.
  std::error_code code() const noexcept {
    if (content_ == content::exception) return detail::code_of(exception_);
    if (const auto* e = small()) return e->kind->code(e->number);
    return {};
  }

  // For policies: the error without exception, if that is what it is.
  const detail::small_error* small() const noexcept {
    return content_ == content::small ? &small_ : nullptr;
  }

 private:
  // By hand, not a std::variant: moving one of those is a call through a table, and policies move
  // outcomes outward through every layer.
  enum class content : std::uint8_t { cancelled, value, exception, small };

  void check() const {
    if (!has_value()) [[unlikely]]
      raise();
  }
  [[noreturn]] void raise() const {
    if (is_cancelled()) throw cancelled_error();
    std::rethrow_exception(error());
  }
  void drop() noexcept {
    if (content_ == content::value) value_.~value_type();
    if (content_ == content::exception) [[unlikely]]
      exception_.~exception_ptr();
    content_ = content::cancelled;
  }
  // Into one that is cancelled.
  template <class Other>
  void take(Other&& other) {
    const content what = other.content_;
    switch (what) {
      case content::cancelled: break;
      case content::value:
        ::new (static_cast<void*>(&value_)) value_type(std::forward<Other>(other).value_);
        break;
      case content::exception:
        ::new (&exception_) std::exception_ptr(std::forward<Other>(other).exception_);
        break;
      case content::small: ::new (&small_) detail::small_error(other.small_); break;
    }
    content_ = what;
  }

  union {
    value_type value_;
    std::exception_ptr exception_;
    detail::small_error small_;
  };
  content content_ = content::cancelled;
};

}  // namespace rondo
