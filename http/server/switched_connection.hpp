// A connection that has left HTTP for another protocol. It has a task of its own, so that nothing
// that HTTP had for it is there any more: what a server must know of it stands beside the task's
// record, and the task is the protocol's own. Internal.
#pragma once

#include <rondo/http/server/serving.hpp>
#include <rondo/http/upgrade.hpp>

#include <exception>
#include <memory>

namespace rondo::http::detail {

class switched_connection final : public rondo::detail::child_record, public open_connection {
 public:
  // From here on the server counts it, and a stop waits for it, as the connection that it was. What
  // its task throws goes to on_unhandled, unless the protocol forgives it; what follows that task
  // has another record in the same place. Throws std::bad_alloc, group_closed, and what the
  // protocol throws before it has given a task.
  static void begin(serving::place place, net::detail::descriptor socket,
                    std::unique_ptr<upgrade_handler> protocol, upgraded_stream stream);

  open_connection::state now() const noexcept override { return open_connection::state::busy; }
  void hear_of_stop() noexcept override { protocol_->hear_of_stop(); }
  void close_under() noexcept override;

 private:
  switched_connection(serving::place&& place, net::detail::descriptor socket,
                      std::unique_ptr<upgrade_handler> protocol) noexcept;
  ~switched_connection() override;
  struct dropped {
    void operator()(switched_connection* c) const noexcept { c->drop(); }
  };
  using owner = std::unique_ptr<switched_connection, dropped>;
  // Null: the server's group is being cancelled, and the task was not run.
  static switched_connection* run(owner self);

  std::exception_ptr take_result() noexcept override;

  serving::place place_;
  std::unique_ptr<upgrade_handler> protocol_;
};
static_assert(sizeof(switched_connection) <= 192, "an idle WebSocket has one");

}  // namespace rondo::http::detail
