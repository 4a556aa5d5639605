// thread_channel<T>: a bounded line between tasks on any loops, on any threads.
//
//   thread_channel<job> work(100);                        // outlives the loops that use it
//   co_await work.put(j);                                 // on one loop
//   while (auto j = co_await work.next()) handle(*j);     // on another
//
// It behaves as queue does: first come, first served on both sides, try_put and try_get included;
// direct hand-off; and exact cancellation: whoever was handed an item before its cancellation
// arrived resumes with it. Each task waits on its own loop, which is woken by a post. try_put,
// try_get and close work on any thread, with or without a loop. A mutex is held for the length of a
// move.
//
// In the simulation it works between the tasks of the one loop.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/queue.hpp>
#include <rondo/runtime/wait.hpp>

#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

namespace rondo {
namespace detail {

// A task that waits on a channel. It is in a line of the channel until somebody takes it out, under
// the mutex: from then on its wait is over, and it hears of it on its own loop.
class channel_waiter : public wait_base, public list_node, public remote_node {
 public:
  // To be called by who took it out, without the mutex. It may be gone when this returns.
  void wake() noexcept {
    if (this_thread.running_loop == loop_)
      job_->wake();
    else
      loop_->mailbox()->post(*this);  // the loop is there as long as its job waits
  }
  // The same for a chain of them.
  static void wake_all(channel_waiter* first) noexcept {
    while (first) std::exchange(first, first->next_served_)->wake();
  }
  // Puts it in front of a chain.
  channel_waiter* before(channel_waiter* others) noexcept {
    next_served_ = others;
    return this;
  }
  void run() noexcept final { job_->wake(); }
  void drop() noexcept final {}

 protected:
  void wait(job& j) noexcept {
    job_ = &j;
    loop_ = this_thread.running_loop;
    j.wait_on(*this);
  }
  channel_waiter() = default;
  channel_waiter(channel_waiter&&) = default;
  channel_waiter& operator=(channel_waiter&&) = delete;
  ~channel_waiter() = default;

 private:
  job* job_ = nullptr;
  loop_core* loop_ = nullptr;
  channel_waiter* next_served_ = nullptr;
};

}  // namespace detail

template <class T>
class thread_channel {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a channel hands items from task to task: moving one must not throw (hold a "
                "unique_ptr instead)");

  class put_wait;
  class get_wait_base;
  template <bool optional>
  class get_wait;

 public:
  // Holds at most `maxsize` items (or `unbounded`). Throws std::invalid_argument for 0.
  explicit thread_channel(detail::amount maxsize) : maxsize_(maxsize) {
    if (maxsize == 0)
      throw std::invalid_argument(
          "thread_channel: maxsize must be at least 1 (or rondo::unbounded)");
  }
  thread_channel(const thread_channel&) = delete;
  thread_channel& operator=(const thread_channel&) = delete;
  // Destroying a channel that somebody waits on ends the program.
  ~thread_channel() {
    if (!putters_.empty() || !getters_.empty())
      detail::fatal("a thread_channel was destroyed while a task waited on it");
  }

  // Completes when the item is in the channel or in a getter's hands. Throws queue_closed; then,
  // and when it is cancelled, the item is not in the channel.
  put_wait put(T item) { return put_wait(*this, std::move(item)); }
  // Completes with the oldest item. Once closed and drained: throws queue_closed, or the error it
  // was closed with. Cancellation: leaves the line.
  get_wait<false> get() noexcept { return get_wait<false>(*this); }
  // The same, giving nullopt once closed and drained; throws the error it was closed with.
  get_wait<true> next() noexcept { return get_wait<true>(*this); }

