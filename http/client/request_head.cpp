#include <rondo/http/client/redirect.hpp>
#include <rondo/http/client/request_head.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/decode.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// What a head needs beside its URL and the fields that were given.
constexpr std::size_t usual_head_bytes = 160;
constexpr std::size_t usual_request_fields = 8;

// At another origin.
bool stays_behind(std::string_view field_name, const std::vector<std::string>& secrets) noexcept {
  return is_secret(field_name) ||
         std::ranges::any_of(secrets, [&](const std::string& n) { return iequals(n, field_name); });
}

// What a head is made of, in order: what `out` is given goes over the wire as it is. What is added
// by name holds no byte that a field may not; what comes from outside was checked when it became a
// header field, or a cookie below.
template <class Out>
void compose_head(const outgoing_request& r, Out& out) {
  const headers& own = r.own;
  const headers& common = r.common;
  const bool to_proxy = r.way.proxy_reads();
  const std::string secret = to_proxy ? proxy_authorization(*r.way.proxy) : std::string();
  // What is meant for a proxy does not go through a tunnel.
  const bool own_proxy_secret = secret.empty() && !r.way.tunnel;
  const auto passes = [&](std::string_view name) {
    return (own_proxy_secret || !iequals(name, "Proxy-Authorization")) &&
           (r.authorization.empty() || !iequals(name, "Authorization"));
  };
  const auto common_passes = [&](std::string_view name) {
    return !own.contains(name) && !(r.left_behind && stays_behind(name, *r.left_behind)) &&
           passes(name);
  };
  const auto sent = [&](std::string_view name) {
    return own.contains(name) || (common.contains(name) && common_passes(name));
  };

  out.start(r);
  for (const auto& [name, value] : own)
    if (passes(name)) out.field(name, value);
  const bool common_cookie = common.contains("Cookie") && common_passes("Cookie");
  for (const auto& [name, value] : common)
    if (common_passes(name) && !(common_cookie && iequals(name, "Cookie"))) out.field(name, value);
  if (!r.authorization.empty()) out.field("Authorization", r.authorization);
  if (!secret.empty()) out.field("Proxy-Authorization", secret);
  if (!own.contains("Cookie")) {  // a Cookie field of the request's own is all of it
    std::string cookies = r.cookies;
    const auto add = [&cookies](std::string_view more) {
      if (!cookies.empty() && !more.empty()) cookies += "; ";
      cookies += more;
    };
    if (common_cookie) add(*common.get("Cookie"));
    if (r.jar) add(r.jar->header_for(r.url, cookies.size()));
    if (!cookies.empty()) out.checked_field("Cookie", cookies);
  }
  if (!r.traceparent.empty() && !sent("traceparent")) out.field("traceparent", r.traceparent);
  if (!sent("User-Agent")) out.field("User-Agent", "rondo");
  if (!sent("Accept")) out.field("Accept", "*/*");
  if (r.decodes && !sent("Accept-Encoding")) {
    // A range is of the bytes as they are sent: a slice of a coded body could not be read (Fetch,
    // "HTTP-network-or-cache fetch"). Without the field a server might choose any coding (RFC 9110,
    // section 12.5.3).
    const bool ranged = sent("Range") || sent("If-Range");
    out.field("Accept-Encoding", ranged ? std::string_view("identity") : accepted_codings());
  }
  out.connection(r, sent("TE"));
  if (r.framing == body_framing::length)
    out.field("Content-Length", std::to_string(r.length));
  else if (r.framing == body_framing::none &&
           (r.method == "POST" || r.method == "PUT" || r.method == "PATCH"))
    // RFC 9110, section 8.6: a method that expects a body says 0 when there is none.
    out.field("Content-Length", "0");
  if (r.asks_first) out.field("Expect", "100-continue");
}

// HTTP/1.1: straight into the text that is sent.
struct head_as_text {
  void start(const outgoing_request& r) {
    text.reserve(usual_head_bytes + r.url.href().size() + r.own.wire().size() +
                 r.common.wire().size());
    const std::string_view target = r.url.target();
    if (r.way.proxy_reads())  // absolute-form
      write_request_line(text, r.method, r.url.origin().append(target));
    else
      write_request_line(text, r.method, target);
    field("Host", r.host.empty() ? r.url.host_header() : r.host);
  }
  void field(std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  }
  void checked_field(std::string_view name, std::string_view value) {
    text += http::headers{{name, value}}.wire();
  }
  void connection(const outgoing_request& r, bool te) {
    // What is for this connection alone is named (RFC 9110, sections 7.8 and 10.1.4).
    if (!r.upgrade.empty()) {
      field("Connection", te ? "Upgrade, TE" : "Upgrade");
      field("Upgrade", r.upgrade);
    } else if (te) {
      field("Connection", "TE");
    }
    if (r.framing == body_framing::chunked) field("Transfer-Encoding", "chunked");
  }

  std::string text;
};

// HTTP/2: nothing of the connection (RFC 9113, section 8.2). The session makes names lower case.
struct head_as_fields {
  void start(const outgoing_request& r) {
    tunnels = !r.upgrade.empty();  // RFC 8441, section 5
    head.method = tunnels ? "CONNECT" : std::string_view(r.method);
    head.protocol = r.upgrade;
    head.scheme = r.url.scheme();
    head.authority = r.host.empty() ? r.url.host_header() : std::string_view(r.host);
    head.path = r.url.target();
    headers_access::reserve(head.fields, usual_head_bytes + r.own.wire().size(),
                            usual_request_fields);
  }
  void field(std::string_view name, std::string_view value) {
    if (tunnels && iequals(name, "Sec-WebSocket-Key")) return;
    headers_access::append(head.fields, name, value);
  }
  void checked_field(std::string_view name, std::string_view value) {
    head.fields.add(name, value);
  }
  void connection(const outgoing_request& /*r*/, bool /*te*/) {}

  http2_head head;
  bool tunnels = false;
};

}  // namespace

std::string request_head_text(const outgoing_request& r) {
  head_as_text out;
  compose_head(r, out);
  out.text += "\r\n";
  return std::move(out.text);
}

http2_head request_head_fields(const outgoing_request& r) {
  head_as_fields out;
  compose_head(r, out);
  return std::move(out.head);
}

}  // namespace rondo::http::detail
