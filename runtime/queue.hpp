// queue<T>: a bounded line between producers and consumers.
//
//   queue<int> q(10);
//   co_await q.put(1);                                // waits while it is full
//   while (auto item = co_await q.next()) use(*item); // ends when it is closed and drained
//
// First come, first served on both sides, try_put and try_get included: a newcomer never passes a waiter.
// Hand-off is direct: an item goes from the putter into the hands of the getter that has waited longest,
// and whoever was handed an item resumes with it, even if it is cancelled in the same turn.
//
// A queue must outlive who waits on it. Not thread-safe.
#pragma once

#include <rondo/runtime/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

namespace rondo {

// The size of a queue that never makes a putter wait. Say it in so many words: memory is the limit then.
inline constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

namespace detail {

// A growing ring of items: no allocation once it has reached its size.
template <class T>
class ring {
 public:
  ring() = default;
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  ~ring() {
    while (size_ > 0) pop();
    std::allocator<T>().deallocate(slots_, capacity_);
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  // Throws std::bad_alloc and what T's move constructor throws; then nothing has changed.
  template <class U>
  void push(U&& item) {
    if (size_ == capacity_) grow();
    std::construct_at(slots_ + ((first_ + size_) & (capacity_ - 1)), std::forward<U>(item));
    ++size_;
  }
  T& front() noexcept { return slots_[first_]; }
  void pop() noexcept {
    std::destroy_at(slots_ + first_);
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
  }

 private:
  void grow() {
    const std::size_t bigger = capacity_ == 0 ? 8 : capacity_ * 2;
    T* fresh = std::allocator<T>().allocate(bigger);
    for (std::size_t i = 0; i < size_; ++i) {
      T& old = slots_[(first_ + i) & (capacity_ - 1)];
      std::construct_at(fresh + i, std::move(old));
      std::destroy_at(&old);
    }
    if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
    slots_ = fresh;
    capacity_ = bigger;
    first_ = 0;
  }

  T* slots_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace detail

template <class T>
class queue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a queue hands items from task to task: moving one must not throw (hold a unique_ptr instead)");

  class put_wait;
  class get_wait_base;
  template <bool optional>
  class get_wait;
  class join_wait;

 public:
  // Holds at most `maxsize` items (or `unbounded`). Throws std::invalid_argument for 0: a rendezvous is
  // a channel.
  explicit queue(std::size_t maxsize) : maxsize_(maxsize) {
    if (maxsize == 0) throw std::invalid_argument("queue: maxsize must be at least 1 (or rondo::unbounded)");
  }
  queue(const queue&) = delete;
  queue& operator=(const queue&) = delete;
  // Destroying a queue that somebody waits on ends the program.
  ~queue() {
    if (!putters_.empty() || !getters_.empty() || !joiners_.empty())
      detail::fatal("a queue was destroyed while a task waited on it");
  }

  // Completes when the item is in the queue or in a getter's hands. Throws queue_closed; then, and when it
  // is cancelled, the item is not in the queue.
  [[nodiscard]] put_wait put(T item) { return put_wait(*this, std::move(item)); }
  // Completes with the oldest item. Once closed and drained: throws queue_closed, or the error it was
  // closed with.
  [[nodiscard]] get_wait<false> get() noexcept { return get_wait<false>(*this); }
  // The same, giving nullopt once closed and drained; throws the error it was closed with.
  [[nodiscard]] get_wait<true> next() noexcept { return get_wait<true>(*this); }

  // Puts without waiting: false when it is full, or somebody waits to put. Throws queue_closed.
  bool try_put(const T& item)
    requires std::is_copy_constructible_v<T>
  {
    if (!may_put()) return false;
    T copy(item);
    give(std::move(copy));
    return true;
  }
  // Moves from `item` only when it returns true.
  bool try_put(T&& item) {
    if (!may_put()) return false;
    give(std::move(item));
    return true;
  }
  // Takes without waiting: nullopt when it is empty.
  std::optional<T> try_get() {
    if (items_.empty()) return std::nullopt;
    return take();
  }

  // Says that one item that was got has been dealt with. Throws std::logic_error beyond the puts.
  void task_done() {
    if (unfinished_ == 0) throw std::logic_error("queue::task_done called more often than items were put");
    if (--unfinished_ == 0)
      while (join_wait* w = joiners_.pop_front()) w->job_->wake();
  }
  // Completes when every item that was put has been dealt with.
  [[nodiscard]] join_wait join() noexcept { return join_wait(*this); }

  // No more puts: waiting putters fail with queue_closed, getters drain what is there and then end.
  void close() noexcept { close_with(nullptr); }
  // The same; past the drained items, get and next throw `error`. The first close counts.
  void close(std::exception_ptr error) noexcept { close_with(std::move(error)); }

  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }
  bool full() const noexcept { return items_.size() >= maxsize_; }
  bool closed() const noexcept { return closed_; }

