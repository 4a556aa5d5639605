#include <rondo/http/server/accepted_connection.hpp>

#include <rondo/net/stream.hpp>
#include <rondo/runtime/as_result.hpp>

#include <algorithm>
#include <new>

namespace rondo::http::detail {

accepted_connection::accepted_connection(serving& s, transport stream)
    : serving_(s),
      record_(static_cast<rondo::detail::child_record&>(rondo::detail::current_job())),
      stream_(std::move(stream)),
      clock_(stream_, s.options()),
      socket_(stream_.socket().native().get()),
      opened_(connection_clock::now()) {
  serving_.enlist(*this);
}

accepted_connection::~accepted_connection() {
  leave_peer_alone();
  unlink();
}

rondo::detail::time_point accepted_connection::rest_ends() const noexcept {
  using rondo::detail::add;
  const rondo::detail::time_point now = connection_clock::now();
  if (!serving_.stopping()) return add(now, options().idle_timeout_);
  const bool has_spoken = state_ != state::silent && state_ != state::shaking_hands;
  return std::max(now, add(has_spoken ? now : opened_, serving::last_request_time));
}

bool accepted_connection::take_request() noexcept {
  ++requests_;
  return !serving_.stopping() && requests_ < options().max_requests_ &&
         connection_clock::now() - opened_ < options().max_age_;
}

void accepted_connection::hear_of_stop() noexcept {
  if (state_ != state::busy) clock_.hasten(rest_ends());
  if (events_) events_->stop();
  if (stop_listener_) stop_listener_->hear_of_stop();
}

namespace {

// A task of its own, because it waits beside the connection's. Asked to stop, it was woken before,
// and the connection may be gone itself.
task<> until_gone(net::detail::descriptor socket, net::hang_up least,
                  accepted_connection& connection) {
  const outcome<net::hang_up> gone = co_await as_result(net::detail::gone_wait(socket, least));
  if (gone.has_value() && !rondo::detail::current_job().must_stop()) connection.cancel();
}

}  // namespace

void accepted_connection::watch_peer() noexcept {
  if (peer_watch_ || stream_.other() != nullptr) return;
  try {
    peer_watch_ = serving_.spawn_watch(until_gone(
        socket_, options().half_close_ ? net::hang_up::full : net::hang_up::half, *this));
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it is served all the same
  }
}

void accepted_connection::leave_peer_alone() noexcept {
  if (!peer_watch_) return;
  peer_watch_->cancel();
  peer_watch_.reset();
}

void accepted_connection::close_under() noexcept {
  if (stream_.other() != nullptr) {
    stream_.abort();
    return;
  }
  rondo::detail::this_core().io().close(socket_);
}

}  // namespace rondo::http::detail
