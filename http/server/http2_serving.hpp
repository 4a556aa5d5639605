// A connection of HTTP/2 at a server: a handler a stream. Internal.
//
// Its tasks are a group: one reads, one writes, one starts handlers and sees to the end, and then
// the handlers. At most 100 of them run at a time, and it is their own end that makes room for the
// next, not that of their streams: whoever resets streams cannot make us run more. 400 wait, those
// included whose streams have been reset meanwhile; one more ends the connection
// (ENHANCE_YOUR_CALM).
//
// A stop: GOAWAY that names no number yet, so that what is on its way is still taken; when a ping
// has come back, or after a second, GOAWAY with the true one; and when the last stream has ended,
// the end. A peer that has not finished its preface is treated as one at rest.
#pragma once

#include <rondo/http/http2/connection.hpp>
#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/http/server/event_stream.hpp>
#include <rondo/http/server/server_exchange.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http::detail {

class http2_exchange;

class http2_serving final : public http2_connection, private stop_listener {
 public:
  static constexpr std::size_t most_running = 100;
  static constexpr std::size_t most_waiting = 400;
  static constexpr std::chrono::seconds preface_time{10};
  static constexpr std::chrono::seconds first_settings_time{2};
  static constexpr std::chrono::seconds acknowledgement_time{10};

  explicit http2_serving(accepted_connection& c);
  ~http2_serving();

  // Until the connection is over.
  task<> run(std::string first);

  accepted_connection& connection() noexcept { return connection_; }
  rondo::detail::intrusive_list<http2_exchange>& exchanges() noexcept { return exchanges_; }
  // For the answer that is being written: its memory is used for the next.
  http2_head& answer_head() noexcept { return answer_head_; }

 private:
  // One of most_running, as long as it lives.
  class running_place {
   public:
    explicit running_place(http2_serving& s) noexcept : serving_(&s) { ++s.running_; }
    running_place(running_place&& other) noexcept
        : serving_(std::exchange(other.serving_, nullptr)) {}
    running_place& operator=(running_place&&) = delete;
    ~running_place() {
      if (serving_ == nullptr) return;
      --serving_->running_;
      serving_->session().changed.set();
    }
    http2_serving& serving() const noexcept { return *serving_; }

   private:
    http2_serving* serving_;
  };

  void hear_of_stop() noexcept override;
  void write_begins() noexcept override { writing_.emplace(connection_.clock()); }
  void write_moved(std::size_t n) noexcept override { writing_->gone(n); }
  void write_ends() noexcept override { writing_.reset(); }
  bool read_has_expired() noexcept override { return reading_ != nullptr && reading_->expired(); }

  const server_options& options() const noexcept { return connection_.options(); }
  static task<> answer(running_place place, http2_stream_ref stream);
  task<> read();
  task<> manage();
  void start_handlers();
  task<> wind_down();
  task<> linger();
  bool is_idle() noexcept;
  // When a read is given up, and what follows from it.
  rondo::detail::time_point read_due() noexcept;
  void look_at_clocks() noexcept;

  accepted_connection& connection_;
  task_group* group_ = nullptr;
  rondo::detail::intrusive_list<http2_exchange> exchanges_;
  http2_head answer_head_;
  std::size_t running_ = 0;
  const connection_clock::reading* reading_ = nullptr;
  std::optional<connection_clock::writing> writing_;
  rondo::detail::time_point begun_;
  rondo::detail::time_point preface_at_{};
  rondo::detail::time_point idle_since_;
  rondo::detail::time_point stop_at_;
  rondo::detail::time_point head_since_{};
  bool preface_seen_ = false;
  bool was_idle_ = true;
  bool head_seen_ = false;
  bool stop_due_ = false;
  bool stopping_ = false;
};

// One stream with its request and its answer.
class http2_exchange final : public server_exchange,
                             public rondo::detail::list_node,
                             private http2_stream_owner {
 public:
  // Of the task that runs, a child of the connection's group.
  http2_exchange(http2_serving& s, http2_stream_ref stream);
  ~http2_exchange();

  task<> answer();
  // The server has been asked to stop.
  void hear_of_stop() noexcept {
    if (events_) events_->stop();
    if (protocol_) protocol_->hear_of_stop();
  }

  task<std::span<const std::byte>> next_chunk() override;
  task<> send_early_hints(http::headers fields) override;

 private:
  std::optional<std::uint64_t> body_length() const noexcept override { return length_; }
  void stream_ended() noexcept override { record_.cancel_alone(); }

  // What a handler that threw this is answered with.
  server_response answer_to_thrown();
  const http2_head& head_of(const server_response& response);
  // An extended CONNECT (RFC 8441) that is answered with the protocol it asks for.
  bool may_switch(const server_request& request, const server_response& response) const noexcept;
  std::unique_ptr<upgrade_handler> begin_switch(server_request& request, server_response& response);
  task<> switch_protocols(std::unique_ptr<upgrade_handler> to);
  task<> send(std::string_view bytes);
  task<> send_body(server_response& response);
  // Waits until something of ours has moved, within write_timeout; else the stream is reset.
  task<> wait_for_room();
  [[noreturn]] void throw_lost();

  http2_serving& serving_;
  rondo::detail::child_record& record_;
  http2_stream_ref stream_;
  event_stream* events_ = nullptr;
  std::optional<std::uint64_t> length_;
  std::string lent_;  // what next_chunk() has given
  bool expects_continue_ = false;
  bool tunnel_ = false;                        // the request is an extended CONNECT
  std::unique_ptr<upgrade_handler> protocol_;  // that the stream has switched to
};

}  // namespace rondo::http::detail
