// Queues in other orders: the greatest first, the newest first. Everything else is as in queue.hpp.
//
//   priority_queue<job_t, by_urgency> q(100);   // get() gives the greatest by by_urgency
//   lifo_queue<int> stack(100);                 // get() gives the newest
#pragma once

#include <rondo/runtime/queue.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo {
namespace detail {

// As std::less<>, without the weight of <functional>.
struct by_less {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a < b;
  }
};

// A heap; items that compare equal leave in the order they came in.
template <class T, class Less>
class priority_store {
  static_assert(
      std::is_nothrow_move_assignable_v<T>,
      "a priority_queue moves its items about: that must not throw (hold a unique_ptr instead)");

 public:
  // Throws std::bad_alloc; then nothing has changed, and the item is where it was.
  void push(T&& item) {
    if (items_.size() == items_.capacity())
      items_.reserve(items_.size() < 8 ? 8 : items_.size() * 2);
    items_.push_back({std::move(item), ++count_});
    std::push_heap(items_.begin(), items_.end(), less_);
  }
  T pop() noexcept {
    std::pop_heap(items_.begin(), items_.end(), less_);
    T greatest(std::move(items_.back().item));
    items_.pop_back();
    return greatest;
  }
  std::size_t size() const noexcept { return items_.size(); }

 private:
  struct entry {
    T item;
    std::uint64_t number;
  };
  struct entry_less {
    [[no_unique_address]] Less less;
    bool operator()(const entry& a, const entry& b) const {
      if (less(a.item, b.item)) return true;
      if (less(b.item, a.item)) return false;
      return a.number > b.number;
    }
  };
  std::vector<entry> items_;
  [[no_unique_address]] entry_less less_;
  std::uint64_t count_ = 0;
};

template <class T>
class stack_store {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() noexcept {
    T newest(std::move(items_.back()));
    items_.pop_back();
    return newest;
  }
  std::size_t size() const noexcept { return items_.size(); }

 private:
  std::vector<T> items_;
};

}  // namespace detail

// get() gives the greatest by Less, as std::priority_queue does; Less must not throw. An item that
// meets a waiting getter goes to it directly.
template <class T, class Less = detail::by_less>
class priority_queue : public detail::basic_queue<T, detail::priority_store<T, Less>> {
  using base = detail::basic_queue<T, detail::priority_store<T, Less>>;

 public:
  explicit priority_queue(detail::amount maxsize) : base(base::at_least_one(maxsize)) {}
};

template <class T>
class lifo_queue : public detail::basic_queue<T, detail::stack_store<T>> {
  using base = detail::basic_queue<T, detail::stack_store<T>>;

 public:
  explicit lifo_queue(detail::amount maxsize) : base(base::at_least_one(maxsize)) {}
};

}  // namespace rondo
