// The HTTP client.
//
//   http::client c;
//   http::response r = co_await c.get("http://127.0.0.1:8080/json");
//   r.raise_for_status();
//   std::string text = co_await r.text();
//
// Connections are kept alive and shared by the requests of one client. Responses are streamed: the body is
// read when it is asked for. A request that is cancelled closes its connection and gives its place back.
#pragma once

#include <rondo/http/client_options.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace rondo::http {

namespace detail {
struct client_state;
}

// Copies share their connections. Used on one loop at a time; what is idle when the loop ends is closed.
class client {
 public:
  explicit client(client_options options = {});

  // Send a request, follow its redirects, and complete when the head of the last response has come. Throw
  // http::error: url_error, connect_error, timeout_error, protocol_error, redirect_error, too_many_redirects,
  // body_error (of the request's own body), status_error (when asked for), each with the URL and the phase. A
  // connection that turns out stale is replaced once, without a word, when the request is idempotent, its body
  // can be sent again, and no byte of a response had come. A response that comes before the whole request has
  // been sent ends the upload, and is the answer.
  task<response> send(request r);
  // The same; the URL may be relative to client_options::base_url.
  task<response> get(std::string url);
  task<response> head(std::string url);
  task<response> post(std::string url, std::string body);
  task<response> put(std::string url, std::string body);
  task<response> patch(std::string url, std::string body);
  task<response> del(std::string url);
  // A request whose URL may be relative to the base: c.send(c.make("POST", "users").json(text)). Throws as
  // http::request.
  request make(std::string_view method, std::string_view url) const;

  // nullptr when it was told to have none.
  cookie_jar* cookies() const noexcept;
  // Connections open now, and how many of them are idle.
  std::size_t open_connections() const noexcept;
  std::size_t idle_connections() const noexcept;
  // Closes what is idle.
  void close_idle() noexcept;

 private:
  std::shared_ptr<const detail::client_state> state_;
};

}  // namespace rondo::http