 private:
  bool may_put() const {
    if (closed_) throw queue_closed();
    return items_.size() < maxsize_;  // room means that nobody waits to put
  }
  // There is room, or a getter that waits.
  void give(T&& item) {
    if (get_wait_base* getter = getters_.pop_front()) {
      getter->item_.emplace(std::move(item));
      getter->job_->wake();
    } else {
      items_.push(std::move(item));
    }
    ++unfinished_;
  }
  // There is an item. The room it leaves belongs to the putter that has waited longest.
  T take() {
    T item(std::move(items_.front()));
    items_.pop();
    if (put_wait* putter = putters_.pop_front()) {
      items_.push(std::move(putter->item_));  // cannot grow: it was as large before
      ++unfinished_;
      putter->job_->wake();
    }
    return item;
  }
  void close_with(std::exception_ptr error) noexcept {
    if (closed_) return;
    closed_ = true;
    error_ = std::move(error);
    while (put_wait* w = putters_.pop_front()) {
      w->refused_ = true;
      w->job_->wake();
    }
    while (get_wait_base* w = getters_.pop_front()) w->job_->wake();  // they waited, so it is empty
  }

  detail::ring<T> items_;
  detail::intrusive_list<put_wait> putters_;
  detail::intrusive_list<get_wait_base> getters_;
  detail::intrusive_list<join_wait> joiners_;
  std::size_t maxsize_;
  std::size_t unfinished_ = 0;
  std::exception_ptr error_;
  bool closed_ = false;
};

template <class T>
class queue<T>::put_wait final : public detail::wait_base, public detail::list_node {
 public:
  put_wait(queue& q, T&& item) noexcept : queue_(&q), item_(std::move(item)) {}

  bool begin(detail::job& j) noexcept override {
    if (queue_->closed_) {
      refused_ = true;
      return true;
    }
    if (queue_->items_.size() < queue_->maxsize_) {
      try {
        queue_->give(std::move(item_));
      } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
      }
      return true;
    }
    if (j.must_stop()) {
      j.wake_stopped();
      return false;
    }
    job_ = &j;
    queue_->putters_.push_back(*this);
    j.wait_on(*this);
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    unlink();
    j.wake_stopped();
  }
  void await_resume() const {
    if (refused_) throw queue_closed();
    if (out_of_memory_) throw std::bad_alloc();
  }

 private:
  friend class queue;
  queue* queue_;
  T item_;
  detail::job* job_ = nullptr;
  bool refused_ = false;
  bool out_of_memory_ = false;
};

template <class T>
class queue<T>::get_wait_base : public detail::wait_base, public detail::list_node {
 public:
  explicit get_wait_base(queue& q) noexcept : queue_(&q) {}

  bool begin(detail::job& j) noexcept override {
    if (!queue_->items_.empty()) {
      item_.emplace(queue_->take());
      return true;
    }
    if (queue_->closed_) return true;
    if (j.must_stop()) {
      j.wake_stopped();
      return false;
    }
    job_ = &j;
    queue_->getters_.push_back(*this);
    j.wait_on(*this);
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    unlink();
    j.wake_stopped();
  }

 protected:
  ~get_wait_base() = default;
  friend class queue;
  queue* queue_;
  detail::job* job_ = nullptr;
  std::optional<T> item_;
};

template <class T>
template <bool optional>
class queue<T>::get_wait final : public get_wait_base {
 public:
  using get_wait_base::get_wait_base;
  std::conditional_t<optional, std::optional<T>, T> await_resume() {
    if (this->item_) {
      if constexpr (optional)
        return std::move(this->item_);
      else
        return std::move(*this->item_);
    }
    if (this->queue_->error_) std::rethrow_exception(this->queue_->error_);
    if constexpr (optional)
      return std::nullopt;
    else
      throw queue_closed();
  }
};

template <class T>
class queue<T>::join_wait final : public detail::wait_base, public detail::list_node {
 public:
  explicit join_wait(queue& q) noexcept : queue_(&q) {}
  bool begin(detail::job& j) noexcept override {
    if (queue_->unfinished_ == 0) return true;
    if (j.must_stop()) {
      j.wake_stopped();
      return false;
    }
    job_ = &j;
    queue_->joiners_.push_back(*this);
    j.wait_on(*this);
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    unlink();
    j.wake_stopped();
  }
  void await_resume() const noexcept {}

 private:
  friend class queue;
  queue* queue_;
  detail::job* job_ = nullptr;
};

}  // namespace rondo
