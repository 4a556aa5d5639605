// First in, first out, through a link that stands in the elements: no allocation. For what is taken
// from the front alone; an intrusive_list is for what may leave from anywhere.
#pragma once

namespace rondo::detail {

template <class T, T* T::* Next>
class fifo {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  // The oldest; nullptr when there is none.
  T* front() const noexcept { return head_; }
  // The youngest; nullptr when there is none.
  T* back() const noexcept { return head_ ? tail_ : nullptr; }
  // Calls fn(T&) for each that came after `last`, which is here; for all when it is nullptr.
  template <class Fn>
  void for_each_after(const T* last, Fn fn) const {
    for (T* e = last ? last->*Next : head_; e; e = e->*Next) fn(*e);
  }
  void push(T& element) noexcept {
    element.*Next = nullptr;
    (head_ ? tail_->*Next : head_) = &element;
    tail_ = &element;
  }
  // The oldest, taken out; nullptr when there is none.
  T* pop() noexcept {
    T* first = head_;
    if (first) head_ = first->*Next;
    return first;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace rondo::detail
