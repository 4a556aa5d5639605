#include <rondo/http/client/pool.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <iterator>

namespace rondo::http::detail {
namespace {

// Buffers kept for the next connection to read into.
constexpr std::size_t spare_buffers = 64;
constexpr std::size_t most_origins_told = 50;
// How long requests wait for what another one agrees on with their origin.
constexpr std::chrono::seconds agreement_patience(1);

}  // namespace

void lease::give_back() noexcept {
  if (!pool_) return;
  const std::shared_ptr<pool> p = std::move(pool_);
  p->returned(*place_, std::move(conn));
}

void lease::replace() noexcept { pool_->replace(*this); }

void lease::drop_held() noexcept {
  if (stream) {
    if (stream->sending) {  // its writer ends with an error, or is cancelled itself
      stream->reset();
      leave();
      return;
    }
    const std::shared_ptr<pool> p = std::move(pool_);
    stream.reset();
    return;
  }
  if (conn && conn->sending) {  // its writer ends with an error, or is cancelled itself
    conn->stream().close_below();
    leave();
    return;
  }
  const std::shared_ptr<pool> p = std::move(pool_);
  if (std::exchange(dials_, false)) {
    p->dial_failed(*place_);
    return;
  }
  if (conn) p->keep_buffer(conn->take_buffer());
  conn.reset();
  p->returned(*place_, nullptr);
}

void lease::finish() noexcept {
  if (carrier& c = on(); c.sending) {
    c.sending->heard_all = true;
    leave();
  } else if (conn && conn->reusable()) {
    give_back();
  } else {
    drop();
  }
}

void lease::leave() noexcept {
  const std::shared_ptr<upload> to = std::move(on().sending);
  to->rest = std::move(*this);
}

pool::pool(const pool_limits& limits)
    : limits_(limits), watch_(std::make_shared<idle_watch>(this)) {
  buffers_.reserve(spare_buffers);
}

pool::~pool() {
  watch_->owner = nullptr;
  watch_->look_again.set();
  for (auto& [key, e] : entries_) {
    if (!e.shared) continue;
    e.shared->patience.cancel();
    for (const auto& c : e.shared->connections) {
      c->heard_by = nullptr;
      c->retire();
    }
  }
}

pool::wait pool::acquire(std::string_view key, reuse what, speaks how) {
  return {shared_from_this(), key, what, how};
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
      rondo::detail::this_core().show(*this);
    } catch (const std::bad_alloc&) {
      w.out_of_memory_ = true;
      return true;
    }
  }
  pool_entry& e = at->second;
  if (w.speaks_ != speaks::http_1) {
    try {
      const found f = grant_shared(w, *at);
      if (f != found::nothing) return f == found::granted;
    } catch (const std::bad_alloc&) {
      w.out_of_memory_ = true;
      if (e.open == 0) entries_.erase(at);
      return true;
    }
  }
  std::unique_ptr<client_connection> c =
      w.reuse_ == reuse::none || w.speaks_ == speaks::http_2 ? nullptr : take_idle(e);
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
    if (multiplexed* const idle = room ? nullptr : oldest_idle(e)) {
      drop_shared(*idle);
      room = true;
    }
    if (!room || (open_ >= limits_.connections && !evict_oldest())) {
      free_place(*at);
      return false;
    }
    ++open_;
  }
  w.granted_ = lease(std::move(w.pool_), *at);
  w.granted_.conn = std::move(c);
  if (w.speaks_ != speaks::http_1 && !w.granted_.conn) {
    w.granted_.dials_ = true;
    begin_dial(*at);
  }
  return true;
}

lease pool::take_for_tunnel(std::string_view key) {
  const auto at = entries_.find(key);
  if (at == entries_.end() || !at->second.shared) return {};
  for (const auto& c : at->second.shared->connections) {
    if (c->places() <= 0 || !c->takes_extended_connect()) continue;
    std::unique_ptr<client_stream> taken = c->take_place();
    end_idle(*c);
    lease l(shared_from_this(), *at);
    l.stream = std::move(taken);
    return l;
  }
  return {};
}

