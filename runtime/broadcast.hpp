// broadcast<T>: what is sent reaches everyone who has subscribed.
//
//   broadcast<std::string> news;
//   auto mine = news.subscribe(16, overflow::drop_oldest);
//   co_await news.send("rain");                         // elsewhere
//   while (auto item = co_await mine.next()) use(*item);  // ends after news.close()
//
// Each subscriber has a line of its own, of a length that it chooses, and says what happens when an
// item comes and the line is full:
//
//   overflow::wait          the sender waits until there is room: nothing is missed, and the
//                           slowest of these subscribers sets the pace of all
//   overflow::drop_oldest   the oldest item of the line goes; dropped() counts
//   overflow::close         the subscription ends: next() gives empty at once, lagged() is true
//
// An item is kept once, however many have subscribed, and goes when the last of them has let go of
// it: what next() gives is a reference to it, and may outlive the broadcast. A broadcast may go
// before its subscriptions, which end as after close(). Not thread-safe: one for each loop.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/errors.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

namespace rondo {

// What happens to a subscriber whose line is full when an item comes.
enum class overflow : std::uint8_t { wait, drop_oldest, close };

template <class T>
class broadcast;
template <class T>
class subscription;

namespace detail {

// One item, and the way to the next for those who have not taken it yet. A place in a line and the
// item before hold it by a link; when the last link goes, so does the way on. So who keeps an item
// that it was given keeps that one and none of those that came later.
template <class T>
struct sent_item : pooled {
  explicit sent_item(T&& v) : value(std::move(v)) {}

  T value;
  sent_item* next = nullptr;
  std::size_t references = 1;  // links among them
  std::size_t links = 0;

  static sent_item* share(sent_item* i) noexcept {
    ++i->references;
    return i;
  }
  static void release(sent_item* i) noexcept {
    if (i && --i->references == 0) delete i;
  }
  static sent_item* link(sent_item* i) noexcept {
    ++i->links;
    return share(i);
  }
  // In a loop: a line may be long.
  static void unlink(sent_item* i) noexcept {
    while (i) {
      sent_item* const following = --i->links == 0 ? std::exchange(i->next, nullptr) : nullptr;
      release(i);
      i = following;
    }
  }
};

template <class T>
class broadcast_wait;

}  // namespace detail

// An item that was broadcast, shared with the others who got it; empty: there are no more. Cheap to
// copy. Not for another thread.
template <class T>
class broadcast_item {
 public:
  broadcast_item() = default;
  broadcast_item(const broadcast_item& other) noexcept
      : item_(other.item_ ? detail::sent_item<T>::share(other.item_) : nullptr) {}
  broadcast_item(broadcast_item&& other) noexcept : item_(std::exchange(other.item_, nullptr)) {}
  broadcast_item& operator=(broadcast_item other) noexcept {
    std::swap(item_, other.item_);
    return *this;
  }
  ~broadcast_item() { detail::sent_item<T>::release(item_); }

  explicit operator bool() const noexcept { return item_ != nullptr; }
  const T& operator*() const noexcept { return item_->value; }
  const T* operator->() const noexcept { return &item_->value; }

 private:
  friend class broadcast<T>;
  friend class subscription<T>;
  friend class detail::broadcast_wait<T>;
  explicit broadcast_item(detail::sent_item<T>* adopted) noexcept : item_(adopted) {}

  detail::sent_item<T>* item_ = nullptr;
};

namespace detail {

// A subscriber's line. Its items hang together by their own links, so a line costs no memory for
// its length.
template <class T>
struct subscriber : list_node, pooled {
  subscriber(std::size_t m, overflow p) noexcept : most(m), policy(p) {}
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;
  ~subscriber() { sent_item<T>::unlink(first); }

  bool full() const noexcept { return size == most; }
  // The oldest; there is one.
  sent_item<T>* take() noexcept {
    sent_item<T>* const taken = sent_item<T>::share(first);
    drop();
    return taken;
  }
  void drop() noexcept {
    sent_item<T>* const oldest = first;
    first = --size == 0 ? nullptr : sent_item<T>::link(oldest->next);
    if (size == 0) last = nullptr;
    sent_item<T>::unlink(oldest);
  }
  void append(sent_item<T>* item) noexcept {
    if (size++ == 0)
      first = sent_item<T>::link(item);
    else if (last->next != item)  // whoever else lags has the same last item, and may have linked
      last->next = sent_item<T>::link(item);
    last = item;
  }
  void clear() noexcept {
    sent_item<T>::unlink(std::exchange(first, nullptr));
    last = nullptr;
    size = 0;
  }

