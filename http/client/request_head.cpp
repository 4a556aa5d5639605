#include <rondo/http/client/redirect.hpp>
#include <rondo/http/client/request_head.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/decode.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// What a head needs beside its URL and the fields that were given.
constexpr std::size_t usual_head_bytes = 160;

// At another origin.
bool stays_behind(std::string_view field_name, const std::vector<std::string>& secrets) noexcept {
  return is_secret(field_name) ||
         std::ranges::any_of(secrets, [&](const std::string& n) { return iequals(n, field_name); });
}

}  // namespace

// Written straight into the text that is sent. What is added by name holds no byte that a field may
// not; what comes from outside was checked when it became a header field, or a cookie below.
std::string request_head_text(const outgoing_request& r) {
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

  std::string text;
  text.reserve(usual_head_bytes + r.url.href().size() + own.wire().size() + common.wire().size());
  const std::string_view target = r.url.target();
  if (to_proxy)  // absolute-form
    write_request_line(text, r.method, r.url.origin().append(target));
  else
    write_request_line(text, r.method, target);
  const auto field = [&text](std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  field("Host", r.host.empty() ? r.url.host_header() : r.host);
  for (const auto& [name, value] : own)
    if (passes(name)) field(name, value);
  const bool common_cookie = common.contains("Cookie") && common_passes("Cookie");
  for (const auto& [name, value] : common)
    if (common_passes(name) && !(common_cookie && iequals(name, "Cookie"))) field(name, value);
  if (!r.authorization.empty()) field("Authorization", r.authorization);
  if (!secret.empty()) field("Proxy-Authorization", secret);
  if (!own.contains("Cookie")) {  // a Cookie field of the request's own is all of it
    std::string cookies = r.cookies;
    const auto add = [&cookies](std::string_view more) {
      if (!cookies.empty() && !more.empty()) cookies += "; ";
      cookies += more;
    };
    if (common_cookie) add(*common.get("Cookie"));
    if (r.jar) add(r.jar->header_for(r.url, cookies.size()));
    if (!cookies.empty()) text += http::headers{{"Cookie", cookies}}.wire();
  }
  if (!r.traceparent.empty() && !sent("traceparent")) field("traceparent", r.traceparent);
  if (!sent("User-Agent")) text += "User-Agent: rondo\r\n";
  if (!sent("Accept")) text += "Accept: */*\r\n";
  if (r.decodes && !sent("Accept-Encoding")) {
    // A range is of the bytes as they are sent: a slice of a coded body could not be read (Fetch,
    // "HTTP-network-or-cache fetch"). Without the field a server might choose any coding (RFC 9110,
    // section 12.5.3).
    const bool ranged = sent("Range") || sent("If-Range");
    field("Accept-Encoding", ranged ? std::string_view("identity") : accepted_codings());
  }
  // What is for this connection alone is named (RFC 9110, sections 7.8 and 10.1.4).
  if (!r.upgrade.empty()) {
    field("Connection", sent("TE") ? "Upgrade, TE" : "Upgrade");
    field("Upgrade", r.upgrade);
  } else if (sent("TE")) {
    field("Connection", "TE");
  }

  if (r.framing == body_framing::chunked)
    field("Transfer-Encoding", "chunked");
  else if (r.framing == body_framing::length)
    field("Content-Length", std::to_string(r.length));
  else if (r.method == "POST" || r.method == "PUT" || r.method == "PATCH")
    // RFC 9110, section 8.6: a method that expects a body says 0 when there is none.
    field("Content-Length", "0");
  if (r.asks_first) field("Expect", "100-continue");
  text += "\r\n";
  return text;
}

}  // namespace rondo::http::detail
