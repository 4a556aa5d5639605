#include <rondo/http/server/switched_connection.hpp>
#include <rondo/runtime/loop.hpp>

#include <utility>

namespace rondo::http::detail {

switched_connection::switched_connection(serving::place&& place, net::detail::descriptor socket,
                                         std::unique_ptr<upgrade_handler> protocol) noexcept
    : child_record(nullptr),
      open_connection(socket),
      place_(std::move(place)),
      protocol_(std::move(protocol)) {
  place_.server().enlist(*this);
}

switched_connection::~switched_connection() {
  frame_.reset();  // one that never ran: before the protocol that made it
  open_connection::unlink();
}

switched_connection* switched_connection::run(owner self) {
  const bool runs = self->place_.server().spawn_connection(*self);
  switched_connection* const there = self.release();  // the group's, or gone already
  return runs ? there : nullptr;
}

void switched_connection::begin(serving::place place, net::detail::descriptor socket,
                                std::unique_ptr<upgrade_handler> protocol, upgraded_stream stream) {
  owner self(new switched_connection(std::move(place), socket, std::move(protocol)));
  self->belongs_to(*self);
  self->frame_ = rondo::detail::frame_owner(self->protocol_->call(std::move(stream)).release());
  switched_connection* const there = run(std::move(self));
  // Whoever has cancelled the task before it could stop has meant the connection.
  if (there && rondo::detail::current_job().must_stop()) there->open_connection::cancel();
}

// A failure of a connection is not the server's. What the failed task holds goes as when a call
// throws, and so does its protocol: streams take no leave then that says that all is well.
std::exception_ptr switched_connection::take_result() noexcept {
  outcome<void> result;
  move_outcome(result);
  std::exception_ptr failure = result.error();
  const auto let_go = [&failure](auto& held) noexcept {
    try {
      const auto gone = std::move(held);
      if (failure) std::rethrow_exception(failure);
    } catch (...) {  // NOLINT(bugprone-empty-catch): it is `failure`
    }
  };
  let_go(frame_);
  try {
    // Of one that is to stop, nothing follows that would wait.
    task<> next = failure || !must_stop() ? protocol_->follow(failure) : task<>();
    if (next) {
      owner self(new switched_connection(std::move(place_), socket(), std::move(protocol_)));
      self->frame_ = rondo::detail::frame_owner(next.release());
      self->belongs_to(*self);
      run(std::move(self));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  let_go(protocol_);
  if (failure) rondo::detail::report_unhandled(failure);
  return nullptr;
}

// Of a stream that is no socket's there is nothing left to close.
void switched_connection::close_under() noexcept {
  rondo::detail::this_core().io().close(socket());
}

}  // namespace rondo::http::detail
