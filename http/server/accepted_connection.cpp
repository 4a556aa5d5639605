#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/http/server/switched_connection.hpp>

#include <rondo/net/stream.hpp>
#include <rondo/runtime/as_result.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace rondo::http::detail {

accepted_connection::accepted_connection(serving& s, transport stream)
    : open_connection(stream.socket().native().get()),
      serving_(s),
      stream_(std::move(stream)),
      clock_(stream_, s.options()),
      opened_(connection_clock::now()) {
  belongs_to(static_cast<rondo::detail::child_record&>(rondo::detail::current_job()));
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
    const join_handle<void> watch = serving_.spawn_watch(until_gone(
        socket(), options().half_close_ ? net::hang_up::full : net::hang_up::half, *this));
    peer_watch_ = &rondo::detail::join_access::record(watch);
    peer_watch_->keep();
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it is served all the same
  }
}

void accepted_connection::leave_peer_alone() noexcept {
  if (!peer_watch_) return;
  peer_watch_->cancel_alone();
  std::exchange(peer_watch_, nullptr)->drop();
}

void accepted_connection::leave_to_other_protocol(serving::place place) {
  const std::unique_ptr<switched> to = std::move(other_protocol_);
  switched_connection::begin(std::move(place), socket(), std::move(to->protocol),
                             upgraded_stream(std::move(stream_), std::move(to->first)));
}

void accepted_connection::close_under() noexcept {
  if (stream_.other() != nullptr) {
    stream_.abort();
    return;
  }
  rondo::detail::this_core().io().close(socket());
}

}  // namespace rondo::http::detail
