#include "httpbin.hpp"

#include "json.hpp"

#include <rondo/http/errors.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>

namespace rondo::tools {

using http::server_request;
using http::server_response;

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;
constexpr double longest_delay_s = 60;

server_response bad(std::string why) { return server_response::text(std::move(why) + '\n', 400); }

template <class Number>
std::optional<Number> parse(std::string_view text, Number least, Number most) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || !(n >= least) || !(n <= most))
    return std::nullopt;
  return n;
}

std::string as_json(const http::headers& fields) {
  std::string out = "{";
  for (const auto& [name, value] : fields) {
    if (out.size() > 1) out += ", ";
    out += json_string(name) + ": " + json_string(value);
  }
  return out + '}';
}

std::string query_as_json(std::string_view query) {
  std::string out = "{";
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (out.size() > 1) out += ", ";
    out += json_string(http::percent_decode(pair.substr(0, equals))) + ": " +
           json_string(http::percent_decode(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return out + '}';
}

// Bytes 0, 1, 2, … 255, 0, …: whoever reads them can tell that none is missing.
std::string counting_bytes(std::uint64_t first, std::size_t n) {
  std::string out(n, '\0');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((first + i) & 0xff);
  return out;
}

task<server_response> json(server_request&) {
  co_return server_response::json(
      R"({"slideshow": {"title": "Sample Slide Show", "author": "Rondo"}})"
      "\n");
}

task<server_response> delay(server_request& r) {
  const auto seconds = parse<double>(r.param("seconds"), 0, longest_delay_s);
  if (!seconds) co_return bad("/delay/{seconds} wants a number from 0 to 60");
  co_await sleep_for(std::chrono::duration<double>(*seconds));
  co_return server_response::json("{\"delay\": " + std::string(r.param("seconds")) + "}\n");
}

task<server_response> status(server_request& r) {
  const auto code = parse<int>(r.param("code"), 200, 599);
  if (!code) co_return bad("/status/{code} wants a number from 200 to 599");
  co_return server_response(*code);
}

task<server_response> bytes(server_request& r) {
  const auto n = parse<std::uint64_t>(r.param("n"), 0, most_bytes);
  if (!n) co_return bad("/bytes/{n} wants a number from 0 to 1073741824");
  static constexpr std::size_t piece = 64 * 1024;
  if (*n <= piece)
    co_return server_response::bytes(counting_bytes(0, static_cast<std::size_t>(*n)));
  co_return server_response::stream(
      http::make_body(
          // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the body keeps it
          [done = std::uint64_t{0}, n = *n]() mutable -> task<std::optional<std::string>> {
            if (done == n) co_return std::nullopt;
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece, n - done));
            std::string part = counting_bytes(done, size);
            done += size;
            co_return part;
          }),
      n);
}

task<server_response> stream(server_request& r) {
  const auto n = parse<int>(r.param("n"), 0, 100'000);
  if (!n) co_return bad("/stream/{n} wants a number from 0 to 100000");
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the body keeps it
  co_return server_response::stream(http::make_body([i = 0, n = *n]() mutable
                                                        -> task<std::optional<std::string>> {
    if (i == n) co_return std::nullopt;
    co_return "{\"id\": " + std::to_string(i++) + "}\n";
  })).header("Content-Type", "application/json");
}

task<server_response> show_headers(server_request& r) {
  co_return server_response::json("{\"headers\": " + as_json(r.headers()) + "}\n");
}

task<server_response> get(server_request& r) {
  co_return server_response::json("{\"args\": " + query_as_json(r.query()) +
                                  ", \"headers\": " + as_json(r.headers()) +
                                  ", \"url\": " + json_string(r.target()) + "}\n");
}

task<server_response> post(server_request& r) {
  const std::string body = co_await r.text();
  co_return server_response::json("{\"data\": " + json_string(body) +
                                  ", \"args\": " + query_as_json(r.query()) +
                                  ", \"headers\": " + as_json(r.headers()) + "}\n");
}

task<server_response> redirect(server_request& r) {
  const auto n = parse<int>(r.param("n"), 1, 1000);
  if (!n) co_return bad("/redirect/{n} wants a number from 1 to 1000");
  co_return server_response(302).header("Location",
                                        *n == 1 ? "/get" : "/redirect/" + std::to_string(*n - 1));
}

}  // namespace

void add_httpbin_routes(http::server& s) {
  s.route("GET", "/json", &json)
      .route("GET", "/delay/{seconds}", &delay)
      .route("GET", "/status/{code}", &status)
      .route("GET", "/bytes/{n}", &bytes)
      .route("GET", "/stream/{n}", &stream)
      .route("GET", "/headers", &show_headers)
      .route("GET", "/get", &get)
      .route("POST", "/post", &post)
      .route("GET", "/redirect/{n}", &redirect);
}

}  // namespace rondo::tools
