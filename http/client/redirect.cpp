#include <rondo/http/client/redirect.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>

namespace rondo::http::detail {
namespace {

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view next_method(std::string_view method, int status) noexcept {
  const bool to_get =
      status == 303 ? method != "HEAD" : (status == 301 || status == 302) && method == "POST";
  return to_get ? "GET" : method;
}

http::url resolve(std::string_view location, const http::url& from) {
  try {
    return http::url::parse(location, from);
  } catch (const url_error& e) {
    throw redirect_error("the server redirects to what is no URL: " + std::string(e.message()));
  }
}

constexpr std::array<std::string_view, 3> secrets{"authorization", "cookie", "proxy-authorization"};
constexpr std::array<std::string_view, 4> about_the_body{"content-type", "content-encoding",
                                                         "content-language", "content-location"};

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::ranges::any_of(names, [&](std::string_view n) { return iequals(n, name); });
}

}  // namespace

std::optional<redirect_plan> plan_redirect(std::string_view method, const http::url& from,
                                           int status, const headers& response,
                                           bool may_leave_https) {
  if (!is_redirect(status)) return std::nullopt;
  const std::vector<std::string_view> locations = response.get_all("location");
  if (locations.empty()) return std::nullopt;
  for (const std::string_view other : locations)
    if (other != locations.front())
      throw redirect_error("the server redirects to more than one place");

  http::url to = resolve(locations.front(), from).without_credentials();
  if (to.scheme() != "http" && to.scheme() != "https")
    throw redirect_error("the server redirects to a URL that is not http or https: " + to.href());
  if (from.is_secure() && !to.is_secure() && !may_leave_https)
    throw redirect_error("the server redirects from https to http: " + to.href());
  if (!to.fragment() && from.fragment()) to = to.with_fragment(*from.fragment());

  redirect_plan plan{.method = std::string(next_method(method, status)), .url = std::move(to)};
  plan.drops_body = plan.method != method;
  plan.other_origin = plan.url.origin() != from.origin();
  return plan;
}

bool is_secret(std::string_view field_name) noexcept { return one_of(secrets, field_name); }

void strip_fields(headers& request, const redirect_plan& plan) {
  if (plan.other_origin)
    for (const std::string_view name : secrets) request.remove(name);
  if (plan.drops_body)
    for (const std::string_view name : about_the_body) request.remove(name);
}

}  // namespace rondo::http::detail
