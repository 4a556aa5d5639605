#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/request_id.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>

namespace rondo::http {
namespace {

constexpr std::size_t trace_id_bytes = 16;
constexpr std::size_t span_id_bytes = 8;
constexpr std::size_t longest_name = 128;

bool is_request_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](char c) {
    return detail::is_alpha(c) || detail::is_digit(c) ||
           std::string_view("-_.=").find(c) != std::string_view::npos;
  });
}

bool is_lower_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return detail::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

// version "-" trace-id "-" parent-id "-" flags; later versions may go on behind another "-".
std::optional<trace_context> parse_traceparent(std::string_view text) {
  static constexpr std::size_t size = 55;
  if (text.size() < size || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  const std::string_view flags = text.substr(53, 2);
  for (const std::string_view part : {version, trace, parent, flags})
    if (!is_lower_hex(part)) return std::nullopt;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return std::nullopt;
  if (text.size() > size && (version == "00" || text[size] != '-')) return std::nullopt;
  return trace_context{.trace_id = std::string(trace),
                       .parent_id = std::string(parent),
                       .span_id = {},
                       .sampled = (detail::hex_value(flags[1]) & 1) != 0};
}

namespace {

trace_context trace_of(const server_request& r) {
  std::optional<trace_context> trace;
  if (r.headers().count("traceparent") == 1)
    trace = parse_traceparent(*r.headers().get("traceparent"));
  const std::string fresh = detail::random_hex(trace_id_bytes + span_id_bytes);
  if (!trace) trace.emplace().trace_id = fresh.substr(0, 2 * trace_id_bytes);
  trace->span_id = fresh.substr(2 * trace_id_bytes);
  return *std::move(trace);
}

}  // namespace

task<server_response> request_id::operator()(server_request& r, next& rest) const {
  const std::string_view given = r.headers().get("X-Request-Id").value_or("");
  request_id_value id{accepts_ && is_request_name(given) ? std::string(given)
                                                         : detail::random_hex(trace_id_bytes)};
  r.put(id);
  if (!r.find<trace_context>()) r.put(trace_of(r));
  server_response answer = co_await rest(r);
  answer.header("X-Request-Id", id.text);
  co_return answer;
}

}  // namespace rondo::http
