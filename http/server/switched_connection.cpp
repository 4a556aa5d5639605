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

void switched_connection::begin(serving::place place, net::detail::descriptor socket,
                                std::unique_ptr<upgrade_handler> protocol, upgraded_stream stream) {
  struct dropped {
    void operator()(switched_connection* c) const noexcept { c->drop(); }
  };
  serving& server = place.server();
  std::unique_ptr<switched_connection, dropped> self(
      new switched_connection(std::move(place), socket, std::move(protocol)));
  self->belongs_to(*self);
  self->frame_ = rondo::detail::frame_owner(self->protocol_->call(std::move(stream)).release());
  const bool runs = server.spawn_connection(*self);
  switched_connection* const there = self.release();  // the group's, or gone already
  // Whoever has cancelled the task before it could stop has meant the connection.
  if (runs && rondo::detail::current_job().must_stop()) there->open_connection::cancel();
}

// A failure of a connection is not the server's. What the failed task holds goes as when a call
// throws: streams take no leave then that says that all is well.
std::exception_ptr switched_connection::take_result() noexcept {
  outcome<void> result;
  move_outcome(result);
  if (!result.has_error()) return nullptr;
  try {
    const rondo::detail::frame_owner failed(std::move(frame_));
    std::rethrow_exception(result.error());
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
  return nullptr;
}

// Of a stream that is no socket's there is nothing left to close.
void switched_connection::close_under() noexcept {
  rondo::detail::this_core().io().close(socket());
}

}  // namespace rondo::http::detail