// A place for a stream, or the word to wait for one. Throws std::bad_alloc.
pool::found pool::grant_shared(wait& w, place& p) {
  pool_entry& e = p.second;
  if (!e.shared) {
    e.shared = std::make_unique<shared_entry>();
    if (w.speaks_ == speaks::http_2) e.shared->known = version::http_2;
  }
  shared_entry& s = *e.shared;
  for (const auto& c : s.connections) {
    if (c->number <= w.newer_than_ || c->places() <= 0) continue;
    std::unique_ptr<client_stream> taken = c->take_place();
    end_idle(*c);
    w.granted_ = lease(std::move(w.pool_), p);
    w.granted_.stream = std::move(taken);
    return found::granted;
  }
  if (s.dialing == 0 || !e.idle.empty()) return found::nothing;
  const bool wait_for_it = s.known ? *s.known == version::http_2 : !s.waited;
  return wait_for_it ? found::must_wait : found::nothing;
}

void pool::begin_dial(place& p) noexcept {
  shared_entry& s = *p.second.shared;
  if (s.dialing++ > 0 || s.known || s.waited) return;
  try {
    s.patience = this_loop().call_later(agreement_patience,
                                        [weak = weak_from_this(), key = std::string(p.first)] {
                                          const std::shared_ptr<pool> self = weak.lock();
                                          if (!self) return;
                                          const auto at = self->entries_.find(key);
                                          if (at == self->entries_.end() || !at->second.shared)
                                            return;
                                          at->second.shared->waited = true;
                                          self->serve_all();
                                        });
  } catch (const std::bad_alloc&) {
    s.waited = true;
  }
}

void pool::end_dial(shared_entry& s) noexcept {
  if (--s.dialing == 0) s.patience.cancel();
}

// Who waited for it dials: one after the other would wait for longer than is promised.
void pool::dial_failed(place& p) noexcept {
  shared_entry& s = *p.second.shared;
  end_dial(s);
  if (s.connections.empty()) s.waited = true;
  if (s.connections.empty() && s.known == version::http_2) s.known.reset();
  --open_;
  --p.second.open;
  serve_all();
  if (p.second.open == 0) entries_.erase(entries_.find(p.first));
}

void pool::agreed_on_http_1(lease& l) noexcept {
  if (!std::exchange(l.dials_, false)) return;
  shared_entry& s = *l.place_->second.shared;
  s.known = version::http_1_1;
  end_dial(s);
  serve_all();
}

void pool::agreed_on_http_2(lease& l, const std::shared_ptr<multiplexed>& c) {
  place& p = *l.place_;
  shared_entry& s = *p.second.shared;
  std::unique_ptr<client_stream> mine = c->take_place();
  s.connections.push_back(c);
  c->heard_by = this;
  c->place = &p;
  c->number = ++shared_so_far_;
  c->assumed_limit = s.limit;
  l.stream = std::move(mine);
  l.dials_ = false;
  s.known = version::http_2;
  s.waited = false;
  end_dial(s);
  serve_places(*c);
}

// For who looks inside.
void pool::tell(rondo::detail::shown_visitor& v) const {
  std::unordered_map<std::string_view, std::size_t> waiting;
  std::size_t all_waiting = 0;
  waiting_.for_each([&](const wait& w) {
    ++waiting[w.key_];
    ++all_waiting;
  });
  v.line("HTTP client");
  v.number("open", open_);
  v.most(limits_.connections);
  v.number("idle", idle_count_);
  v.number("waiting", all_waiting);
  std::size_t told = 0;
  for (const auto& [key, e] : entries_) {
    if (++told > most_origins_told) break;
    v.line("origin", key);
    v.number("open", e.open);
    v.most(limits_.per_key);
    std::size_t idle = e.idle.size();
    std::size_t streams = 0;
    if (e.shared)
      for (const auto& c : e.shared->connections) {
        idle += c->idle ? 1 : 0;
        streams += c->streams();
      }
    v.number("idle", idle);
    if (streams > 0) v.number("streams", streams);
    const auto w = waiting.find(key);
    v.number("waiting", w == waiting.end() ? 0 : w->second);
  }
}

// --- what shared connections tell ---

void pool::places_changed(multiplexed& c) noexcept {
  static_cast<place*>(c.place)->second.shared->limit = c.peer_limit();
  serve_places(c);
  if (c.streams() == 0 && !c.idle) begin_idle(c);
}

void pool::retired(multiplexed& c) noexcept {
  end_idle(c);
  serve_waiters();  // who has waited for a place on it may dial
}

