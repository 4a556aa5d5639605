// What a redirect makes of a request: pure rules, no I/O (RFC 9110, section 15.4; Fetch,
// "HTTP-redirect fetch"). Internal.
//
//     auto next = plan_redirect("POST", from, 303, response_fields, false);
//     if (next) …   // GET next->url, without the body; without secrets when next->other_origin
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/url.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

struct redirect_plan {
  std::string method;
  http::url url;              // without userinfo: a server does not choose what credentials we send
  bool drops_body = false;    // the method became GET
  bool other_origin = false;  // scheme, host or port differ: what is secret stays behind
};

// nullopt: this response is no redirect (another status, or no Location). Throws redirect_error.
//
//   301, 302   POST becomes GET, other methods stay     303        all but HEAD become GET
//   307, 308   method and body stay
//
// A fragment is inherited when the Location has none.
[[nodiscard]] std::optional<redirect_plan> plan_redirect(std::string_view method,
                                                         const http::url& from, int status,
                                                         const headers& response,
                                                         bool may_leave_https);

// Fields that only the origin they were meant for may see.
[[nodiscard]] bool is_secret(std::string_view field_name) noexcept;

// Removes from a request's fields what must not go along.
void strip_fields(headers& request, const redirect_plan& plan);

}  // namespace rondo::http::detail
