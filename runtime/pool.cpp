#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/pool.hpp>

#include <algorithm>
#include <cassert>
#include <new>

namespace rondo::detail {

void pool_place::put(std::unique_ptr<pool_thing> made) noexcept {
  assert(pool_ && !item_ && "a thing is made in a place that is empty");
  item_ = std::move(made);
  item_->made = item_->since = this_core().now();
}

void pool_place::replace() noexcept {
  item_.reset();
  item_ = pool_->take_fresh();
}

void pool_place::give_back() noexcept {
  if (pool_) std::exchange(pool_, nullptr)->returned(std::move(item_));
}

void pool_place::leave() noexcept {
  if (!pool_) return;
  const std::unique_ptr<pool_thing> ended =
      std::move(item_);  // when its place is another's already
  std::exchange(pool_, nullptr)->vacated();
}

pool_core::~pool_core() {
  if (!line_.empty()) fatal("a pool was destroyed while a task waited for it");
  if (held_ > 0) fatal("a pool was destroyed while a lease of it was out");
  closed_ = true;
  stop_looking();
  drop_kept();
}

pool_place pool_core::wait::await_resume() {
  if (!granted_) throw pool_closed();
  return std::move(granted_);
}

std::size_t pool_core::waiting() const noexcept {
  std::size_t n = 0;
  line_.for_each([&](const wait&) { ++n; });
  return n;
}

void pool_core::tell(shown_visitor& v) const {
  v.line("pool");
  v.number("open", taken());
  v.most(limit());
  v.number("idle", kept());
  v.number("waiting", waiting());
}

bool pool_core::grant(wait& w) noexcept {
  if (!line_.empty()) return false;
  std::unique_ptr<pool_thing> item = take_fresh();
  if (!item) this_core().show(*this);
  if (!item && taken() >= bounds_.places) return false;
  ++held_;
  w.granted_ = pool_place(*this, std::move(item));
  return true;
}

pool_place pool_core::take_kept(nanoseconds idle) noexcept {
  std::unique_ptr<pool_thing> item = take_fresh();
  if (!item) return {};
  if (this_core().now() >= add(item->since, idle)) {
    kept_.push_back(*item);
    static_cast<void>(item.release());
    ++kept_count_;
    return {};
  }
  ++held_;
  return {*this, std::move(item)};
}

// The place it stood in is free now: the caller counts one.
std::unique_ptr<pool_thing> pool_core::take_fresh() noexcept {
  while (pool_thing* last = kept_.pop_back()) {
    std::unique_ptr<pool_thing> item(last);
    --kept_count_;
    if (this_core().now() < due(*item)) return item;
  }
  return nullptr;
}

// From a hand, whose place it was.
void pool_core::returned(std::unique_ptr<pool_thing> item) noexcept {
  // Where no loop runs, nobody would end it in time.
  if (!closed_ && this_thread.running_loop) {
    item->since = this_core().now();
    if (item->since < add(item->made, bounds_.age)) {
      if (wait* first = line_.pop_front()) {
        first->granted_ = pool_place(*this, std::move(item));
        first->wake();
        return;
      }
      if (keep(*item)) {
        static_cast<void>(item.release());
        --held_;
        return;
      }
    }
  }
  vacated();
}

void pool_core::vacated() noexcept {
  if (wait* first = line_.pop_front()) {
    first->granted_ = pool_place(*this, nullptr);
    first->wake();
  } else {
    --held_;
  }
}

// False: there are enough, its time is over, or there is no memory for the call that would end it.
bool pool_core::keep(pool_thing& item) noexcept {
  if (kept_count_ >= bounds_.idle) return false;
  const time_point end = due(item);
  if (end <= item.since || !look_at(end)) return false;
  kept_.push_back(item);
  ++kept_count_;
  return true;
}

time_point pool_core::due(const pool_thing& item) const noexcept {
  return std::min(add(item.since, bounds_.idle_for), add(item.made, bounds_.age));
}

void pool_core::look() noexcept {
  forget_call();
  const time_point now = this_core().now();
  time_point next = never;
  intrusive_list<pool_thing> over;
  kept_.for_each([&](pool_thing& item) {
    if (due(item) <= now) {
      item.unlink();
      --kept_count_;
      over.push_back(item);
    } else {
      next = std::min(next, due(item));
    }
  });
  if (!kept_.empty() && !look_at(next)) drop_kept();
  while (const pool_thing* ended = over.pop_front()) delete ended;
}

// There is a call at `when` or earlier, at the end of the loop at the latest. False: no memory.
bool pool_core::look_at(time_point when) noexcept {
  if (looks_.pending() && looks_at_ <= when) return true;
  stop_looking();
  changing_look_ = true;
  try {
    looks_ = this_loop().call_later(when - this_core().now(), look_again(*this));
    looks_at_ = when;
  } catch (const std::bad_alloc&) {
    looks_at_ = never;
  }
  changing_look_ = false;
  return looks_.pending();
}

void pool_core::stop_looking() noexcept {
  changing_look_ = true;
  looks_.cancel();
  changing_look_ = false;
  forget_call();
}

void pool_core::no_look() noexcept {
  if (changing_look_) return;
  forget_call();
  drop_kept();  // they belong to a loop that ends
}

// Its memory is the loop's: not to be held longer.
void pool_core::forget_call() noexcept {
  const timer_handle ended = std::move(looks_);
  looks_at_ = never;
}

void pool_core::drop_kept() noexcept {
  intrusive_list<pool_thing> ended;
  ended.take_all(kept_);
  kept_count_ = 0;
  while (const pool_thing* item = ended.pop_front()) delete item;
}

void pool_core::close() noexcept {
  closed_ = true;
  while (wait* w = line_.pop_front()) w->wake();
  stop_looking();
  drop_kept();
}

}  // namespace rondo::detail
