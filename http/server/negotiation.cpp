#include <rondo/http/server/negotiation.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/media_type.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// Calls fn(what, weight, has_parameters) for each member of the list that fields of this name make.
template <class Fn>
void for_each_weighed(const headers& fields, std::string_view name, Fn fn) {
  for (const auto& [field_name, value] : fields) {
    if (!iequals(field_name, name)) continue;
    std::string_view member;
    for (std::size_t at = 0; headers_access::next_in_list(value, at, member);) {
      parameter_reader p(member);
      int weight = 1000;
      bool parameters = false;
      while (p.next()) {
        if (iequals(p.name(), "q"))
          weight = parse_weight(p.text());
        else
          parameters = true;
      }
      if (!p.value().empty() && !p.malformed() && weight >= 0) fn(p.value(), weight, parameters);
    }
  }
}

// How closely a media range names `type`: 0 for "*/*", up to 2 for the type itself; -1: not at all.
int closeness(std::string_view range, std::string_view type) noexcept {
  if (range == "*/*") return 0;
  if (iequals(range, type)) return 2;
  if (!range.ends_with("/*")) return -1;
  range.remove_suffix(1);
  return iequals(range, type.substr(0, range.size())) ? 1 : -1;
}

}  // namespace

std::string_view preferred_type(const headers& fields, std::span<const std::string_view> offered) {
  if (!fields.contains("Accept")) return offered.empty() ? std::string_view() : offered.front();
  std::string_view best;
  int most = 0;
  for (const std::string_view type : offered) {
    int closest = -1;
    int weight = 0;
    for_each_weighed(fields, "Accept", [&](std::string_view range, int w, bool parameters) {
      // "text/html;level=1" is a range that no type without parameters is in.
      const int close = parameters ? -1 : closeness(range, type);
      if (close < 0 || close < closest) return;
      weight = close == closest ? std::max(weight, w) : w;
      closest = close;
    });
    if (weight <= most) continue;
    most = weight;
    best = type;
  }
  return best;
}

int weight_of_coding(const headers& fields, std::string_view coding) {
  int named = -1;
  int any = -1;
  for_each_weighed(fields, "Accept-Encoding", [&](std::string_view what, int weight, bool) {
    // RFC 9110, section 8.4.1.3: "x-gzip" is "gzip".
    if (iequals(what, coding) || (coding == "gzip" && iequals(what, "x-gzip")))
      named = std::max(named, weight);
    else if (what == "*")
      any = std::max(any, weight);
  });
  return named >= 0 ? named : std::max(any, 0);
}

}  // namespace rondo::http::detail
