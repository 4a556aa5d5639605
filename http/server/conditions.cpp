#include <rondo/http/server/conditions.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/runtime/core/http_date.hpp>

#include <utility>
#include <vector>

namespace rondo::http::detail {
namespace {

using std::chrono::sys_seconds;

// RFC 9110, section 8.8.3: %x21, %x23-7E and obs-text.
constexpr bool is_etagc(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

// RFC 9110, section 8.8.3.2.
bool strongly_equal(const entity_tag& a, const entity_tag& b) noexcept {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
bool weakly_equal(const entity_tag& a, const entity_tag& b) noexcept {
  return a.opaque == b.opaque;
}

// Whether the fields of that name, "*" or a list of entity tags, name what there is.
bool names(const headers& request, std::string_view field, const validators* current,
           bool (*equal)(const entity_tag&, const entity_tag&) noexcept) {
  const std::vector<std::string_view> values = request.get_all(field);
  if (values.size() == 1 && values.front() == "*") return current != nullptr;
  if (!current || !current->tag) return false;
  for (std::string_view rest : values) {
    for (;;) {
      while (!rest.empty() && (is_ows(rest.front()) || rest.front() == ',')) rest.remove_prefix(1);
      const std::optional<entity_tag> tag = take_entity_tag(rest);
      if (!tag) break;  // the end, or what nobody can read on from
      rest = trim_ows(rest);
      if (!rest.empty() && rest.front() != ',') break;
      if (equal(*tag, *current->tag)) return true;
    }
  }
  return false;
}

// The one date of a field; nullopt when there is none, or several.
std::optional<sys_seconds> date_of(const headers& request, std::string_view field,
                                   sys_seconds now) {
  const std::vector<std::string_view> values = request.get_all(field);
  if (values.size() != 1) return std::nullopt;
  return rondo::detail::parse_http_date(values.front(), now);
}

}  // namespace

std::string entity_tag::to_string() const {
  std::string text = weak ? "W/\"" : "\"";
  text.append(opaque).append(1, '"');
  return text;
}

std::optional<entity_tag> take_entity_tag(std::string_view& text) {
  std::string_view rest = text;
  entity_tag tag;
  if (rest.substr(0, 2) == "W/") {  // which is case-sensitive
    tag.weak = true;
    rest.remove_prefix(2);
  }
  if (rest.empty() || rest.front() != '"') return std::nullopt;
  rest.remove_prefix(1);
  std::size_t size = 0;
  while (size < rest.size() && is_etagc(rest[size])) ++size;
  if (size == rest.size() || rest[size] != '"') return std::nullopt;
  tag.opaque = rest.substr(0, size);
  text = rest.substr(size + 1);
  return tag;
}

condition check_conditions(std::string_view method, const headers& request,
                           const validators* current, sys_seconds now) {
  // RFC 9110, section 13.2.1: methods that select no representation have no conditions.
  if (method == "CONNECT" || method == "OPTIONS" || method == "TRACE") return condition::met;
  const bool reads = method == "GET" || method == "HEAD";
  const std::optional<sys_seconds> modified = current ? current->modified : std::nullopt;
  if (request.contains("If-Match")) {
    if (!names(request, "If-Match", current, &strongly_equal)) return condition::failed;
  } else if (modified) {
    const std::optional<sys_seconds> date = date_of(request, "If-Unmodified-Since", now);
    if (date && *modified > *date) return condition::failed;
  }
  if (request.contains("If-None-Match")) {
    if (names(request, "If-None-Match", current, &weakly_equal))
      return reads ? condition::not_modified : condition::failed;
  } else if (reads && modified) {
    const std::optional<sys_seconds> date = date_of(request, "If-Modified-Since", now);
    if (date && *modified <= *date) return condition::not_modified;
  }
  return condition::met;
}

bool range_counts(const headers& request, const validators& current, sys_seconds now) {
  const std::vector<std::string_view> values = request.get_all("If-Range");
  if (values.empty()) return true;
  if (values.size() > 1) return false;
  std::string_view rest = values.front();
  if (const std::optional<entity_tag> tag = take_entity_tag(rest))
    return rest.empty() && current.tag && strongly_equal(*tag, *current.tag);
  const std::optional<sys_seconds> date = rondo::detail::parse_http_date(values.front(), now);
  return date && current.modified && !current.modified_is_weak && *date == *current.modified;
}

selection select(std::string_view method, const headers& request, const validators& current,
                 std::uint64_t size, sys_seconds now) {
  switch (check_conditions(method, request, &current, now)) {
    case condition::met: break;
    case condition::not_modified: return {304, {}};
    case condition::failed: return {412, {}};
  }
  if (method != "GET" || request.count("Range") != 1 || !range_counts(request, current, now))
    return {};
  range_choice choice = choose_ranges(*request.get("Range"), size);
  switch (choice.what) {
    case range_choice::kind::whole: break;
    case range_choice::kind::parts: return {206, std::move(choice.parts)};
    case range_choice::kind::unsatisfiable: return {416, {}};
  }
  return {};
}

}  // namespace rondo::http::detail
