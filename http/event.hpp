// Server-sent events (WHATWG HTML, section 9.2): an event as a server writes it, and as a client
// gets it.
//
//   co_await out.send(http::event().id("7").type("price").data("IBM 12\nSAP 13"));
//
// An event stream is text in UTF-8, line by line: "id: 7", "event: price", "data: …"; an empty line
// ends an event. What stands here is the text alone: server::events writes such a stream, and
// client::events reads one.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

// One event on its way out. Setters can be chained, on a temporary too; one that throws has changed
// nothing.
class event {
 public:
  // What the client is told. Split at CR, LF and CRLF into lines, which the client puts together
  // again with LF; called twice, it adds a line. An event without data is not handed to the
  // client's program, though its id and retry count.
  event& data(std::string_view text) &;
  event&& data(std::string_view text) && { return std::move(data(text)); }
  // What the client sends back as Last-Event-ID when it comes again; it holds for the events that
  // follow, too. Empty: nothing is sent back any more. Throws std::invalid_argument for CR, LF or
  // NUL.
  event& id(std::string_view text) &;
  event&& id(std::string_view text) && { return std::move(id(text)); }
  // The kind of event, "message" when it is not said. Throws std::invalid_argument for CR, LF or
  // NUL.
  event& type(std::string_view text) &;
  event&& type(std::string_view text) && { return std::move(type(text)); }
  // How long the client waits before it comes again, in whole milliseconds; a negative time counts
  // as none.
  template <class Rep, class Period>
  event& retry(std::chrono::duration<Rep, Period> d) & {
    return retry_ms(rondo::detail::saturate(d));
  }
  template <class Rep, class Period>
  event&& retry(std::chrono::duration<Rep, Period> d) && {
    return std::move(retry(d));
  }
  // What clients skip. Split into lines as data is.
  event& comment(std::string_view text) &;
  event&& comment(std::string_view text) && { return std::move(comment(text)); }

  // The fields as they are written, without the empty line that ends the event.
  const std::string& text() const noexcept { return text_; }

 private:
  event& retry_ms(rondo::detail::nanoseconds d);
  event& field(std::string_view name, std::string_view value);
  event& lines(std::string_view name, std::string_view text);

  std::string text_;
};

// One event as it came. The bytes are the server's: nobody has looked whether they are UTF-8.
struct message_event {
  std::string type;  // "message" when the server did not say
  std::string data;
  std::string id;  // the latest that the server has said, in this event or before
};

// What a server may make a reader of events hold; one byte more is a protocol_error.
struct event_limits {
  std::size_t line_bytes = 1024 * 1024;
  std::size_t event_bytes = 1024 * 1024;  // type and data together
  std::size_t id_bytes = 4 * 1024;        // it is sent back in a header field
};

}  // namespace rondo::http
