// What a request asks its connection for, which alone knows what is still to come.
#include <rondo/http/hop_by_hop.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/media_type.hpp>

#include <algorithm>
#include <concepts>

namespace rondo::http {

task<std::span<const std::byte>> server_request::next_chunk() { return exchange_.next_chunk(); }

task<std::string> server_request::text() { return exchange_.whole_body(); }

task<form_fields> server_request::form(rondo::detail::amount most) {
  const std::size_t limit = most;
  const std::string_view type = headers().get("Content-Type").value_or("");
  if (!detail::iequals(detail::parameter_reader(type).value(), "application/x-www-form-urlencoded"))
    refuse_body(body_error(body_error::reason::unsupported, "the body is no urlencoded form"));
  const std::string body = co_await text();
  if (!body.empty() && static_cast<std::size_t>(std::ranges::count(body, '&')) >= limit)
    refuse_body(body_error(body_error::reason::too_large,
                           "the form has more than " + std::to_string(limit) + " fields"));
  co_return parse_form(body);
}

net::endpoint server_request::remote() const { return exchange_.remote(); }

net::endpoint server_request::client() const { return exchange_.client(headers()); }

std::optional<tls_facts> server_request::tls() const { return exchange_.tls(); }

running_server& server_request::server() noexcept { return exchange_.server(); }

void server_request::max_body(rondo::detail::amount bytes) { exchange_.limit_body(bytes); }

void server_request::refuse_body(const body_error& why) {
  exchange_.refuse_body(std::make_exception_ptr(why));
}

int server_request::status_for(const std::exception_ptr& thrown) const noexcept {
  return exchange_.status_for(thrown);
}

task<> server_request::early_hints(http::headers fields) {
  return exchange_.send_early_hints(std::move(fields));
}

namespace detail {

// A 1.0 client takes no interim response (RFC 9110, section 15.2).
task<> server_connection::send_early_hints(http::headers fields) {
  if (version_ != http::version::http_1_1) co_return;
  write_status_line(held_, 103);
  held_ += without_hop_by_hop(fields).wire();
  held_ += "\r\n";
  co_await flush();
}

}  // namespace detail
}  // namespace rondo::http
