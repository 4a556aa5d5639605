// A doubly linked list whose links live in its elements: no allocation, removal in constant time.
//
//   struct waiter : list_node {};
//   intrusive_list<waiter> line;  line.push_back(w);  if (w.linked()) line.remove(w);
//
// Every waiting line of the library (queue, event, timers that are not stamped yet) is one of
// these.
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
  const T& front() const noexcept { return static_cast<const T&>(*ends_.next); }

  void push_back(T& element) noexcept {
    list_node& n = element;
    n.prev = ends_.prev;
    n.next = &ends_;
    ends_.prev->next = &n;
    ends_.prev = &n;
  }
  void push_front(T& element) noexcept { insert_behind(ends_, element); }
  // Behind `before`, which is here.
  void insert_after(T& before, T& element) noexcept { insert_behind(before, element); }
  // The one behind `element`, which is here; nullptr for the last.
  T* after(T& element) const noexcept {
    list_node* const n = static_cast<list_node&>(element).next;
    return n == &ends_ ? nullptr : static_cast<T*>(n);
  }
  // Behind the last one that it does not come before, as before(a, b) says: equal ones keep the
  // order in which they came. Looks at those that come after it, from the back.
  template <class Before>
  void insert_sorted(T& element, Before before) noexcept {
    list_node* after = ends_.prev;
    while (after != &ends_ && before(element, static_cast<const T&>(*after))) after = after->prev;
    list_node& n = element;
    n.prev = after;
    n.next = after->next;
    after->next->prev = &n;
    after->next = &n;
  }
  // Everything in `other` comes after what is here.
  void take_all(intrusive_list& other) noexcept {
    if (other.empty()) return;
    list_node* first = other.ends_.next;
    list_node* last = other.ends_.prev;
    first->prev = ends_.prev;
    last->next = &ends_;
    ends_.prev->next = first;
    ends_.prev = last;
    other.ends_.prev = other.ends_.next = &other.ends_;
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
  // Whether it is here and nothing else.
  bool only(const T& element) const noexcept {
    return ends_.next == &element && ends_.prev == &element;
  }
  // Calls fn(const T&) for the first `n` elements at most, oldest first. True when those are all.
  template <class Fn>
  bool for_first(int n, Fn fn) const {
    const list_node* e = ends_.next;
    for (; e != &ends_ && n > 0; e = e->next, --n) fn(static_cast<const T&>(*e));
    return e == &ends_;
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
  static void insert_behind(list_node& before, list_node& n) noexcept {
    n.prev = &before;
    n.next = before.next;
    before.next->prev = &n;
    before.next = &n;
  }
  list_node ends_;
};

}  // namespace rondo::detail
