// Exercise 6.1: a place for the result. A union gives room without an object in it; which one there
// is, `state_` says, and the destructor asks it.
#pragma once

#include <exception>
#include <new>
#include <utility>

namespace tour {

template <class T>
class result_slot {
 public:
  result_slot() {}
  result_slot(const result_slot&) = delete;
  ~result_slot() { clear(); }

  void set_value(T v) {
    ::new (static_cast<void*>(&value_)) T(std::move(v));
    state_ = state::value;
  }
  void set_error(std::exception_ptr e) {
    clear();
    ::new (static_cast<void*>(&error_)) std::exception_ptr(std::move(e));
    state_ = state::error;
  }
  T take() {
    if (state_ == state::error) std::rethrow_exception(error_);
    return std::move(value_);
  }

 private:
  enum class state { nothing, value, error };

  void clear() {
    if (state_ == state::value) value_.~T();
    if (state_ == state::error) error_.~exception_ptr();
    state_ = state::nothing;
  }

  union {
    T value_;
    std::exception_ptr error_;
  };
  state state_ = state::nothing;
};

}  // namespace tour
