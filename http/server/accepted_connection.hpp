// A connection that a server has accepted, and what it holds while it is at rest: a stream, a clock
// and a few numbers. All that a request needs comes with its first byte (server_connection.hpp) and
// goes when nothing is buffered any more. Internal.
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/http/server/connection_clock.hpp>
#include <rondo/http/server/event_stream.hpp>
#include <rondo/http/server/serving.hpp>
#include <rondo/http/upgrade.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace rondo::http::detail {

// Who has to hear of a stop in place of the connection.
class stop_listener {
 public:
  virtual void hear_of_stop() noexcept = 0;

 protected:
  ~stop_listener() = default;
};

class accepted_connection final : public open_connection {
 public:
  // Of the task that runs, which is a child of the serving's group.
  accepted_connection(serving& s, transport stream);
  ~accepted_connection();

  serving& server() const noexcept { return serving_; }
  const server_options& options() const noexcept { return serving_.options(); }
  transport& stream() noexcept { return stream_; }
  connection_clock& clock() noexcept { return clock_; }

  state now() const noexcept override { return state_; }
  void becomes(state s) noexcept { state_ = s; }
  // When a connection at rest is given up.
  rondo::detail::time_point rest_ends() const noexcept;
  // Counts a request. True: another may follow it.
  bool take_request() noexcept;

  // From here until it is left alone, the peer's going unwinds the task: once for a request, when
  // its handler has come to rest. Without memory for that, nobody watches.
  void watch_peer() noexcept;
  void leave_peer_alone() noexcept;
  // Whom the proxy in front speaks for, by the PROXY protocol; null when none says.
  std::unique_ptr<net::endpoint>& source() noexcept { return source_; }
  // As long as it lives, a stop of the server is a stop of this stream of events.
  class streaming_events {
   public:
    streaming_events(accepted_connection& c, event_stream& e) noexcept : connection_(c) {
      c.events_ = &e;
      if (c.serving_.stopping()) e.stop();
    }
    streaming_events(const streaming_events&) = delete;
    streaming_events& operator=(const streaming_events&) = delete;
    ~streaming_events() { connection_.events_ = nullptr; }

   private:
    accepted_connection& connection_;
  };

  // Null: nobody.
  void listen_for_stop(stop_listener* l) noexcept { stop_listener_ = l; }

  // HTTP ends here, and another protocol goes on, when nothing of the request is there any more.
  // `first` was read behind the request. Throws std::bad_alloc.
  void switch_to(std::unique_ptr<upgrade_handler> protocol, std::string first) {
    other_protocol_ = std::make_unique<switched>(std::move(protocol), std::move(first));
  }
  bool has_switched() const noexcept { return other_protocol_ != nullptr; }
  // What it has switched to, in a task of its own: this one ends. Once. Throws std::bad_alloc.
  void leave_to_other_protocol(serving::place place);

  void hear_of_stop() noexcept override;
  void close_under() noexcept override;

 private:
  struct switched {
    std::unique_ptr<upgrade_handler> protocol;
    std::string first;
  };

  serving& serving_;
  transport stream_;
  connection_clock clock_;
  std::unique_ptr<net::endpoint> source_;
  std::unique_ptr<switched> other_protocol_;
  event_stream* events_ = nullptr;  // that its response is
  stop_listener* stop_listener_ = nullptr;
  rondo::detail::time_point opened_;
  rondo::detail::child_record* peer_watch_ = nullptr;
  std::uint32_t requests_ = 0;
  state state_ = state::silent;
};

}  // namespace rondo::http::detail