  broadcast<T>* from = nullptr;  // null: there will be no more
  sent_item<T>* first = nullptr;
  sent_item<T>* last = nullptr;  // in the line, and kept by it
  std::size_t size = 0;
  std::size_t most;
  std::uint64_t dropped = 0;
  intrusive_list<broadcast_wait<T>> waiting;  // then the line is empty
  overflow policy;
  bool lagged = false;
};

template <class T>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] broadcast_wait final
    : public line_wait {
 public:
  explicit broadcast_wait(subscriber<T>& s) noexcept : subscriber_(&s) {}
  bool begin(job& j) noexcept override;
  void describe(wait_visitor& v) const override { v.waits_for("an item of a broadcast"); }
  broadcast_item<T> await_resume() noexcept { return std::move(item_); }

 private:
  friend class broadcast<T>;
  subscriber<T>* subscriber_;
  broadcast_item<T> item_;
};

}  // namespace detail

// A place among those who get what is sent. Movable; destroying one gives up what its line holds.
// Destroying one that a task waits on ends the program.
template <class T>
class subscription {
 public:
  subscription(subscription&& other) noexcept = default;
  subscription& operator=(subscription&& other) noexcept {
    if (this != &other) {
      leave();
      line_ = std::move(other.line_);
    }
    return *this;
  }
  ~subscription() { leave(); }

  // Completes with the oldest item that was not taken yet; empty when the broadcast was closed and
  // the line is drained, or when the subscription ended by overflow::close. Several tasks may wait:
  // each item goes to one of them, first come, first served. Cancellation: nothing was taken; an
  // item that was handed over in the same turn is the result. Throws nothing.
  detail::broadcast_wait<T> next() noexcept { return detail::broadcast_wait<T>(*line_); }
  // The same without waiting: empty when there is nothing now.
  broadcast_item<T> try_get() noexcept;

  // Items in the line.
  std::size_t size() const noexcept { return line_->size; }
  // Items that this subscriber missed because its line was full.
  std::uint64_t dropped() const noexcept { return line_->dropped; }
  // Whether overflow::close has ended it.
  bool lagged() const noexcept { return line_->lagged; }

 private:
  friend class broadcast<T>;
  explicit subscription(std::unique_ptr<detail::subscriber<T>> s) noexcept : line_(std::move(s)) {}
  void leave() noexcept;

  std::unique_ptr<detail::subscriber<T>> line_;  // null when it was moved from
};

template <class T>
class broadcast {
  class send_wait;

 public:
  broadcast() = default;
  broadcast(const broadcast&) = delete;
  broadcast& operator=(const broadcast&) = delete;
  // Closes it. Destroying a broadcast that somebody waits to send on ends the program.
  ~broadcast();

  // Gets everything that is sent from now on; of a closed broadcast, nothing. `line` is how many
  // items may wait, at least 1 (or `unbounded`, of <rondo/runtime/queue.hpp>). Throws
  // std::invalid_argument, std::bad_alloc.
  [[nodiscard]] subscription<T> subscribe(detail::amount line, overflow policy) {
    if (line == 0) throw std::invalid_argument("broadcast: a subscriber's line holds at least 1");
    auto s = std::make_unique<detail::subscriber<T>>(line, policy);
    if (!closed_) {
      s->from = this;
      subscribers_.push_back(*s);
      ++count_;
    }
    return subscription<T>(std::move(s));
  }

  // Completes when every subscriber has the item in its line or its hands, or has missed it by its
  // policy; at once unless one that subscribed with overflow::wait is full. Senders take their
  // turns, first come, first served. Throws queue_closed, std::bad_alloc; then, and when it is
  // cancelled, nobody gets the item.
  send_wait send(T item) { return send_wait(*this, new detail::sent_item<T>(std::move(item))); }
  // The same without waiting: false when it would wait, and then `item` has not been moved from.
  // Throws queue_closed, std::bad_alloc.
  bool try_send(T&& item) {
    if (closed_) throw queue_closed();
    if (full_ > 0) return false;
    give(broadcast_item<T>(new detail::sent_item<T>(std::move(item))));
    return true;
  }

  // Nothing more is sent: senders that wait fail with queue_closed, subscribers take what their
  // lines hold and then end.
  void close() noexcept;
  bool closed() const noexcept { return closed_; }
  // How many have subscribed.
  std::size_t subscribers() const noexcept { return count_; }

 private:
  friend class subscription<T>;
  friend class detail::broadcast_wait<T>;
  using subscriber = detail::subscriber<T>;

