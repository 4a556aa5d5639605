// queue<T>: a bounded line between producers and consumers.
//
//   queue<int> q(10);
//   co_await q.put(1);                                // waits while it is full
//   while (auto item = co_await q.next()) use(*item); // ends when it is closed and drained
//
// First come, first served on both sides, try_put and try_get included: a newcomer never passes a
// waiter. Hand-off is direct: an item goes from the putter into the hands of the getter that has
// waited longest, and whoever was handed an item resumes with it, even if it is cancelled in the
// same turn.
//
// A queue must outlive who waits on it. Not thread-safe.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

namespace rondo {

// The size of a queue that never makes a putter wait. Say it in so many words: memory is the limit
// then.
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
    while (size_ > 0) (void)pop();
    std::allocator<T>().deallocate(slots_, capacity_);
  }

  std::size_t size() const noexcept { return size_; }
  // Throws std::bad_alloc and what T's move constructor throws; then nothing has changed.
  template <class U>
  void push(U&& item) {
    if (size_ == capacity_) grow();
    std::construct_at(slots_ + ((first_ + size_) & (capacity_ - 1)), std::forward<U>(item));
    ++size_;
  }
  // The oldest; there must be one.
  T pop() noexcept {
    T oldest(std::move(slots_[first_]));
    std::destroy_at(slots_ + first_);
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
    return oldest;
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

// Told of the getters that belong to one wait on several queues (patterns/select.hpp). Each has
// left its line.
class getter_choice {
 public:
  // It has an item or an error.
  virtual void served(list_node& getter) noexcept = 0;
  // Its queue is closed and drained.
  virtual void ended(list_node& getter) noexcept = 0;

 protected:
  ~getter_choice() = default;
};

// Who stands in line for an item.
template <class T>
struct queue_getter : list_node {
  job* waiter = nullptr;
  getter_choice* among = nullptr;  // instead of a waiter: one of several, of which one is served
  std::optional<T> item;
  std::exception_ptr error;  // that the queue was closed with

  void served() noexcept {
    if (among) [[unlikely]]
      among->served(*this);
    else
      waiter->wake();
  }
  void ended() noexcept {
    if (among && !error)
      among->ended(*this);
    else
      served();
  }
};

// What the queues have in common; Store says in which order items leave: push(T&&), T pop(),
// size().
template <class T, class Store>
class basic_queue {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a queue hands items from task to task: moving one must not throw (hold a "
                "unique_ptr instead)");

  class put_wait;
  template <bool optional>
  class get_wait;
  class join_wait;

 public:
  using value_type = T;

  basic_queue(const basic_queue&) = delete;
  basic_queue& operator=(const basic_queue&) = delete;
  // Destroying a queue that somebody waits on ends the program.
  ~basic_queue() {
    if (!putters_.empty() || !getters_.empty() || !joiners_.empty())
      fatal("a queue was destroyed while a task waited on it");
  }

  // Completes when the item is in the queue or in a getter's hands. Throws queue_closed; then, and
  // when it is cancelled, the item is not in the queue.
  put_wait put(T item) { return put_wait(*this, std::move(item)); }
  // Completes with the oldest item. Once closed and drained: throws queue_closed, or the error it
  // was closed with.
  get_wait<false> get() noexcept { return get_wait<false>(*this); }
  // The same, giving nullopt once closed and drained; throws the error it was closed with.
  get_wait<true> next() noexcept { return get_wait<true>(*this); }

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
    if (items_.size() == 0 && putters_.empty()) return std::nullopt;
    return take();
  }

  // Says that one item that was got has been dealt with. Throws std::logic_error beyond the puts.
  void task_done() {
    if (unfinished_ == 0)
      throw std::logic_error("queue::task_done called more often than items were put");
    if (--unfinished_ == 0)
      while (join_wait* w = joiners_.pop_front()) w->wake();
  }
  // Completes when every item that was put has been dealt with.
  join_wait join() noexcept { return join_wait(*this); }

  // No more puts: waiting putters fail with queue_closed, getters drain what is there and then end.
  void close() noexcept { close_with(nullptr); }
  // The same; past the drained items, get and next throw `error`. The first close counts.
  void close(std::exception_ptr error) noexcept { close_with(std::move(error)); }

  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.size() == 0; }
  bool full() const noexcept { return items_.size() >= maxsize_; }
  bool closed() const noexcept { return closed_; }

  // --- for the library: get, next and select ---

  // True: the getter has an item, or the queue is closed and drained. False: it must stand in line.
  bool serve(queue_getter<T>& getter) noexcept {
    if (items_.size() > 0 || !putters_.empty()) {
      getter.item.emplace(take());
      return true;
    }
    if (closed_) getter.error = error_;
    return closed_;
  }
  void line_up(queue_getter<T>& getter) noexcept { getters_.push_back(getter); }

 protected:
  explicit basic_queue(std::size_t maxsize) noexcept : maxsize_(maxsize) {}
  static std::size_t at_least_one(std::size_t maxsize) {
    if (maxsize == 0)
      throw std::invalid_argument("queue: maxsize must be at least 1 (or rondo::unbounded)");
    return maxsize;
  }

 private:
  bool may_put() const {
    if (closed_) throw queue_closed();
    return has_room();
  }
  // Room means that nobody waits to put. Of size 0, there is room in a waiting getter's hands
  // alone.
  bool has_room() const noexcept { return items_.size() < maxsize_ || !getters_.empty(); }
  // There is room, or a getter that waits.
  void give(T&& item) {
    if (queue_getter<T>* getter = getters_.pop_front()) {
      getter->item.emplace(std::move(item));
      getter->served();
    } else {
      items_.push(std::move(item));
    }
    ++unfinished_;
  }
  // There is an item, here or in the hands of a putter.
  T take() {
    put_wait* const putter = putters_.pop_front();
    if (putter) {
      ++unfinished_;
      putter->wake();
    }
    if (items_.size() == 0) return std::move(putter->item_);
    T item(items_.pop());
    // The room it leaves belongs to the putter that has waited longest. It cannot grow: it was as
    // large before.
    if (putter) items_.push(std::move(putter->item_));
    return item;
  }
  void close_with(std::exception_ptr error) noexcept {
    if (closed_) return;
    closed_ = true;
    error_ = std::move(error);
    while (put_wait* w = putters_.pop_front()) {
      w->refused_ = true;
      w->wake();
    }
    while (queue_getter<T>* getter = getters_.pop_front()) {  // they waited, so it is empty
      getter->error = error_;  // the queue may be gone when they resume
      getter->ended();
    }
  }

  Store items_;
  intrusive_list<put_wait> putters_;
  intrusive_list<queue_getter<T>> getters_;
  intrusive_list<join_wait> joiners_;
  std::size_t maxsize_;
  std::size_t unfinished_ = 0;
  std::exception_ptr error_;
  bool closed_ = false;
};

