// Requests of the kinds in which a server must survive whatever fails: small, of a file, streamed
// both ways, of events, and one that stops it.
#pragma once

#include "http/http_support.hpp"

#include <functional>
#include <string>
#include <utility>

namespace rondo_test {

// refused: the server could not, and has said so.
enum class answer { right, refused, wrong };

// What a client does, and how it was answered. Throws what the client throws.
using exchange = rondo::task<answer> (*)(http::client, std::string origin);

inline constexpr std::size_t served_file_size = 100'000;

// `files`: a folder that holds "large", pattern(served_file_size). What GET /stop does besides is
// for the caller to say: it is answered when the server is being stopped.
inline void add_served_routes(http::server& s, const std::string& files,
                              std::function<void()> stop) {
  using http::server_request;
  using http::server_response;
  using rondo::task;
  s.route("GET", "/hello", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello\n");
  });
  s.files("/files/", files);
  s.route("POST", "/both", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(http::make_body([&r]() -> task<std::optional<std::string>> {
      const std::span<const std::byte> piece = co_await r.next_chunk();
      if (piece.empty()) co_return std::nullopt;
      co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
    }));
  });
  s.events("/events", [](server_request&, http::event_sink& out) -> task<> {
    for (const char* n : {"1", "2", "3"}) co_await out.send(http::event().data(n));
  });
  s.events("/until-stop", [](server_request& r, http::event_sink& out) -> task<> {
    co_await out.send(http::event().data("here"));
    co_await r.server().until_stop();
  });
  s.route("GET", "/stop", [stop = std::move(stop)](server_request& r) -> task<server_response> {
    stop();
    co_await r.server().until_stop();
    co_return server_response::text("stopped");
  });
}

inline rondo::task<answer> judge(http::response& r, std::string expected) {
  if (r.status() >= 500) co_return answer::refused;
  const std::string text = co_await r.text();
  co_return text == expected ? answer::right : answer::wrong;
}

inline rondo::task<answer> get_hello(http::client c, std::string origin) {
  http::response r = co_await c.get(origin + "/hello");
  co_return co_await judge(r, "hello\n");
}

// By sendfile, where there is one.
inline rondo::task<answer> get_a_file(http::client c, std::string origin) {
  http::response r = co_await c.get(origin + "/files/large");
  co_return co_await judge(r, pattern(served_file_size));
}

// The answer begins before the request has ended.
inline rondo::task<answer> stream_both_ways(http::client c, std::string origin) {
  const std::string piece = pattern(20'000);
  int taken = 0;
  co_return co_await c.send(
      http::request("POST", origin + "/both").body(counted_body(piece, 3, taken)),
      [&](http::response& r) { return judge(r, piece + piece + piece); });
}

inline rondo::task<answer> hear_events(http::client c, std::string origin) {
  http::response r = co_await c.get(origin + "/events");
  co_return co_await judge(r, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
}

// While a stream of events is open, and a connection is kept.
inline rondo::task<answer> stop_it(http::client c, std::string origin) {
  http::response events = co_await c.get(origin + "/until-stop");
  co_await get_hello(c, origin);
  http::response r = co_await c.get(origin + "/stop");
  const answer stopped = co_await judge(r, "stopped");
  const answer ended = co_await judge(events, "data: here\n\n");
  co_return ended == answer::right ? stopped : ended;
}

}  // namespace rondo_test
