#include <rondo/http/stop_handle.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <utility>

namespace rondo::http {
namespace detail {

stop_watch::stop_watch(std::shared_ptr<stop_state> state, callback told, void* whom)
    : state_(std::move(state)),
      home_(rondo::detail::this_core().mailbox()),
      told_(told),
      whom_(whom) {}

// It may be posted again from here on, and is not destroyed before the caller is done with it.
std::shared_ptr<stop_watch> stop_watch::arrived() noexcept {
  const std::scoped_lock lock(state_->mutex_);
  return std::move(under_way_);
}

void stop_watch::run() noexcept {
  const std::shared_ptr<stop_watch> self = arrived();
  look();
}

void stop_watch::drop() noexcept { arrived(); }

void stop_watch::look() noexcept {
  const stop_state::stage stage = state_->now();
  if (stage == stop_state::stage::running) return;
  grace_is_over_ = stage == stop_state::stage::grace_is_over;
  stopping_.set();
  if (whom_ != nullptr && told_ != nullptr) told_(whom_);
}

void stop_state::advance(stage to) noexcept {
  const std::scoped_lock lock(mutex_);
  if (to <= now()) return;
  stage_.store(to, std::memory_order_release);
  for (const std::shared_ptr<stop_watch>& w : watches_) {
    if (w->under_way_) continue;  // it will see this stage
    w->under_way_ = w;
    if (!w->home_->post(*w)) w->under_way_.reset();  // its loop has ended
  }
}

std::shared_ptr<stop_watch> stop_state::watch(stop_watch::callback told, void* whom) {
  auto w = std::make_shared<stop_watch>(shared_from_this(), told, whom);
  {
    const std::scoped_lock lock(mutex_);
    watches_.push_back(w);
  }
  w->look();
  return w;
}

void stop_state::leave(const stop_watch& w) noexcept {
  std::shared_ptr<stop_watch> last;  // it may hold the last reference to this
  const std::scoped_lock lock(mutex_);
  const auto it = std::ranges::find(watches_, &w, &std::shared_ptr<stop_watch>::get);
  if (it == watches_.end()) return;
  last = std::move(*it);
  watches_.erase(it);
}

namespace {

// As long as somebody waits.
class watching {
 public:
  explicit watching(std::shared_ptr<stop_state> s)
      : state_(std::move(s)), watch_(state_->watch(nullptr, nullptr)) {}
  watching(const watching&) = delete;
  watching& operator=(const watching&) = delete;
  ~watching() { state_->leave(*watch_); }
  rondo::event& stopping() const noexcept { return watch_->stopping(); }

 private:
  std::shared_ptr<stop_state> state_;
  std::shared_ptr<stop_watch> watch_;
};

task<> wait_for_stop(std::shared_ptr<stop_state> state) {
  const watching mine(std::move(state));
  co_await mine.stopping().wait();
}

}  // namespace
}  // namespace detail

stop_handle::stop_handle() : state_(std::make_shared<detail::stop_state>()) {}

task<> stop_handle::until_stop() const { return detail::wait_for_stop(state_); }

}  // namespace rondo::http
