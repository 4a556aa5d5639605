#include <rondo/http/server/request_target.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/framing.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

request_target refused(const char* problem) noexcept { return {.problem = problem}; }

}  // namespace

request_target read_target(std::string_view method, std::string_view target) noexcept {
  if (target.starts_with('/')) {
    return {.path_size = std::min(target.find('?'), target.size())};
  }
  if (target == "*") return {.path_size = 1, .whole_server = true};
  if (method == "CONNECT") return {.path_size = target.size()};
  // absolute-form: scheme "://" authority path-abempty [ "?" query ]
  static constexpr std::string_view mark = "://";
  const std::size_t scheme_end = target.find(mark);
  const std::string_view scheme = target.substr(0, scheme_end);
  if (!iequals(scheme, "http") && !iequals(scheme, "https"))
    return refused("a request target of another scheme than http and https");
  const std::size_t begin = scheme_end + mark.size();
  const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
  const std::string_view authority = target.substr(begin, end - begin);
  // RFC 9110, section 4.2.4: userinfo from somebody else is to be taken for an error.
  if (authority.find('@') != std::string_view::npos)
    return refused("a request target with user information");
  // Section 4.2.1: a host is never empty.
  if (authority.empty() || authority.starts_with(':') || !is_host(authority))
    return refused("a request target that names no host");
  request_target out{.authority = authority, .path_begin = end};
  out.path_size = std::min(target.find('?', end), target.size()) - end;
  out.whole_server = method == "OPTIONS" && end == target.size();  // RFC 9112, section 3.2.4
  return out;
}

}  // namespace rondo::http::detail
