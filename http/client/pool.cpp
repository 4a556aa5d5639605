#include <rondo/http/client/pool.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <iterator>

namespace rondo::http::detail {
namespace {

// Buffers kept for the next connection to read into.
constexpr std::size_t spare_buffers = 64;

}  // namespace

void lease::give_back() noexcept {
  if (!pool_) return;
  const std::shared_ptr<pool> p = std::move(pool_);
  p->returned(*place_, std::move(conn));
}

void lease::replace() noexcept { pool_->replace(*this); }

void lease::drop_held() noexcept {
  if (conn && conn->sending) {  // its writer ends with an error, or is cancelled itself
    conn->stream().close_below();
    leave();
    return;
  }
  const std::shared_ptr<pool> p = std::move(pool_);
  if (conn) p->keep_buffer(conn->take_buffer());
  conn.reset();
  p->returned(*place_, nullptr);
}

void lease::finish() noexcept {
  if (conn->sending) {
    conn->sending->heard_all = true;
    leave();
  } else if (conn->reusable()) {
    give_back();
  } else {
    drop();
  }
}

void lease::leave() noexcept {
  const std::shared_ptr<upload> to = std::move(conn->sending);
  to->rest = std::move(*this);
}

pool::pool(const pool_limits& limits)
    : limits_(limits), watch_(std::make_shared<idle_watch>(this)) {
  buffers_.reserve(spare_buffers);
}

pool::~pool() {
  watch_->owner = nullptr;
  watch_->look_again.set();
}

pool::wait pool::acquire(std::string_view key, reuse what) {
  return {shared_from_this(), key, what};
}

bool pool::wait::begin(rondo::detail::job& j) noexcept {
  if (j.stops_here()) return false;
  // Whoever waits cannot use what is free now: so nobody is passed here who could.
  if (pool_->grant(*this)) return true;
  return stand_in(pool_->waiting_, j);
}

// True: the wait is over, with a lease or for want of memory.
bool pool::grant(wait& w) noexcept {
  auto at = entries_.find(w.key_);
  if (at == entries_.end()) {
    try {
      at = entries_.try_emplace(std::string(w.key_)).first;
    } catch (const std::bad_alloc&) {
      w.out_of_memory_ = true;
      return true;
    }
  }
  pool_entry& e = at->second;
  std::unique_ptr<client_connection> c = w.reuse_ == reuse::none ? nullptr : take_idle(e);
  if (!c) {
    // take_idle leaves none, so that what is idle here is in the way of a fresh one.
    bool room = e.open < limits_.per_key;
    if (!room && !e.idle.empty()) {
      e.idle.erase(e.idle.begin());
      --idle_count_;
      --open_;
      --e.open;
      room = true;
    }
    ++e.open;  // before an eviction, which may let an entry go
    if (!room || (open_ >= limits_.connections && !evict_oldest())) {
      free_place(*at);
      return false;
    }
    ++open_;
  }
  w.granted_ = lease(std::move(w.pool_), *at);
  w.granted_.conn = std::move(c);
  return true;
}

std::unique_ptr<client_connection> pool::take_idle(pool_entry& e) noexcept {
  const rondo::detail::time_point now = this_loop().now();
  while (!e.idle.empty()) {
    std::unique_ptr<client_connection> c = std::move(e.idle.back());
    e.idle.pop_back();
    --idle_count_;
    if (now < c->until) return c;
    --open_;
    --e.open;
  }
  return nullptr;
}

void pool::replace(lease& l) noexcept {
  pool_entry& e = l.place_->second;
  l.conn = take_idle(e);
  if (!l.conn) return;  // the place is kept for a fresh one
  --open_;
  --e.open;
}

void pool::free_place(place& p) noexcept {
  if (--p.second.open == 0) entries_.erase(entries_.find(p.first));
}

pool_entries::iterator pool::drop_oldest(pool_entries::iterator at) noexcept {
  const auto next = std::next(at);
  at->second.idle.erase(at->second.idle.begin());
  --idle_count_;
  --open_;
  free_place(*at);
  return next;
}

bool pool::evict_oldest() noexcept {
  auto oldest = entries_.end();
  for (auto i = entries_.begin(); i != entries_.end(); ++i) {
    if (i->second.idle.empty()) continue;
    if (oldest == entries_.end() ||
        i->second.idle.front()->since < oldest->second.idle.front()->since)
      oldest = i;
  }
  if (oldest == entries_.end()) return false;
  drop_oldest(oldest);
  return true;
}

void pool::returned(place& p, std::unique_ptr<client_connection> c) noexcept {
  wait* first = waiting_.empty() ? nullptr : &waiting_.front();
  if (c && first && first->key_ == p.first && first->reuse_ != reuse::none) {  // from hand to hand
    waiting_.pop_front();
    first->granted_ = lease(std::move(first->pool_), p);
    first->granted_.conn = std::move(c);
    first->wake();
    return;
  }
  if (!c || !keep(p.second, std::move(c))) {
    --open_;
    free_place(p);
  }
  serve_waiters();
}

// False: its time is over, or there is no memory to keep it with, or for the task that would close
// it in time. It is closed.
bool pool::keep(pool_entry& e, std::unique_ptr<client_connection> c) noexcept {
  keep_buffer(c->take_buffer());
  c->since = this_loop().now();
  c->until = std::min(rondo::detail::add(c->since, limits_.idle), c->announced_end());
  if (c->until <= c->since) return false;
  try {
    if (e.idle.size() == e.idle.capacity()) e.idle.reserve(2 * e.idle.size() + 1);
    if (!watch_->running) rondo::detail::this_core().run_service(watch_idle(watch_));
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (c->until < watch_->due) watch_->look_again.set();
  e.idle.push_back(std::move(c));
  ++idle_count_;
  return true;
}

// One place was freed: at most one waiter can be served, and usually it is the first.
void pool::serve_waiters() noexcept {
  bool served = false;
  const auto serve = [&](wait& w) {
    if (served || !grant(w)) return;
    served = true;
    w.unlink();
    w.wake();
  };
  if (waiting_.empty()) return;
  serve(waiting_.front());
  if (!served && !waiting_.empty()) waiting_.for_each(serve);
}

task<> pool::watch_idle(std::shared_ptr<idle_watch> w) {
  struct at_end {
    idle_watch& w;
    ~at_end() {
      w.running = false;
      if (w.owner) w.owner->close_idle();  // the loop ends: its sockets are of no use on another
    }
  } const guard{*w};
  w->running = true;
  while (w->owner && w->owner->idle_count_ > 0) {
    w->look_again.clear();
    w->due = w->owner->drop_expired();
    if (w->owner->idle_count_ == 0) co_return;
    co_await try_for(w->due - this_loop().now(), w->look_again.wait());
  }
}

rondo::detail::time_point pool::drop_expired() noexcept {
  const rondo::detail::time_point now = this_loop().now();
  rondo::detail::time_point next = rondo::detail::never;
  for (auto at = entries_.begin(); at != entries_.end();) {
    pool_entry& e = at->second;
    const std::size_t gone = std::erase_if(e.idle, [&](const auto& c) { return c->until <= now; });
    idle_count_ -= gone;
    open_ -= gone;
    e.open -= gone;
    for (const auto& c : e.idle) next = std::min(next, c->until);
    at = e.open == 0 ? entries_.erase(at) : std::next(at);
  }
  return next;
}

void pool::close_idle() noexcept {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const std::size_t n = at->second.idle.size();
    open_ -= n;
    idle_count_ -= n;
    at->second.open -= n;
    // By name, because a connection that is destroyed by a cancellation says no goodbye.
    for (const auto& c : at->second.idle) c->stream().close();
    at->second.idle.clear();
    at = at->second.open == 0 ? entries_.erase(at) : std::next(at);
  }
}

read_buffer pool::take_buffer() {
  if (buffers_.empty()) return make_read_buffer();
  read_buffer b = std::move(buffers_.back());
  buffers_.pop_back();
  return b;
}

void pool::keep_buffer(read_buffer b) noexcept {
  if (b && buffers_.size() < spare_buffers) buffers_.push_back(std::move(b));  // there is room
}

}  // namespace rondo::http::detail
