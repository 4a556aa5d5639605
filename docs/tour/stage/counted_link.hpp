// Links of a list that count how often they are looked at or changed.
#pragma once

namespace tour {

inline long touches = 0;

template <class T>
class counted_link {
 public:
  counted_link& operator=(T* to) {
    ++touches;
    to_ = to;
    return *this;
  }
  operator T*() const {
    ++touches;
    return to_;
  }
  T* operator->() const {
    ++touches;
    return to_;
  }

 private:
  T* to_ = nullptr;
};

}  // namespace tour
