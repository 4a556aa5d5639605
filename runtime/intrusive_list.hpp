// A doubly linked list whose links live in its elements: no allocation, removal in constant time.
//
//   struct waiter : list_node {};
//   intrusive_list<waiter> line;  line.push_back(w);  if (w.linked()) line.remove(w);
//
// Every waiting line of the library (queue, event, timers that are not stamped yet) is one of these.
#pragma once

#include <cstddef>

namespace rondo::detail {

struct list_node {
  list_node* prev = nullptr;
  list_node* next = nullptr;

  list_node() = default;
  // A node is copied or moved only with its owner, before it is linked: links never travel.
  list_node(const list_node&) noexcept {}
  list_node& operator=(const list_node&) noexcept { return *this; }
  ~list_node() = default;

  bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }
};

template <class T>
class intrusive_list {
 public:
  intrusive_list() noexcept { ends_.prev = ends_.next = &ends_; }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;

  bool empty() const noexcept { return ends_.next == &ends_; }
  T& front() noexcept { return static_cast<T&>(*ends_.next); }

  void push_back(T& element) noexcept {
    list_node& n = element;
    n.prev = ends_.prev;
    n.next = &ends_;
    ends_.prev->next = &n;
    ends_.prev = &n;
  }
  void remove(T& element) noexcept { static_cast<list_node&>(element).unlink(); }
  // The oldest element, unlinked; nullptr when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& first = front();
    remove(first);
    return &first;
  }
  // The same at the other end.
  T* pop_back() noexcept {
    if (empty()) return nullptr;
    T& last = static_cast<T&>(*ends_.prev);
    remove(last);
    return &last;
  }
  // Calls fn(T&) for each element, oldest first; fn may remove the element it is given.
  template <class Fn>
  void for_each(Fn fn) {
    for (list_node* n = ends_.next; n != &ends_;) {
      list_node* following = n->next;
      fn(static_cast<T&>(*n));
      n = following;
    }
  }
  template <class Fn>
  void for_each(Fn fn) const {
    for (const list_node* n = ends_.next; n != &ends_; n = n->next) fn(static_cast<const T&>(*n));
  }

 private:
  list_node ends_;
};

}  // namespace rondo::detail