void pool::closed(multiplexed& c) noexcept {
  place& p = *static_cast<place*>(c.place);
  end_idle(c);
  c.heard_by = nullptr;
  std::erase_if(p.second.shared->connections, [&](const auto& held) { return held.get() == &c; });
  --open_;
  free_place(p);
  serve_waiters();
}

// Those who wait for this origin, first come, first served.
void pool::serve_places(multiplexed& c) noexcept {
  const std::string_view key = static_cast<place*>(c.place)->first;
  waiting_.for_each([&](wait& w) {
    if (c.places() <= 0 || w.speaks_ == speaks::http_1 || w.key_ != key || !grant(w)) return;
    w.unlink();
    w.wake();
  });
}

// As keep() for a connection of its own.
void pool::begin_idle(multiplexed& c) noexcept {
  if (c.places() <= 0) return;  // it retires, and closes itself
  c.since = this_loop().now();
  c.until = rondo::detail::add(c.since, limits_.idle);
  if (c.until <= c.since || !watch_is_on()) {
    c.retire();
    return;
  }
  if (c.until < watch_->due) watch_->look_again.set();
  c.idle = true;
  ++idle_count_;
  serve_waiters();  // for another origin it may give way
}

multiplexed* pool::oldest_idle(const pool_entry& e) noexcept {
  if (!e.shared) return nullptr;
  multiplexed* oldest = nullptr;
  for (const auto& c : e.shared->connections)
    if (c->idle && (!oldest || c->since < oldest->since)) oldest = c.get();
  return oldest;
}

void pool::drop_shared(multiplexed& c) noexcept {
  place& p = *static_cast<place*>(c.place);
  end_idle(c);
  c.heard_by = nullptr;
  c.close();
  std::erase_if(p.second.shared->connections, [&](const auto& held) { return held.get() == &c; });
  --open_;
  free_place(p);
}

rondo::detail::time_point pool::drop_idle_shared(pool_entry& e,
                                                 rondo::detail::time_point now) noexcept {
  rondo::detail::time_point next = rondo::detail::never;
  if (!e.shared) return next;
  std::erase_if(e.shared->connections, [&](const std::shared_ptr<multiplexed>& c) {
    if (!c->idle) return false;
    if (c->until > now) {
      next = std::min(next, c->until);
      return false;
    }
    end_idle(*c);
    c->heard_by = nullptr;
    c->close();
    --open_;
    --e.open;
    return true;
  });
  return next;
}

// An argument of the watch: a loop that ends may cancel it before its first step.
class pool::watching {
 public:
  explicit watching(std::shared_ptr<idle_watch> w) noexcept : watch_(std::move(w)) {
    watch_->running = true;
  }
  watching(watching&&) noexcept = default;
  watching& operator=(watching&&) = delete;
  ~watching() {
    if (!watch_) return;
    watch_->running = false;
    if (watch_->owner) watch_->owner->close_idle();  // its sockets are of no use on another loop
  }

  idle_watch* operator->() const noexcept { return watch_.get(); }

 private:
  std::shared_ptr<idle_watch> watch_;
};

bool pool::watch_is_on() noexcept {
  if (watch_->running) return true;
  try {
    rondo::detail::this_core().run_service(watch_idle(watching(watch_)));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
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
  multiplexed* shared = nullptr;
  for (auto i = entries_.begin(); i != entries_.end(); ++i) {
    multiplexed* const idle = oldest_idle(i->second);
    if (idle && (!shared || idle->since < shared->since)) shared = idle;
    if (i->second.idle.empty()) continue;
    if (oldest == entries_.end() ||
        i->second.idle.front()->since < oldest->second.idle.front()->since)
      oldest = i;
  }
  if (shared && (oldest == entries_.end() || shared->since < oldest->second.idle.front()->since)) {
    drop_shared(*shared);
    return true;
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
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (!watch_is_on()) return false;
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

void pool::serve_all() noexcept {
  waiting_.for_each([&](wait& w) {
    if (!grant(w)) return;
    w.unlink();
    w.wake();
  });
}

task<> pool::watch_idle(watching w) {
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
    next = std::min(next, drop_idle_shared(e, now));
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
    drop_idle_shared(at->second, rondo::detail::never);
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
