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
#include <optional>
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
  void switch_to(std::unique_ptr<upgrade_handler> protocol, std::string first) noexcept {
    protocol_ = std::move(protocol);
    first_ = std::move(first);
  }
  bool has_switched() const noexcept { return protocol_ != nullptr; }
  // What it has switched to; once.
  task<> speak_other_protocol() {
    return protocol_->call(upgraded_stream(std::move(stream_), std::move(first_)));
  }

  void hear_of_stop() noexcept override;
  void cancel() noexcept override { record_.cancel_alone(); }
  void close_under() noexcept override;

 private:
  serving& serving_;
  rondo::detail::child_record& record_;
  transport stream_;
  connection_clock clock_;
  net::detail::descriptor socket_;
  std::unique_ptr<net::endpoint> source_;
  std::unique_ptr<upgrade_handler> protocol_;
  std::string first_;               // of it, read behind the request
  event_stream* events_ = nullptr;  // that its response is
  stop_listener* stop_listener_ = nullptr;
  rondo::detail::time_point opened_;
  std::optional<join_handle<void>> peer_watch_;
  std::uint32_t requests_ = 0;
  state state_ = state::silent;
};

}  // namespace rondo::http::detail
