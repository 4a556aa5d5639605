// Exercise 6.1: a place for the result.
//
// A task leaves a value or an exception, and until then nothing. This place always has a value, so
// that the type needs a constructor without arguments, and it forgets exceptions. Make it hold
// nothing, a T, or an exception, and destroy what it holds, once.
#pragma once

#include <exception>
#include <utility>

namespace tour {

template <class T>
class result_slot {
 public:
  result_slot() = default;
  result_slot(const result_slot&) = delete;

  void set_value(T v) { value_ = std::move(v); }
  // May come after a value: a local's destructor has thrown after co_return.
  void set_error(std::exception_ptr) {}
  // Gives the value, moved out of here, or throws the exception.
  T take() { return std::move(value_); }

 private:
  T value_;
};

}  // namespace tour
