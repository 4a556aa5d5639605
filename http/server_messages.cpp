#include <rondo/http/cookies.hpp>
#include <rondo/http/server_messages.hpp>

#include <stdexcept>

namespace rondo::http {

std::string_view server_request::param(std::string_view name) const noexcept {
  for (const auto& [n, value] : params_)
    if (n == name) return value;
  return {};
}

server_response server_response::text(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "text/plain; charset=utf-8");
  return r;
}
server_response server_response::json(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/json");
  return r;
}
server_response server_response::bytes(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}
server_response server_response::stream(std::unique_ptr<body_source> source,
                                        std::optional<std::uint64_t> size, int status) {
  if (!source) throw std::invalid_argument("server_response::stream was given no source");
  server_response r(status);
  r.source_ = std::move(source);
  r.size_ = size;
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}

server_response server_response::events_from(std::unique_ptr<detail::any_event_handler> handler,
                                             std::chrono::nanoseconds quiet) {
  server_response r;
  r.events_ = std::make_shared<detail::event_stream>(std::move(handler), quiet);
  r.source_ = detail::event_stream::source_of(r.events_);
  r.headers_.set("Content-Type", "text/event-stream");
  r.headers_.set("Cache-Control", "no-store");
  r.headers_.set("X-Accel-Buffering", "no");
  return r;
}

server_response& server_response::set_cookie(const cookie& c) & {
  headers_.add("Set-Cookie", detail::set_cookie_value(c));
  return *this;
}

}  // namespace rondo::http