  void give(broadcast_item<T> item) noexcept;
  void give_to(subscriber& s, detail::sent_item<T>* item) noexcept;
  // The oldest of a line that is not empty. Room that senders wait for goes to the first of them.
  broadcast_item<T> take(subscriber& s) noexcept;
  void room_was_made() noexcept {
    if (--full_ > 0) return;
    while (full_ == 0) {
      send_wait* const w = senders_.pop_front();
      if (!w) return;
      give(std::move(w->item_));
      w->wake();
    }
  }
  void leave(subscriber& s) noexcept {
    s.unlink();
    s.from = nullptr;
    --count_;
    if (s.policy == overflow::wait && s.full()) room_was_made();
  }

  detail::intrusive_list<subscriber> subscribers_;
  detail::intrusive_list<send_wait> senders_;  // empty unless full_ > 0
  std::size_t full_ = 0;                       // subscribers with overflow::wait that have no room
  std::size_t count_ = 0;
  bool closed_ = false;
};

template <class T>
class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] broadcast<T>::send_wait final : public detail::line_wait {
 public:
  send_wait(broadcast& b, detail::sent_item<T>* item) noexcept : broadcast_(&b), item_(item) {}

  bool begin(detail::job& j) noexcept override {
    if (broadcast_->closed_) {
      refused_ = true;
      return true;
    }
    if (broadcast_->full_ == 0) {
      broadcast_->give(std::move(item_));
      return true;
    }
    if (j.stops_here()) return false;
    return stand_in(broadcast_->senders_, j);
  }
  void describe(detail::wait_visitor& v) const override {
    v.waits_for("room at the subscribers of a broadcast");
  }
  void await_resume() const {
    if (refused_) throw queue_closed();
  }

 private:
  friend class broadcast;
  broadcast* broadcast_;
  broadcast_item<T> item_;
  bool refused_ = false;
};

template <class T>
broadcast<T>::~broadcast() {
  if (!senders_.empty()) detail::fatal("a broadcast was destroyed while a task waited to send");
  close();
}

template <class T>
void broadcast<T>::give(broadcast_item<T> item) noexcept {
  subscribers_.for_each([&](subscriber& s) { give_to(s, item.item_); });
}

template <class T>
void broadcast<T>::give_to(subscriber& s, detail::sent_item<T>* item) noexcept {
  if (detail::broadcast_wait<T>* const w = s.waiting.pop_front()) {
    w->item_ = broadcast_item<T>(detail::sent_item<T>::share(item));
    w->wake();
    return;
  }
  if (s.full()) {
    if (s.policy == overflow::close) {
      s.dropped += s.size + 1;
      s.lagged = true;
      leave(s);
      s.clear();
      return;
    }
    ++s.dropped;
    s.drop();
    s.append(item);
    return;
  }
  s.append(item);
  if (s.policy == overflow::wait && s.full()) ++full_;
}

template <class T>
broadcast_item<T> broadcast<T>::take(subscriber& s) noexcept {
  const bool made_room = s.policy == overflow::wait && s.full();
  broadcast_item<T> taken(s.take());
  if (made_room) room_was_made();
  return taken;
}

template <class T>
void broadcast<T>::close() noexcept {
  if (closed_) return;
  closed_ = true;
  while (send_wait* const w = senders_.pop_front()) {
    w->refused_ = true;
    w->wake();
  }
  while (subscriber* const s = subscribers_.pop_front()) {
    s->from = nullptr;
    while (detail::broadcast_wait<T>* const w = s->waiting.pop_front()) w->wake();
  }
  count_ = full_ = 0;
}

template <class T>
broadcast_item<T> subscription<T>::try_get() noexcept {
  if (line_->size == 0) return {};
  return line_->from ? line_->from->take(*line_) : broadcast_item<T>(line_->take());
}

template <class T>
void subscription<T>::leave() noexcept {
  if (!line_) return;
  if (!line_->waiting.empty())
    detail::fatal("a subscription was destroyed while a task waited for its next item");
  if (line_->from) line_->from->leave(*line_);
}

template <class T>
bool detail::broadcast_wait<T>::begin(job& j) noexcept {
  if (subscriber_->size > 0) {
    item_ = subscriber_->from ? subscriber_->from->take(*subscriber_)
                              : broadcast_item<T>(subscriber_->take());
    return true;
  }
  if (!subscriber_->from) return true;
  if (j.stops_here()) return false;
  return stand_in(subscriber_->waiting, j);
}

}  // namespace rondo
