// Hooks that see each step of an exchange, with its time.
//
//   struct log final : http::tracer {
//     void on(const http::trace_event& e) override { print(to_string(e.what), e.at, e.url); }
//   };
//   http::client c(http::client_options().trace(std::make_shared<log>()));
//
// Without a tracer nothing is measured.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <string_view>

namespace rondo::http {

// A step of an exchange.
enum class trace_point : std::uint8_t {
  begun,       // a request, or the next one after a redirect: text is its method
  queued,      // a place in the pool is asked for
  granted,     // it is there; number is 1 when a connection comes with it, which is used again
  resolving,   // a name is looked up: text is the host
  resolved,    // number: how many addresses
  connecting,  // text: where to
  connected,
  tunnelled,   // a proxy has opened the way
  secured,     // the TLS handshake is done
  head_sent,   // text: the head as it was sent
  sent,        // the whole request
  interim,     // a 1xx response; number is its status
  first_byte,  // the first byte of the response
  head,        // the response's head is whole; number is its status, text the head
  redirected,  // text: where to
  retried,     // the connection was stale: once more, on a fresh one
  done,        // the body's last byte has been read; of a redirect that is followed not told
  failed,      // text: what went wrong
  given_up,    // it was cancelled, or its response went before the body's last byte was read
  // Of HTTP/2, whichever request it is for: text is the frame, number 1 when we send it. Told to
  // the tracer of the exchange that opened the connection, with the origin in place of the URL.
  frame,
};

[[nodiscard]] std::string_view to_string(trace_point p) noexcept;

struct trace_event {
  trace_point what;
  std::uint64_t exchange;  // the same for all events of one send(); unique in the process
  std::chrono::steady_clock::time_point at;  // read for this event; virtual in the simulation
  std::string_view url;                      // without userinfo; valid during the call
  std::string_view text;                     // likewise
  std::uint64_t number = 0;
};

// Called on the loop's thread, within the exchange: it should be quick. What it throws ends the
// exchange; of given_up, where that has ended already, it goes to on_unhandled. The last event of
// an exchange is done, failed or given_up; failed may follow done, for a status that is thrown.
class tracer {
 public:
  tracer() = default;
  tracer(const tracer&) = delete;
  tracer& operator=(const tracer&) = delete;
  virtual ~tracer() = default;
  // Called in the loop at each step, and must not wait.
  virtual void on(const trace_event& e) = 0;
};

namespace detail {
// The time for an event: read now; virtual in the simulation.
[[nodiscard]] std::chrono::steady_clock::time_point trace_clock();
}  // namespace detail

}  // namespace rondo::http
