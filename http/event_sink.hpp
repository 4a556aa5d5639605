// Where the handler of an event stream sends its events.
//
//   s.events("/ticks", [](http::server_request& r, http::event_sink& out) -> task<> {
//     for (int n = next_after(r.last_event_id());; ++n) {
//       co_await out.send(http::event().id(std::to_string(n)).data("tick"));
//       co_await sleep_for(1s);
//     }
//   });
//
// The stream ends when the handler returns. When its client goes, or the server stops, the handler
// is cancelled. What it throws is reported, and cuts the stream off; a browser comes again.
#pragma once

#include <rondo/http/event.hpp>
#include <rondo/runtime/queue.hpp>

#include <string>
#include <string_view>

namespace rondo::http {

namespace detail {
class event_stream;
}

class event_sink {
 public:
  event_sink(const event_sink&) = delete;
  event_sink& operator=(const event_sink&) = delete;

  // Completes when the event's turn to be written has come, or nothing else waits for the network:
  // so while the client does not read, the handler waits here, until the server's write_timeout
  // cuts the connection. Each event is one write. Several tasks of a handler may send, first come,
  // first served. The event is copied at the call: it need not live on. Throws std::bad_alloc.
  // Cancelled: the event is not sent.
  auto send(const event& e) {
    std::string_view text = e.text();
    if (text.empty()) text = ":\n";  // an empty comment
    std::string block;
    block.reserve(text.size() + 1);
    block.append(text) += '\n';
    return line_.put(std::move(block));
  }

 private:
  friend class detail::event_stream;
  event_sink() = default;
  ~event_sink() = default;

  queue<std::string> line_{1};
};

}  // namespace rondo::http
