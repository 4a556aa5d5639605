#include <rondo/http/pool.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// Buffers kept for the next connection to read into.
constexpr std::size_t spare_buffers = 64;

}  // namespace

lease& lease::operator=(lease&& other) noexcept {
  if (this != &other) {
    drop();
    conn = std::move(other.conn);
    pool_ = std::move(other.pool_);
    key_ = std::move(other.key_);
  }
  return *this;
}

void lease::give_back() noexcept {
  if (!pool_) return;
  const std::shared_ptr<pool> p = std::move(pool_);
  p->returned(key_, std::move(conn));
}

void lease::drop() noexcept {
  if (!pool_) return;
  const std::shared_ptr<pool> p = std::move(pool_);
  if (conn) p->keep_buffer(conn->take_buffer());
  conn.reset();
  p->returned(key_, nullptr);
}

pool::~pool() {
  watch_->owner = nullptr;
  watch_->owner_gone.set();
}

pool::wait pool::acquire(std::string key, bool fresh) {
  return {shared_from_this(), std::move(key), fresh};
}

bool pool::wait::begin(rondo::detail::job& j) noexcept {
  if (j.must_stop()) {
    j.wake_stopped();
    return false;
  }
  // Nobody waits as long as there is a place or an idle connection; so nobody is passed here.
  if (pool_->waiting_.empty() && pool_->grant(*this)) return true;
  job_ = &j;
  pool_->waiting_.push_back(*this);
  j.wait_on(*this);
  return false;
}

bool pool::grant(wait& w) {
  std::unique_ptr<connection> c = w.fresh_ ? nullptr : take_idle(w.key_);
  if (!c) {
    if (open_ >= limits_.connections && !evict_oldest()) return false;
    ++open_;
  }
  w.granted_ = lease(w.pool_, w.key_);
  w.granted_.conn = std::move(c);
  return true;
}

std::unique_ptr<connection> pool::take_idle(const std::string& key) {
  const auto entry = idle_.find(key);
  if (entry == idle_.end()) return nullptr;
  auto& list = entry->second.connections;
  std::unique_ptr<connection> found;
  while (!found && !list.empty()) {
    std::unique_ptr<connection> c = std::move(list.back());
    list.pop_back();
    --idle_count_;
    // A server may close an idle connection at any time; what it sent unasked is not an answer to us.
    if (this_loop().now() - c->since < limits_.idle && !c->stale())
      found = std::move(c);
    else
      --open_;
  }
  if (list.empty()) idle_.erase(entry);
  return found;
}

bool pool::evict_oldest() noexcept {
  auto oldest = idle_.end();
  for (auto i = idle_.begin(); i != idle_.end(); ++i)
    if (oldest == idle_.end() ||
        i->second.connections.front()->since < oldest->second.connections.front()->since)
      oldest = i;
  if (oldest == idle_.end()) return false;
  auto& list = oldest->second.connections;
  list.erase(list.begin());
  --idle_count_;
  --open_;
  if (list.empty()) idle_.erase(oldest);
  return true;
}

void pool::returned(const std::string& key, std::unique_ptr<connection> c) noexcept {
  if (wait* next = waiting_.pop_front()) {
    next->granted_ = lease(next->pool_, next->key_);
    if (c && next->key_ == key && !next->fresh_) next->granted_.conn = std::move(c);
    next->job_->wake();
    return;  // a connection to somewhere else is closed here: its place is what the waiter needs
  }
  if (!c) {
    --open_;
    return;
  }
  keep_buffer(c->take_buffer());
  c->since = this_loop().now();
  idle_[key].connections.push_back(std::move(c));
  ++idle_count_;
  if (!watch_->running) this_loop().run_service(watch_idle(watch_));
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
  while (w->owner && w->owner->idle_count_ > 0)
    co_await try_for(w->owner->drop_expired(), w->owner_gone.wait());
}

rondo::detail::nanoseconds pool::drop_expired() {
  const rondo::detail::time_point now = this_loop().now();
  rondo::detail::time_point oldest = rondo::detail::never;
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    auto& list = entry->second.connections;
    const auto fresh =
        std::ranges::find_if(list, [&](const auto& c) { return now - c->since < limits_.idle; });
    const auto expired = static_cast<std::size_t>(fresh - list.begin());
    list.erase(list.begin(), fresh);
    idle_count_ -= expired;
    open_ -= expired;
    if (!list.empty()) oldest = std::min(oldest, list.front()->since);
    entry = list.empty() ? idle_.erase(entry) : std::next(entry);
  }
  return rondo::detail::add(oldest, limits_.idle) - now;
}

void pool::close_idle() noexcept {
  open_ -= idle_count_;
  idle_count_ = 0;
  idle_.clear();
}

read_buffer pool::take_buffer() {
  if (buffers_.empty()) return std::make_unique_for_overwrite<std::byte[]>(read_buffer_bytes);
  read_buffer b = std::move(buffers_.back());
  buffers_.pop_back();
  return b;
}

void pool::keep_buffer(read_buffer b) noexcept {
  if (b && buffers_.size() < spare_buffers) buffers_.push_back(std::move(b));
}

}  // namespace rondo::http::detail
