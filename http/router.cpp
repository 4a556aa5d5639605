#include <rondo/http/router.hpp>
#include <rondo/http/url.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

void router::add(std::string_view method, std::string_view pattern, std::size_t handler) {
  if (!pattern.starts_with('/'))
    throw std::invalid_argument("a route's pattern must begin with \"/\": \"" +
                                std::string(pattern) + '"');
  route r{std::string(method), {}, handler};
  for (const std::string_view s : split(pattern)) {
    const bool is_param = s.size() > 2 && s.front() == '{' && s.back() == '}';
    segment part{std::string(is_param ? s.substr(1, s.size() - 2) : s), is_param};
    for (const segment& before : r.segments)
      if (is_param && before == part)
        throw std::invalid_argument("a route names {" + part.text + "} twice: \"" +
                                    std::string(pattern) + '"');
    r.segments.push_back(std::move(part));
  }
  const auto alike = [](const segment& a, const segment& b) {
    return a.is_param ? b.is_param : a == b;
  };
  for (const route& other : routes_)  // a parameter's name tells no paths apart
    if (other.method == r.method && std::ranges::equal(other.segments, r.segments, alike))
      throw std::invalid_argument("a route is there already: " + r.method + ' ' +
                                  std::string(pattern));
  routes_.push_back(std::move(r));
}

bool router::matches(const route& r, const std::vector<std::string_view>& path) noexcept {
  if (r.segments.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const segment& s = r.segments[i];
    if (s.is_param ? path[i].empty() : s.text != path[i]) return false;
  }
  return true;
}

bool router::more_literal(const route& a, const route& b) noexcept {
  for (std::size_t i = 0; i < a.segments.size(); ++i)
    if (a.segments[i].is_param != b.segments[i].is_param) return b.segments[i].is_param;
  return false;
}

router::match router::find(std::string_view method, std::string_view path) const {
  match result;
  std::vector<std::string_view> allowed;
  if (!path.starts_with('/')) return result;
  const std::vector<std::string_view> segments = split(path);
  const route* best = nullptr;
  for (const route& r : routes_) {
    if (!matches(r, segments)) continue;
    const bool serves = r.method == method || (method == "HEAD" && r.method == "GET");
    if (!serves) {
      if (std::ranges::find(allowed, r.method) != allowed.end()) continue;
      allowed.push_back(r.method);
      result.allowed += (result.allowed.empty() ? "" : ", ") + r.method;
      continue;
    }
    const bool exact = r.method == method;
    if (!best || more_literal(r, *best) ||
        (exact && best->method != method && !more_literal(*best, r)))
      best = &r;
  }
  if (!best) return result;
  result.handler = best->handler;
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (best->segments[i].is_param)
      result.params.emplace_back(best->segments[i].text, percent_decode(segments[i]));
  return result;
}

}  // namespace rondo::http
