// The HTTP client.
//
//   http::client c;
//   http::response r = co_await c.get("http://127.0.0.1:8080/json");
//   r.raise_for_status();
//   std::string text = co_await r.text();
//
// Connections are kept alive and shared by the requests of one client. Responses are streamed: the
// body is read when it is asked for. A request that is cancelled closes its connection and gives
// its place back.
#pragma once

#include <rondo/http/client_options.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/websocket.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rondo::http {

class event_source;
class event_source_options;

namespace detail {

struct client_state;

// Gives a response to the reader of client::send.
template <class Fn, class T>
class function_reader final : public response_reader {
 public:
  explicit function_reader(Fn& fn) noexcept : fn_(&fn) {}
  task<> read(response& r) override {
    if constexpr (std::is_void_v<T>)
      co_await (*fn_)(r);
    else
      value.emplace(co_await (*fn_)(r));
  }
  std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;

 private:
  Fn* fn_;
};

}  // namespace detail

// Copies share their connections. Used on one loop at a time; what is idle when the loop ends is
// closed.
class client {
 public:
  // Throws std::invalid_argument for options that contradict each other.
  explicit client(client_options options = {});

  // Send a request, follow its redirects, and complete when the head of the last response has come.
  // Throw http::error: url_error, connect_error, timeout_error, protocol_error, redirect_error,
  // too_many_redirects, body_error (of the request's own body), status_error (when asked for), each
  // with the URL and the phase. A connection that turns out stale is replaced once, without a word,
  // when the request is idempotent, its body can be sent again, and no byte of a response had come.
  // A response that comes before the whole request has been sent is the answer: one of 300 and
  // above ends the upload, beside any other it goes on to its end first: with a server that stops
  // reading until what it answers is read, only the other send() gets on.
  task<response> send(request r);
  // Both ways at once, for servers that answer while they read: `reader`, (response&) -> task<T>,
  // is given the response as soon as its head has come, and the request's body is sent beside it.
  // Completes with what reader gives, when the body has been sent too. A reader that ends before it
  // has read the response to its end ends the exchange. What the body throws cancels the reader,
  // and is thrown. The total timeout holds for all of it.
  template <class Fn>
  task<typename std::invoke_result_t<Fn&, response&>::value_type> send(request r, Fn reader) {
    using value = typename std::invoke_result_t<Fn&, response&>::value_type;
    detail::function_reader<Fn, value> erased(reader);
    co_await send_beside(std::move(r), erased);
    if constexpr (!std::is_void_v<value>) co_return std::move(*erased.value);
  }
  // The same: they throw and are cancelled likewise. The URL may be relative to
  // client_options::base_url.
  task<response> get(std::string url);
  task<response> head(std::string url);
  task<response> post(std::string url, std::string body);
  task<response> put(std::string url, std::string body);
  task<response> patch(std::string url, std::string body);
  task<response> del(std::string url);
  // A request whose URL may be relative to the base: c.send(c.make("POST", "users").json(text)).
  // Throws as http::request.
  request make(std::string_view method, std::string_view url) const;

  // A WebSocket. `url` is a ws, wss, http or https URL, and may be relative to the base; what a GET
  // would do with redirects, proxies, cookies, authentication and TLS, this does. For 30 s at most,
  // unless a total timeout says otherwise. It has a stream of HTTP/2 (RFC 8441) where a connection
  // to the origin is open whose server has said that it takes that, and with prior_knowledge, once
  // the server has said so; else a connection of HTTP/1.1. Throws as send(); status_error when the
  // server answers with anything but 101 (HTTP/2: 200), protocol_error when that is not what was
  // asked for. Cancelled: the connection, or the stream, is closed.
  task<http::websocket> websocket(std::string url, websocket_options options = {});
  // The same for a request with fields, cookies or times of its own. Throws std::invalid_argument
  // for one that is no GET, or has a body.
  task<http::websocket> websocket(request r, websocket_options options = {});
  // Server-sent events, over as many connections as it takes (<rondo/http/event_source.hpp>).
  // Throws url_error when the first connection is opened.
  event_source events(std::string url);
  event_source events(std::string url, event_source_options o);

  // nullptr when it was told to have none.
  cookie_jar* cookies() const noexcept;
  // Connections open now, and how many of them are idle.
  std::size_t open_connections() const noexcept;
  std::size_t idle_connections() const noexcept;
  // Closes what is idle.
  void close_idle() noexcept;

 private:
  task<> send_beside(request r, detail::response_reader& reader);

  std::shared_ptr<const detail::client_state> state_;
};

}  // namespace rondo::http
