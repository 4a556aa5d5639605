// Values, exceptions, and a type without a constructor for nothing, which counts those alive.
#include "../../stage/check.hpp"

#include EXERCISE

#include <string>
#include <type_traits>

namespace {

struct counted {
  static inline int alive = 0;
  int number;

  explicit counted(int n) : number(n) { ++alive; }
  counted(counted&& other) noexcept : number(std::exchange(other.number, -1)) { ++alive; }
  counted& operator=(counted&& other) noexcept {
    number = std::exchange(other.number, -1);
    return *this;
  }
  ~counted() { --alive; }
};

struct no_answer {};

template <class T>
bool throws(tour::result_slot<T>& slot) {
  try {
    slot.take();
  } catch (const no_answer&) {
    return true;
  }
  return false;
}

// A template, so that what cannot be made is not tried.
template <class Slot>
void count() {
  if constexpr (!std::is_default_constructible_v<Slot>) {
    tour::check(false, "a type without a default constructor has no place here");
  } else {
    {
      Slot slot;
      tour::check(counted::alive == 0, "nothing was set, and %d values are there", counted::alive);
    }
    tour::check(counted::alive == 0, "nothing was set, and %d values are left", counted::alive);
    {
      Slot slot;
      slot.set_value(counted(7));
      tour::check(counted::alive == 1, "one value was set, and %d are there", counted::alive);
      tour::check(slot.take().number == 7, "another value came out");
    }
    tour::check(counted::alive == 0, "a value was set and taken, and %d are left", counted::alive);
    {
      Slot slot;
      slot.set_value(counted(7));
      slot.set_error(std::make_exception_ptr(no_answer()));
      tour::check(counted::alive == 0, "an exception has replaced a value that is still there");
      tour::check(throws(slot), "an exception has replaced a value, and take() does not throw it");
    }
    tour::check(counted::alive == 0, "%d values are left", counted::alive);
  }
}

}  // namespace

int main() {
  tour::result_slot<std::string> text;
  text.set_value("a text that is too long to stand in the string itself");
  tour::check(text.take().size() == 53, "a text came out changed");

  tour::result_slot<std::string> failed;
  failed.set_error(std::make_exception_ptr(no_answer()));
  tour::check(throws(failed), "an exception was set, and take() does not throw it");

  count<tour::result_slot<counted>>();
  std::puts("a value, an exception, or nothing; and all of them go");
}
