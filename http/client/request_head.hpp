// The head of a request as it is sent: what the request says, what the client says for all of its
// requests, and what HTTP wants. No I/O. Internal.
#pragma once

#include <rondo/http/client/route.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/framing.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

struct outgoing_request {
  const std::string& method;
  const http::url& url;
  const route& way;
  const std::string& host;           // empty: the URL's
  const headers& own;                // the request's fields, which count for more
  const headers& common;             // the client's
  const std::string& authorization;  // in place of any other; empty: none
  const std::string& cookies;        // the request's: "a=1; b=2"
  // Fields of the client's that another origin may not see, beside those that is_secret() names.
  // Null as long as no redirect has led to one.
  const std::vector<std::string>* left_behind = nullptr;
  cookie_jar* jar = nullptr;
  bool decodes = false;  // codings are asked for
  body_framing framing = body_framing::none;
  std::uint64_t length = 0;           // for body_framing::length
  bool asks_first = false;            // Expect: 100-continue
  std::string_view upgrade = {};      // the protocol that is asked for; empty: none
  std::string_view traceparent = {};  // W3C Trace Context; empty: none
};

[[nodiscard]] std::string request_head_text(const outgoing_request& r);
// The same as HTTP/2 has it (RFC 9113, section 8.3.1).
[[nodiscard]] http2_head request_head_fields(const outgoing_request& r);

}  // namespace rondo::http::detail
