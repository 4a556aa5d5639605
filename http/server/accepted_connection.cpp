#include <rondo/http/server/accepted_connection.hpp>

#include <algorithm>

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

accepted_connection::~accepted_connection() { unlink(); }

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
}

void accepted_connection::close_under() noexcept {
  if (stream_.other() != nullptr) {
    stream_.abort();
    return;
  }
  rondo::detail::this_core().io().close(socket_);
}

}  // namespace rondo::http::detail