template <class T, class Store>
class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] basic_queue<T, Store>::put_wait final : public line_wait {
 public:
  put_wait(basic_queue& q, T&& item) noexcept : queue_(&q), item_(std::move(item)) {}

  bool begin(job& j) noexcept override {
    if (queue_->closed_) {
      refused_ = true;
      return true;
    }
    if (queue_->has_room()) {
      try {
        queue_->give(std::move(item_));
      } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
      }
      return true;
    }
    if (j.stops_here()) return false;
    return stand_in(queue_->putters_, j);
  }
  void describe(wait_visitor& v) const override {
    v.waits_for("room in a queue");
    v.size(queue_->size(), queue_->maxsize_);
  }
  wait_end end() const noexcept override { return {queue_, true}; }
  void await_resume() const {
    if (refused_) throw queue_closed();
    if (out_of_memory_) throw std::bad_alloc();
  }

 private:
  friend class basic_queue;
  basic_queue* queue_;
  T item_;
  bool refused_ = false;
  bool out_of_memory_ = false;
};

template <class T, class Store>
template <bool optional>
class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] basic_queue<T, Store>::get_wait final : public wait_base {
 public:
  explicit get_wait(basic_queue& q) noexcept : queue_(&q) {}

  bool begin(job& j) noexcept override {
    if (queue_->serve(mine_)) return true;
    if (j.stops_here()) return false;
    mine_.waiter = &j;
    queue_->line_up(mine_);
    j.wait_on(*this);
    return false;
  }
  void cancel(job& j) noexcept override {
    mine_.unlink();
    j.wake_stopped();
  }
  void describe(wait_visitor& v) const override {
    v.waits_for("an item of a queue");
    v.size(queue_->size(), queue_->maxsize_);
  }
  wait_end end() const noexcept override { return {queue_, false}; }
  std::conditional_t<optional, std::optional<T>, T> await_resume() {
    if (mine_.item) {
      if constexpr (optional)
        return std::move(mine_.item);
      else
        return std::move(*mine_.item);
    }
    if (mine_.error) std::rethrow_exception(mine_.error);
    if constexpr (optional)
      return std::nullopt;
    else
      throw queue_closed();
  }

 private:
  basic_queue* queue_;
  queue_getter<T> mine_;
};

template <class T, class Store>
class [[nodiscard("without co_await nothing happens")]] basic_queue<T, Store>::join_wait final
    : public line_wait {
 public:
  explicit join_wait(basic_queue& q) noexcept : queue_(&q) {}
  bool begin(job& j) noexcept override {
    if (queue_->unfinished_ == 0) return true;
    if (j.stops_here()) return false;
    return stand_in(queue_->joiners_, j);
  }
  void describe(wait_visitor& v) const override { v.waits_for("a queue to be done"); }
  void await_resume() const noexcept {}

 private:
  friend class basic_queue;
  basic_queue* queue_;
};

}  // namespace detail

// First in, first out.
template <class T>
class queue : public detail::basic_queue<T, detail::ring<T>> {
 public:
  // Holds at most `maxsize` items (or `unbounded`). Throws std::invalid_argument for a negative
  // number, and for 0: a rendezvous is a channel of capacity 0.
  explicit queue(detail::amount maxsize)
      : detail::basic_queue<T, detail::ring<T>>(
            detail::basic_queue<T, detail::ring<T>>::at_least_one(maxsize)) {}
};

}  // namespace rondo