  // Puts without waiting: false when it is full. Moves from `item` only when it returns true.
  // Throws queue_closed, std::bad_alloc.
  bool try_put(const T& item)
    requires std::is_copy_constructible_v<T>
  {
    return try_put(T(item));
  }
  bool try_put(T&& item) {
    detail::channel_waiter* served = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) throw queue_closed();
      if (items_.size() >= maxsize_) return false;  // room means that nobody waits to put
      served = give(std::move(item));
    }
    if (served) served->wake();
    return true;
  }
  // Takes without waiting: nullopt when it is empty.
  std::optional<T> try_get() {
    std::optional<T> item;
    detail::channel_waiter* served = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (items_.size() > 0) served = take(item);
    }
    if (served) served->wake();
    return item;
  }

  // No more puts: waiting putters fail with queue_closed, getters drain what is there and then end.
  void close() noexcept { close_with(nullptr); }
  // The same; past the drained items, get and next throw `error`. The first close counts.
  void close(std::exception_ptr error) noexcept { close_with(std::move(error)); }

  // What they say may have changed when they return.
  std::size_t size() const noexcept {
    const std::scoped_lock lock(mutex_);
    return items_.size();
  }
  bool closed() const noexcept {
    const std::scoped_lock lock(mutex_);
    return closed_;
  }

 private:
  // The following two give whose wait is over by it, to be woken without the mutex.

  // There is room, or a getter that waits.
  detail::channel_waiter* give(T&& item) {
    if (get_wait_base* getter = getters_.pop_front()) {
      getter->item_.emplace(std::move(item));
      return getter;
    }
    items_.push(std::move(item));
    return nullptr;
  }
  // There is an item. The room it leaves belongs to the putter that has waited longest.
  detail::channel_waiter* take(std::optional<T>& into) {
    into.emplace(items_.pop());
    put_wait* putter = putters_.pop_front();
    if (putter) items_.push(std::move(putter->item_));  // cannot grow: it was as large before
    return putter;
  }
  void close_with(std::exception_ptr error) noexcept {
    detail::channel_waiter* served = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      closed_ = true;
      error_ = std::move(error);
      while (put_wait* w = putters_.pop_back()) {
        w->refused_ = true;
        served = w->before(served);
      }
      while (get_wait_base* w = getters_.pop_back())
        served = w->before(served);  // they waited, so it is empty
    }
    detail::channel_waiter::wake_all(served);
  }
  // False: it is in no line any more, and will be woken.
  bool leave(detail::channel_waiter& w) noexcept {
    const std::scoped_lock lock(mutex_);
    if (!w.linked()) return false;
    w.unlink();
    return true;
  }

  mutable std::mutex mutex_;
  detail::ring<T> items_;
  detail::intrusive_list<put_wait> putters_;
  detail::intrusive_list<get_wait_base> getters_;
  std::size_t maxsize_;
  std::exception_ptr error_;
  bool closed_ = false;
};

template <class T>
class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] thread_channel<T>::put_wait final : public detail::channel_waiter {
 public:
  put_wait(thread_channel& c, T&& item) noexcept : channel_(&c), item_(std::move(item)) {}

  bool begin(detail::job& j) noexcept override {
    detail::channel_waiter* served = nullptr;
    {
      const std::scoped_lock lock(channel_->mutex_);
      if (channel_->closed_) {
        refused_ = true;
        return true;
      }
      if (channel_->items_.size() >= channel_->maxsize_) {
        if (!j.stops_here()) {
          this->wait(j);
          channel_->putters_.push_back(*this);
        }
        return false;
      }
      try {
        served = channel_->give(std::move(item_));
      } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
      }
    }
    if (served) served->wake();
    return true;
  }
  void cancel(detail::job& j) noexcept override {
    if (channel_->leave(*this)) j.wake_stopped();
  }
  void await_resume() const {
    if (refused_) throw queue_closed();
    if (out_of_memory_) throw std::bad_alloc();
  }

 private:
  friend class thread_channel;
  thread_channel* channel_;
  T item_;
  bool refused_ = false;
  bool out_of_memory_ = false;
};

template <class T>
class thread_channel<T>::get_wait_base : public detail::channel_waiter {
 public:
  explicit get_wait_base(thread_channel& c) noexcept : channel_(&c) {}

  bool begin(detail::job& j) noexcept override {
    detail::channel_waiter* served = nullptr;
    {
      const std::scoped_lock lock(channel_->mutex_);
      if (channel_->items_.size() == 0) {
        if (channel_->closed_) return true;
        if (!j.stops_here()) {
          this->wait(j);
          channel_->getters_.push_back(*this);
        }
        return false;
      }
      served = channel_->take(item_);
    }
    if (served) served->wake();
    return true;
  }
  void cancel(detail::job& j) noexcept override {
    if (channel_->leave(*this)) j.wake_stopped();
  }

 protected:
  get_wait_base(get_wait_base&&) = default;
  get_wait_base& operator=(get_wait_base&&) = delete;
  ~get_wait_base() = default;

  friend class thread_channel;
  thread_channel* channel_;
  std::optional<T> item_;
};

template <class T>
template <bool optional>
class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] thread_channel<T>::get_wait final : public get_wait_base {
 public:
  using get_wait_base::get_wait_base;
  std::conditional_t<optional, std::optional<T>, T> await_resume() {
    if (this->item_) {
      if constexpr (optional)
        return std::move(this->item_);
      else
        return std::move(*this->item_);
    }
    // It is closed, which does not change: error_ may be read without the mutex.
    if (this->channel_->error_) std::rethrow_exception(this->channel_->error_);
    if constexpr (optional)
      return std::nullopt;
    else
      throw queue_closed();
  }
};

}  // namespace rondo
