// The client's side of server-sent events: a sequence that outlives its connections (WHATWG HTML,
// section 9.2).
//
//   http::client c;
//   auto prices = c.events("https://example.org/prices");
//   while (auto e = co_await prices.next()) use(e->type, e->data);   // ends by the server's 204
//
// When the connection is lost, or the server ends it, the source waits and asks again, with the id
// of the last event that next() has given as Last-Event-ID: a server that goes on from there loses
// none and sends none twice. It waits as long as the server has said (retry), and a random time
// besides, which grows from failure to failure.
//
//   204                                     next() gives nullopt: there are no more
//   200 and text/event-stream               events
//   connect_error, timeout_error, a lost    asked again, once a stream has come; until then it is
//   connection, 429, 500, 502, 503, 504     thrown
//   any other answer, tls_error, …          thrown
//
// Whatever is thrown, a further next() asks again.
#pragma once

#include <rondo/http/client.hpp>
#include <rondo/http/event.hpp>
#include <rondo/patterns/backoff.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http {

namespace detail {

class event_reading;

// Makes the request of each connection.
struct any_request_maker {
  any_request_maker() = default;
  any_request_maker(const any_request_maker&) = delete;
  any_request_maker& operator=(const any_request_maker&) = delete;
  virtual ~any_request_maker() = default;
  virtual request make() = 0;
};

template <class Make>
struct typed_request_maker final : any_request_maker {
  explicit typed_request_maker(Make m) : maker(std::move(m)) {}
  request make() override { return maker(); }
  Make maker;
};

}  // namespace detail

// Every setter returns the object itself.
class event_source_options {
 public:
  // How long to wait before asking again, until the server says (retry). 2 s.
  template <class Rep, class Period>
  event_source_options& retry(std::chrono::duration<Rep, Period> d) {
    retry_ = rondo::detail::saturate(d);
    return *this;
  }
  // What is waited besides: exponential from 500 ms to 30 s, with full jitter. It begins anew with
  // each event.
  event_source_options& extra(rondo::backoff b) {
    extra_ = b;
    return *this;
  }
  // No more is waited than this, whatever the server says (retry, Retry-After). 5 min.
  template <class Rep, class Period>
  event_source_options& longest_delay(std::chrono::duration<Rep, Period> d) {
    longest_delay_ = rondo::detail::saturate(d);
    return *this;
  }
  // After so many failures in a row, without an event in between, the last is thrown; at least 1.
  // No limit. Throws std::invalid_argument for 0.
  event_source_options& max_failures(rondo::detail::amount n);
  // A connection on which nothing came for so long, no comment either, is taken for lost. Give
  // twice or three times what the server takes between its comments, which is 15 s for Rondo's. No
  // limit.
  template <class Rep, class Period>
  event_source_options& silence(std::chrono::duration<Rep, Period> d) {
    silence_ = rondo::detail::saturate(d);
    return *this;
  }
  // Where to go on from, as last_event_id() has told.
  event_source_options& last_event_id(std::string id) {
    last_id_ = std::move(id);
    return *this;
  }
  // What the server may make us hold. Past it protocol_error is thrown.
  event_source_options& limits(const event_limits& l) {
    limits_ = l;
    return *this;
  }

 private:
  friend class detail::event_reading;
  rondo::detail::nanoseconds retry_ = std::chrono::seconds(2);
  rondo::backoff extra_ = rondo::backoff::exponential(std::chrono::milliseconds(500)).full_jitter();
  rondo::detail::nanoseconds longest_delay_ = std::chrono::minutes(5);
  rondo::detail::nanoseconds silence_{};  // zero: no limit
  std::size_t max_failures_ = 0;          // zero: no limit
  std::string last_id_;
  event_limits limits_;
};

// Movable. Nothing is asked before the first next(); a connection
// is held from then on, one of the client's. Destroying it closes that.
class event_source {
 public:
  // As client::events, with requests of one's own: `make`, () -> http::request, is called for each
  // connection; for fields, a token that changes, another method. Accept, Cache-Control and
  // Last-Event-ID are added where they are not set; no total timeout holds.
  template <class Make>
  event_source(client c, Make make, event_source_options o = {})
      : event_source(std::move(c),
                     std::unique_ptr<detail::any_request_maker>(
                         std::make_unique<detail::typed_request_maker<Make>>(std::move(make))),
                     std::move(o)) {}
  event_source(event_source&& other) noexcept;
  event_source& operator=(event_source&& other) noexcept;
  ~event_source();

  // The next event; nullopt when the server has answered 204, now and from then on. Throws
  // http::error as said above, status_error for an answer of another status, protocol_error for
  // one that is no event stream, which it names, and past a limit; what `make` throws;
  // std::logic_error while another task awaits next(). Cancelled: no event is lost, but a
  // connection that was waited on is given up, and the next call asks again. To wait for something
  // else beside it, let a task of its own read.
  task<std::optional<message_event>> next();

  // Of the last event that next() has given, or that the server has sent without data.
  const std::string& last_event_id() const noexcept;
  // Whether a stream is open, as far as is known.
  bool open() const noexcept;
  // How many streams were opened.
  std::uint64_t opened() const noexcept;
  // Why the last connection was lost, or could not be opened; null when it never was, or the server
  // had ended it well.
  std::exception_ptr failure() const noexcept;

 private:
  event_source(client c, std::unique_ptr<detail::any_request_maker> make, event_source_options o);
  std::unique_ptr<detail::event_reading> reading_;
};

}  // namespace rondo::http
