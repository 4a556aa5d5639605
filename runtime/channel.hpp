// channel: a queue with two kinds of ends, which closes by itself when one kind is gone.
//
//   auto [out, in] = make_channel<int>();              // capacity 0: sender and receiver meet
//   g.spawn(produce(out.clone()));  g.spawn(produce(std::move(out)));
//   while (auto item = co_await in.next()) use(*item); // ends when the last sender has gone
//
// Ends are movable and clonable. When the last sender goes, receivers drain what is there and then
// end. When the last receiver goes, senders fail with queue_closed. Order and hand-off are the
// queue's.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/queue.hpp>

#include <memory>
#include <utility>

namespace rondo {
namespace detail {

template <class T>
struct channel_state : basic_queue<T, ring<T>> {
  explicit channel_state(std::size_t capacity) : basic_queue<T, ring<T>>(capacity) {}
  std::size_t senders = 1;
  std::size_t receivers = 1;
};

// One end; `count` is how many there are of its kind.
template <class T, std::size_t channel_state<T>::* count>
class channel_end {
 public:
  explicit channel_end(std::shared_ptr<channel_state<T>> s) noexcept : state_(std::move(s)) {}
  channel_end(channel_end&& other) noexcept = default;
  channel_end& operator=(channel_end&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~channel_end() { close(); }

  // Lets go of this end before its time. What waits on it must have ended.
  void close() noexcept {
    if (!state_) return;
    const std::shared_ptr<channel_state<T>> s = std::move(state_);
    if (--((*s).*count) == 0) s->close();
  }

 protected:
  std::shared_ptr<channel_state<T>> another() const {
    ++(state().*count);
    return state_;
  }
  channel_state<T>& state() const {
    if (!state_) throw std::logic_error("channel: this end was closed or moved from");
    return *state_;
  }

 private:
  std::shared_ptr<channel_state<T>> state_;
};

}  // namespace detail

// The end that gives. When the last of them has gone, receivers take what is there and then end.
template <class T>
class channel_sender : public detail::channel_end<T, &detail::channel_state<T>::senders> {
 public:
  using detail::channel_end<T, &detail::channel_state<T>::senders>::channel_end;
  // One more end of the same channel.
  channel_sender clone() const { return channel_sender(this->another()); }

  // Completes when a receiver has the item, or it is in the channel. Throws queue_closed when no
  // receiver is left. Cancelled: the item has not gone.
  auto send(T item) { return this->state().put(std::move(item)); }
  // Without waiting; moves from `item` only when it returns true.
  bool try_send(T&& item) { return this->state().try_put(std::move(item)); }
};

// The end that takes. When the last of them has gone, senders fail.
template <class T>
class channel_receiver : public detail::channel_end<T, &detail::channel_state<T>::receivers> {
 public:
  using detail::channel_end<T, &detail::channel_state<T>::receivers>::channel_end;
  // One more end of the same channel.
  channel_receiver clone() const { return channel_receiver(this->another()); }

  // Completes with an item; throws queue_closed when no sender is left and the channel is drained.
  // Cancelled: nothing was taken.
  auto receive() { return this->state().get(); }
  // The same, giving nullopt then.
  auto next() { return this->state().next(); }
  std::optional<T> try_receive() { return this->state().try_get(); }

  // For the library: what select stands in line at.
  detail::channel_state<T>& line() const { return this->state(); }
};

// `capacity` items wait in between; 0: sender and receiver meet. Throws std::invalid_argument for a
// negative number, std::bad_alloc.
template <class T>
std::pair<channel_sender<T>, channel_receiver<T>> make_channel(detail::amount capacity = 0) {
  auto state = std::make_shared<detail::channel_state<T>>(capacity);
  return {channel_sender<T>(state), channel_receiver<T>(state)};
}

}  // namespace rondo
