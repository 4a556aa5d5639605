#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/http/server/forwarding.hpp>
#include <rondo/http/server/serve_connection.hpp>
#include <rondo/http/server/serve_http2.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/runtime/as_result.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::http::detail {
namespace {

net::endpoint endpoint_of(const plain_stream& stream) noexcept {
  try {
    return stream.remote_endpoint();
  } catch (const std::system_error&) {
    return {};
  }
}

// It ended by its own time, and not because something came at the last moment: what came meanwhile
// is served.
bool is_over(accepted_connection& c, const connection_clock::reading& wait) noexcept {
  return !wait.expired() || !c.stream().readable_now();
}

// What a proxy says before its client does. False: the connection is to be closed.
task<bool> hear_proxy(accepted_connection& c) {
  const connection_clock::reading waiting(c.clock(), rondo::detail::never,
                                          connection_clock::ends::task);
  co_return co_await take_proxy_header(c.stream().socket(), *c.options().trusted_, c.source());
}

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whether what a client has said first is, or may become, what one of HTTP/2 says.
bool may_be_http2(const accepted_connection& c, std::string_view said) noexcept {
  return c.now() == accepted_connection::state::silent && serves_http2() &&
         match_preface(said) != preface_match::no;
}

// Reads on until it is clear, under the clock of a head; for a stop such a client is a silent one.
// False: it has gone, or its time was over.
task<bool> hear_preface(accepted_connection& c, std::string& said) {
  rondo::detail::time_point until =
      rondo::detail::add(connection_clock::now(), c.options().header_timeout_);
  if (c.server().stopping()) until = std::min(until, c.rest_ends());
  const auto ends = c.stream().other() != nullptr ? connection_clock::ends::stream
                                                  : connection_clock::ends::operation;
  while (match_preface(said) == preface_match::begins) {
    const connection_clock::reading waiting(c.clock(), until, ends);
    std::array<std::byte, http2_preface.size()> room;
    const std::span<std::byte> rest = std::span(room).first(http2_preface.size() - said.size());
    const outcome<std::size_t> got = co_await as_result(
        c.stream().with([rest](auto& s) { return rondo::detail::to_task(s.read_some(rest)); }));
    if (!got.has_value() || got.value() == 0) co_return false;
    said += as_text(rest.first(got.value()));
  }
  co_return true;
}

// What HTTP/1.1 begins with, when it was not HTTP/2 after all.
server_connection::first_bytes as_first_bytes(std::string_view said) {
  server_connection::first_bytes first;
  first.own = make_read_buffer();
  first.size = said.size();
  std::ranges::copy(std::as_bytes(std::span(said)), first.own.get());
  return first;
}

}  // namespace

task<> serve_plain(serving::place place, plain_stream stream) {
  try {
    accepted_connection c(place.server(), std::move(stream));
    if (c.options().trusted_ && !co_await hear_proxy(c)) co_return;
    for (;;) {
      server_connection::first_bytes first;
      {
        const connection_clock::reading waiting(c.clock(), c.rest_ends());
        outcome<received_bytes> got = co_await receive_result(c.stream().socket());
        if (got.has_value())
          first.lent = std::move(got).value();
        else if (is_over(c, waiting))
          co_return;
        else
          continue;
      }
      if (first.lent.empty()) co_return;
      if (may_be_http2(c, as_text(first.lent.bytes()))) [[unlikely]] {
        std::string said(as_text(first.lent.bytes()));
        first.lent.give_back();
        if (!co_await hear_preface(c, said)) co_return;
        if (match_preface(said) == preface_match::whole) {
          co_await serve_http2(c, std::move(said));
          co_return;
        }
        first = as_first_bytes(said);
      }
      c.becomes(accepted_connection::state::busy);
      if (!co_await server_connection::converse(c, std::move(first))) break;
      c.becomes(accepted_connection::state::at_rest);
    }
    if (c.has_switched()) c.leave_to_other_protocol(std::move(place));
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

namespace {

// The same over what lends no buffer: TLS, after its handshake, and streams of other kinds. They
// want to know where to read to before they read: so a connection at rest has a buffer.
task<> serve_buffered(serving::place place, transport stream,
                      std::optional<net::tls_context> context) {
  try {
    accepted_connection c(place.server(), std::move(stream));
    if (context) {
      if (c.options().trusted_ && !co_await hear_proxy(c)) co_return;
      c.becomes(accepted_connection::state::shaking_hands);
      const net::endpoint client =
          c.options().on_tls_failure_ ? endpoint_of(c.stream().socket()) : net::endpoint();
      const connection_clock::reading waiting(c.clock(), rondo::detail::never,
                                              connection_clock::ends::task);
      outcome<tls_stream> secure = co_await as_result(
          tls_stream::accept(std::move(c.stream().socket()), *std::move(context)));
      if (!secure.has_value()) {
        c.server().tls_failed(client, secure.error());
        co_return;
      }
      c.stream() = transport(std::move(secure).value());
      if (c.stream().secure()->alpn() == "h2" && serves_http2()) {
        co_await serve_http2(c, {});
        co_return;
      }
    }
    c.becomes(accepted_connection::state::silent);
    const auto ends = c.stream().other() != nullptr ? connection_clock::ends::stream
                                                    : connection_clock::ends::operation;
    for (;;) {
      server_connection::first_bytes first;
      first.own = make_read_buffer();
      {
        const connection_clock::reading waiting(c.clock(), c.rest_ends(), ends);
        outcome<std::size_t> got = co_await as_result(
            c.stream().with([room = std::span(first.own.get(), read_buffer_bytes)](auto& s) {
              return rondo::detail::to_task(s.read_some(room));
            }));
        if (got.has_value())
          first.size = got.value();
        else if (is_over(c, waiting) || c.stream().other() != nullptr)
          co_return;
        else
          continue;
      }
      if (first.size == 0) co_return;
      const std::string_view begin = as_text(std::span(first.own.get(), first.size));
      if (!c.stream().secure() && may_be_http2(c, begin)) {
        std::string said(begin);
        if (!co_await hear_preface(c, said)) co_return;
        if (match_preface(said) == preface_match::whole) {
          first.own.reset();
          co_await serve_http2(c, std::move(said));
          co_return;
        }
        first = as_first_bytes(said);
      }
      c.becomes(accepted_connection::state::busy);
      if (!co_await server_connection::converse(c, std::move(first))) break;
      c.becomes(accepted_connection::state::at_rest);
    }
    if (c.has_switched()) c.leave_to_other_protocol(std::move(place));
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

}  // namespace

task<> serve_secure(serving::place place, plain_stream stream, net::tls_context context) {
  return serve_buffered(std::move(place), std::move(stream), std::move(context));
}

task<> serve_other(serving::place place, net::any_stream stream) {
  return serve_buffered(std::move(place), std::move(stream), std::nullopt);
}

}  // namespace rondo::http::detail
