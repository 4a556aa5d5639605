#include "httpbin.hpp"

#include "httpbin_digest.hpp"
#include "httpbin_images.hpp"
#include "json.hpp"

#include <rondo/http/compress.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/multipart_reader.hpp>
#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/server/conditions.hpp>
#include <rondo/http/server_auth.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/runtime/sleep.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace rondo::tools {

using http::server_request;
using http::server_response;

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;
constexpr std::size_t one_piece = std::size_t{64} * 1024;
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

// An object of what came under each name: a text, or a list of them.
std::string as_json(const http::form_fields& fields) {
  std::map<std::string, std::vector<std::string>> by_name;
  for (const auto& [name, value] : fields) by_name[name].push_back(json_string(value));
  std::string out = "{";
  for (const auto& [name, values] : by_name) {
    if (out.size() > 1) out += ", ";
    out += json_string(name) + ": ";
    if (values.size() == 1) {
      out += values.front();
      continue;
    }
    for (std::size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "[" : ", ") + values[i];
    out += ']';
  }
  return out + '}';
}

std::string as_json(const http::headers& fields) {
  http::form_fields pairs;
  for (const auto& [name, value] : fields) pairs.emplace_back(name, value);
  return as_json(pairs);
}

std::string url_of(const server_request& r) {
  if (!r.target().starts_with('/')) return r.target();
  std::string out = r.tls() ? "https://" : "http://";
  return out.append(r.headers().get("Host").value_or("")).append(r.target());
}

std::string origin_of(const server_request& r) {
  const net::endpoint client = r.client();
  return client.is_unix() ? "unix" : client.ip().to_string();
}

// What every answer tells of its request.
std::string common_facts(const server_request& r) {
  return "\"args\": " + as_json(r.query_fields()) + ", \"headers\": " + as_json(r.headers()) +
         ", \"origin\": " + json_string(origin_of(r)) + ", \"url\": " + json_string(url_of(r));
}

bool has_type(const server_request& r, std::string_view type) {
  const std::string_view given = r.headers().get("Content-Type").value_or("");
  return given.substr(0, given.find(';')) == type;
}

// A body as text, as a form, as files and as JSON: whatever it is.
task<std::string> body_facts(server_request& r) {
  http::form_fields form;
  http::form_fields files;
  std::string data;
  std::string json = "null";
  if (has_type(r, "application/x-www-form-urlencoded")) {
    form = co_await r.form();
  } else if (has_type(r, "multipart/form-data")) {
    http::multipart_reader parts(r);
    while (co_await parts.next()) {
      http::form_fields& into = parts.filename() ? files : form;
      std::string name = parts.name();
      into.emplace_back(std::move(name), co_await parts.text());
    }
  } else {
    data = co_await r.text();
    if (nlohmann::json::accept(data)) json = data;
  }
  co_return "\"data\": " + json_string(data) + ", \"form\": " + as_json(form) +
      ", \"files\": " + as_json(files) + ", \"json\": " + json;
}

// Bytes 0, 1, 2, … 255, 0, …: whoever reads them can tell that none is missing.
std::string counting_bytes(std::uint64_t first, std::size_t n) {
  std::string out(n, '\0');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((first + i) & 0xff);
  return out;
}

std::unique_ptr<http::body_source> counting_source(std::uint64_t first, std::uint64_t n) {
  return http::make_body(
      // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the body keeps it
      [done = std::uint64_t{0}, first, n]() mutable -> task<std::optional<std::string>> {
        if (done == n) co_return std::nullopt;
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(one_piece, n - done));
        std::string part = counting_bytes(first + done, size);
        done += size;
        co_return part;
      });
}

std::chrono::sys_seconds today() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// --- what is asked

task<server_response> get(server_request& r) {
  co_return server_response::json('{' + common_facts(r) + "}\n");
}

task<server_response> post(server_request& r) {
  const std::string body = co_await body_facts(r);
  co_return server_response::json('{' + body + ", " + common_facts(r) + "}\n");
}

task<server_response> anything(server_request& r) {
  const std::string body = co_await body_facts(r);
  co_return server_response::json("{\"method\": " + json_string(r.method()) + ", " + body + ", " +
                                  common_facts(r) + "}\n");
}

task<server_response> show_headers(server_request& r) {
  co_return server_response::json("{\"headers\": " + as_json(r.headers()) + "}\n");
}

task<server_response> ip(server_request& r) {
  co_return server_response::json("{\"origin\": " + json_string(origin_of(r)) + "}\n");
}

task<server_response> user_agent(server_request& r) {
  co_return server_response::json(
      "{\"user-agent\": " + json_string(r.headers().get("User-Agent").value_or("")) + "}\n");
}

// --- statuses and redirects

// From 0 to 1.
double any_fraction() {
  std::uint32_t bits = 0;
  http::detail::fill_random(std::as_writable_bytes(std::span(&bits, 1)));
  return bits / 4294967296.0;
}

// "500", or "200:9,500:1": one of them, by weight. nullopt: it cannot be read.
std::optional<int> any_status(std::string_view list) {
  std::vector<std::pair<int, double>> all;
  double weights = 0;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    const std::string_view one = list.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) list.remove_prefix(comma + 1);
    const std::size_t colon = one.find(':');
    const auto code = parse<int>(one.substr(0, colon), 200, 599);
    const auto weight = colon == std::string_view::npos
                            ? std::optional<double>(1)
                            : parse<double>(one.substr(colon + 1), 0, 1e9);
    if (!code || !weight) return std::nullopt;
    all.emplace_back(*code, weights += *weight);
  }
  const double chosen = any_fraction() * weights;
  for (const auto& [code, up_to] : all)
    if (chosen < up_to) return code;
  return all.back().first;
}

task<server_response> status(server_request& r) {
  const auto code = any_status(r.param("code"));
  if (!code) co_return bad("/status/{code} wants numbers from 200 to 599: 500, or 200:9,500:1");
  server_response answer(*code);
  if (*code == 401) answer.header("WWW-Authenticate", "Basic realm=\"Fake Realm\"");
  if (*code >= 301 && *code <= 308 && *code != 304 && *code != 306)
    answer.header("Location", "/redirect/1");
  co_return answer;
}

task<server_response> redirect(server_request& r) {
  const auto n = parse<int>(r.param("n"), 1, 1000);
  if (!n) co_return bad("/redirect/{n} wants a number from 1 to 1000");
  const std::string_view path = r.path();
  const std::string_view stem = path.substr(0, path.rfind('/') + 1);
  std::string to = *n == 1 ? "/get" : std::string(stem) + std::to_string(*n - 1);
  if (stem == "/absolute-redirect/") {
    const std::string here = url_of(r);
    to.insert(0, here.substr(0, here.find('/', here.find("://") + 3)));
  }
  co_return server_response::redirect(to);
}

task<server_response> redirect_to(server_request& r) {
  const auto to = r.query("url");
  const auto code = parse<int>(r.query("status_code").value_or("302"), 301, 308);
  if (!to || !code || *code == 304 || *code == 305 || *code == 306)
    co_return bad("/redirect-to wants url=, and a status_code= of 301, 302, 303, 307 or 308");
  co_return server_response::redirect(*to, *code);
}

// --- bodies

task<server_response> json(server_request&) {
  co_return server_response::json(
      R"({"slideshow": {"title": "Sample Slide Show", "author": "Rondo"}})"
      "\n");
}

task<server_response> html(server_request&) {
  co_return server_response::html(
      "<!doctype html>\n<html lang=\"en\"><title>Rondo</title>\n<h1>Rondo</h1>\n"
      "<p>A page to be looked at by programs.</p></html>\n");
}

task<server_response> xml(server_request&) {
  co_return server_response::text(
      "<?xml version=\"1.0\"?>\n<slideshow title=\"Sample Slide Show\" author=\"Rondo\"/>\n")
      .header("Content-Type", "application/xml");
}

task<server_response> index_page(server_request&) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><title>rondo serve</title>\n<h1>rondo serve</h1>\n"
      "<p><img src=\"/image/svg\" alt=\"\"></p>\n<p>A test server in the manner of "
      "httpbin.</p>\n<ul>\n";
  for (const std::string_view path : {"/get?a=1",
                                      "/anything",
                                      "/headers",
                                      "/ip",
                                      "/user-agent",
                                      "/status/418",
                                      "/redirect/3",
                                      "/json",
                                      "/html",
                                      "/xml",
                                      "/image/png",
                                      "/bytes/64",
                                      "/stream/5",
                                      "/gzip",
                                      "/brotli",
                                      "/uuid",
                                      "/links/5",
                                      "/forms/post",
                                      "/delay/1",
                                      "/drip",
                                      "/basic-auth/user/password",
                                      "/digest-auth/auth/user/password",
                                      "/bearer",
                                      "/cookies",
                                      "/cache",
                                      "/etag/tag",
                                      "/range/64"})
    out.append("<li><a href=\"").append(path).append("\">").append(path).append("</a>\n");
  co_return server_response::html(out + "</ul></html>\n");
}

task<server_response> robots(server_request&) {
  co_return server_response::text("User-agent: *\nDisallow: /deny\n");
}

task<server_response> deny(server_request&) {
  co_return server_response::text("You shouldn't be here.\n");
}

task<server_response> form_page(server_request&) {
  co_return server_response::html(
      "<!doctype html>\n<html lang=\"en\"><title>An order</title>\n"
      "<form method=\"post\" action=\"/post\">\n"
      "<p><label>Name <input name=\"custname\"></label>\n"
      "<p><label>E-mail <input type=\"email\" name=\"custemail\"></label>\n"
      "<p><label><input type=\"radio\" name=\"size\" value=\"small\"> Small</label>\n"
      "<label><input type=\"radio\" name=\"size\" value=\"large\"> Large</label>\n"
      "<p><label><input type=\"checkbox\" name=\"topping\" value=\"cheese\"> Cheese</label>\n"
      "<label><input type=\"checkbox\" name=\"topping\" value=\"onion\"> Onion</label>\n"
      "<p><label>For the driver <textarea name=\"comments\"></textarea></label>\n"
      "<p><button>Order</button>\n</form></html>\n");
}

// A page of links to the other pages of n.
task<server_response> links(server_request& r) {
  const auto n = parse<int>(r.param("n"), 0, 200);
  const bool numbered = !r.param("page").empty();
  const auto page = numbered ? parse<int>(r.param("page"), 0, 200) : std::optional<int>(0);
  if (!n || !page) co_return bad("/links/{n}/{page} wants numbers from 0 to 200");
  const std::string stem = "/links/" + std::to_string(*n) + '/';
  if (!numbered) co_return server_response::redirect(stem + '0');
  std::string out = "<!doctype html>\n<html lang=\"en\"><title>Links</title>\n";
  for (int i = 0; i < *n; ++i) {
    const std::string number = std::to_string(i);
    out += i == *page ? number + '\n' : "<a href=\"" + stem + number + "\">" + number + "</a>\n";
  }
  co_return server_response::html(out + "</html>\n");
}

// RFC 9562, section 5.4.
task<server_response> uuid(server_request&) {
  std::string digits = http::detail::random_hex(16);
  digits[12] = '4';
  digits[16] = "89ab"[(digits[16] % 4)];
  for (const std::size_t at : {20U, 16U, 12U, 8U}) digits.insert(at, 1, '-');
  co_return server_response::json("{\"uuid\": \"" + digits + "\"}\n");
}

server_response picture(std::string_view type) {
  return std::move(server_response::bytes(image_of_type(type)).header("Content-Type", type));
}

// The kind that the client would like best.
task<server_response> any_picture(server_request& r) {
  const std::string_view type = r.accepts("image/png", "image/webp", "image/jpeg", "image/svg+xml");
  if (type.empty()) co_return server_response::text("/image is an image\n", 406);
  co_return std::move(picture(type).header("Vary", "Accept"));
}

task<server_response> utf8(server_request&) {
  co_return server_response::html(
      "<!doctype html>\n<p>\xe2\x88\xae E\xe2\x8b\x85"
      "da = Q, \xce\xb5\xce\xbb\xce\xbb\xce\xb7\xce\xbd\xce\xb9\xce\xba\xce\xac, "
      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e</p>\n");
}

task<server_response> bytes(server_request& r) {
  const auto n = parse<std::uint64_t>(r.param("n"), 0, most_bytes);
  if (!n) co_return bad("/bytes/{n} wants a number from 0 to 1073741824");
  if (*n <= one_piece)
    co_return server_response::bytes(counting_bytes(0, static_cast<std::size_t>(*n)));
  co_return server_response::stream(counting_source(0, *n), n);
}

task<server_response> stream_bytes(server_request& r) {
  const auto n = parse<std::uint64_t>(r.param("n"), 0, most_bytes);
  if (!n) co_return bad("/stream-bytes/{n} wants a number from 0 to 1073741824");
  co_return server_response::stream(counting_source(0, *n));
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

// The text comes in base64, URL-safe or not, with its padding or without.
task<server_response> base64(server_request& r) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  std::string_view text = r.param("text");
  while (text.ends_with('=')) text.remove_suffix(1);
  for (char c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) co_return bad("/base64/{text} wants base64");
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xffU);
  }
  co_return server_response::text(std::move(out));
}

// Coded whatever the client accepts: that is what it is for.
task<server_response> coded(server_request& r, std::string coding, const char* flag) {
  if (!http::compress::is_built_in)
    co_return server_response::text("rondo was built without zlib\n", 501);
  const std::string text = "{\"" + std::string(flag) + "\": true, " + common_facts(r) + "}\n";
  co_return server_response::json(http::compressed(text, coding))
      .header("Content-Encoding", coding);
}

// As it is, in the form of Brotli (RFC 7932, section 9.2): a window of 16 bits, meta-blocks that
// are not compressed, and an empty last one.
std::string in_brotli(const std::string& text) {
  constexpr std::size_t most = 0x10000;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += most) {
    const std::size_t n = std::min(most, text.size() - at);
    // The window is said once, by a bit that is zero.
    const auto head = (static_cast<std::uint32_t>(n - 1) << 3U | 1U << 19U) << (at == 0 ? 1U : 0U);
    for (unsigned shift = 0; shift < 24; shift += 8)
      out += static_cast<char>(head >> shift & 0xffU);
    out.append(text, at, n);
  }
  return out + '\x03';
}

task<server_response> brotli(server_request& r) {
  const std::string text = "{\"brotli\": true, " + common_facts(r) + "}\n";
  co_return std::move(server_response::json(in_brotli(text)).header("Content-Encoding", "br"));
}

// --- time

task<server_response> delay(server_request& r) {
  const auto seconds = parse<double>(r.param("seconds"), 0, longest_delay_s);
  if (!seconds) co_return bad("/delay/{seconds} wants a number from 0 to 60");
  co_await sleep_for(std::chrono::duration<double>(*seconds));
  co_return server_response::json("{\"delay\": " + std::string(r.param("seconds")) + ", " +
                                  common_facts(r) + "}\n");
}

task<server_response> drip(server_request& r) {
  const auto duration = parse<double>(r.query("duration").value_or("2"), 0, longest_delay_s);
  const auto first = parse<double>(r.query("delay").value_or("0"), 0, longest_delay_s);
  const auto n = parse<std::uint64_t>(r.query("numbytes").value_or("10"), 1, 10'000);
  const auto code = parse<int>(r.query("code").value_or("200"), 200, 599);
  if (!duration || !first || !n || !code || *code == 204 || *code == 205 || *code == 304)
    co_return bad(
        "/drip wants duration= and delay= of 0 to 60 seconds, numbytes= of 1 to 10000, and a code= "
        "that has a body");
  co_await sleep_for(std::chrono::duration<double>(*first));
  const std::chrono::duration<double> between(*duration / static_cast<double>(*n));
  co_return server_response::stream(
      http::make_body(
          // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the body keeps it
          [left = *n, between]() mutable -> task<std::optional<std::string>> {
            if (left == 0) co_return std::nullopt;
            --left;
            co_await sleep_for(between);
            co_return "*";
          }),
      n, *code);
}

// --- who asks

// The name and the password are what the path says.
task<server_response> basic_auth(server_request& r) {
  const std::string user(r.param("user"));
  std::string wanted;
  try {
    const http::request asked =
        http::request("GET", "http://localhost/").basic_auth(user, r.param("password"));
    wanted = *asked.headers().get("Authorization");
  } catch (const std::invalid_argument& e) {
    co_return bad(e.what());
  }
  if (!http::equal_in_constant_time(wanted, r.headers().get("Authorization").value_or("")))
    co_return server_response(401).header("WWW-Authenticate", "Basic realm=\"Fake Realm\"");
  co_return server_response::json("{\"authenticated\": true, \"user\": " + json_string(user) +
                                  "}\n");
}

task<server_response> hidden_basic_auth(server_request& r) {
  server_response answer = co_await basic_auth(r);
  if (answer.status() == 401) co_return server_response::text("no such path\n", 404);
  co_return answer;
}

task<server_response> bearer(server_request& r) {
  const auto given = r.headers().get("Authorization").value_or("");
  static constexpr std::string_view scheme = "Bearer ";
  if (!given.starts_with(scheme) || given.size() == scheme.size())
    co_return server_response(401).header("WWW-Authenticate", "Bearer");
  co_return server_response::json(
      "{\"authenticated\": true, \"token\": " + json_string(given.substr(scheme.size())) + "}\n");
}

// --- state

task<server_response> cookies(server_request& r) {
  http::form_fields pairs;
  for (const auto& [name, value] : r.cookies()) pairs.emplace_back(name, value);
  co_return server_response::json("{\"cookies\": " + as_json(pairs) + "}\n");
}

// A name or a value that no cookie holds is the client's fault.
task<server_response> set_cookies(http::form_fields pairs, bool expired) {
  server_response answer = server_response::redirect("/cookies");
  try {
    for (const auto& [name, value] : pairs) {
      http::cookie c{.name = name, .value = expired ? std::string() : value, .domain = {}};
      if (expired) c.expires = std::chrono::sys_seconds();
      answer.set_cookie(c);
    }
  } catch (const std::invalid_argument& e) {
    co_return bad(e.what());
  }
  co_return answer;
}

// --- fields

task<server_response> response_headers(server_request& r) {
  const http::form_fields fields = r.query_fields();
  server_response answer = server_response::json(as_json(fields) + '\n');
  try {
    for (const auto& [name, value] : fields) answer.add_header(name, value);
  } catch (const std::invalid_argument& e) {
    co_return bad(e.what());
  }
  answer.headers().remove("Content-Length");  // that one is the body's
  co_return answer;
}

// 304 to who has it, 412 to who wants another; else the request, with the tag.
task<server_response> etag(server_request& r) {
  const http::detail::validators current{
      .tag = http::detail::entity_tag{.opaque = std::string(r.param("tag"))}, .modified = {}};
  const std::string tag = current.tag->to_string();
  using http::detail::condition;
  switch (check_conditions(r.method(), r.headers(), &current, today())) {
    case condition::not_modified: co_return server_response(304).header("ETag", tag);
    case condition::failed: co_return server_response(412).header("ETag", tag);
    case condition::met: break;
  }
  co_return (co_await get(r)).header("ETag", tag);
}

// n bytes, of which one range may be asked for.
task<server_response> range(server_request& r) {
  const auto n = parse<std::uint64_t>(r.param("n"), 0, most_bytes);
  if (!n) co_return bad("/range/{n} wants a number from 0 to 1073741824");
  const http::detail::validators current{
      .tag = http::detail::entity_tag{.opaque = "range" + std::to_string(*n)}, .modified = {}};
  const auto chosen = http::detail::select(r.method(), r.headers(), current, *n, today());
  // Several ranges: the whole, as a server may (RFC 9110, section 14.2).
  const bool partial = chosen.status == 206 && chosen.parts.size() == 1;
  http::detail::byte_range part{.first = 0, .size = *n};
  if (partial) part = chosen.parts.front();
  const int status = chosen.status == 206 && !partial ? 200 : chosen.status;
  server_response answer(status);
  if (status == 200 || status == 206)
    answer = server_response::stream(counting_source(part.first, part.size), part.size, status);
  answer.header("ETag", current.tag->to_string()).header("Accept-Ranges", "bytes");
  if (partial) answer.header("Content-Range", http::detail::content_range(part, *n));
  if (status == 416) answer.header("Content-Range", http::detail::unsatisfied_range(*n));
  co_return answer;
}

// 304 to whoever has anything.
task<server_response> cache_by_condition(server_request& r) {
  if (r.headers().contains("If-Modified-Since") || r.headers().contains("If-None-Match"))
    co_return server_response(304);
  co_return (co_await get(r))
      .header("Last-Modified", http::detail::http_date(today()))
      .header("ETag", '"' + http::detail::random_hex(16) + '"');
}

task<server_response> cache(server_request& r) {
  const auto seconds = parse<std::uint32_t>(r.param("seconds"), 0, 1'000'000'000);
  if (!seconds) co_return bad("/cache/{seconds} wants a number");
  co_return (co_await get(r))
      .header("Cache-Control", "public, max-age=" + std::to_string(*seconds));
}

task<> echo_messages(http::websocket& ws) {
  while (const auto m = co_await ws.receive()) co_await ws.send(*m);
}

}  // namespace

void add_httpbin_routes(http::server& s) {
  s.websocket("/websocket/echo", &echo_messages, http::websocket_options().compress(true));
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    s.route(method, "/anything", &anything)
        .route(method, "/anything/{rest...}", &anything)
        .route(method, "/status/{code}", &status)
        .route(method, "/delay/{seconds}", &delay)
        .route(method, "/redirect-to", &redirect_to);
  }
  s.route("GET", "/get", &get).route("POST", "/post", &post).route("PUT", "/put", &post);
  s.route("PATCH", "/patch", &post).route("DELETE", "/delete", &post);
  s.route("GET", "/headers", &show_headers)
      .route("GET", "/ip", &ip)
      .route("GET", "/user-agent", &user_agent);
  for (const char* path : {"/redirect/{n}", "/relative-redirect/{n}", "/absolute-redirect/{n}"})
    s.route("GET", path, &redirect);
  s.route("GET", "/json", &json)
      .route("GET", "/html", &html)
      .route("GET", "/xml", &xml)
      .route("GET", "/robots.txt", &robots)
      .route("GET", "/deny", &deny)
      .route("GET", "/encoding/utf8", &utf8)
      .route("GET", "/bytes/{n}", &bytes)
      .route("GET", "/stream-bytes/{n}", &stream_bytes)
      .route("GET", "/stream/{n}", &stream)
      .route("GET", "/base64/{text}", &base64)
      .route("GET", "/gzip", [](server_request& r) { return coded(r, "gzip", "gzipped"); })
      .route("GET", "/deflate", [](server_request& r) { return coded(r, "deflate", "deflated"); });
  s.route("GET", "/", &index_page)
      .route("GET", "/forms/post", &form_page)
      .route("GET", "/links/{n}", &links)
      .route("GET", "/links/{n}/{page}", &links)
      .route("GET", "/uuid", &uuid)
      .route("GET", "/brotli", &brotli)
      .route("GET", "/image", &any_picture);
  for (const char* kind : {"png", "jpeg", "webp", "svg"}) {
    const std::string type =
        "image/" + std::string(kind == std::string_view("svg") ? "svg+xml" : kind);
    s.route("GET", std::string("/image/") + kind,
            [type](server_request&) -> task<server_response> { co_return picture(type); });
  }
  s.route("GET", "/drip", &drip);
  s.route("GET", "/basic-auth/{user}/{password}", &basic_auth)
      .route("GET", "/hidden-basic-auth/{user}/{password}", &hidden_basic_auth)
      .route("GET", "/bearer", &bearer);
  for (const char* rest : {"", "/{algorithm}", "/{algorithm}/{stale_after}"})
    s.route("GET", std::string("/digest-auth/{qop}/{user}/{password}") + rest, &digest_auth);
  s.route("GET", "/cookies", &cookies)
      .route("GET", "/cookies/set",
             [](server_request& r) { return set_cookies(r.query_fields(), false); })
      .route("GET", "/cookies/set/{name}/{value}",
             [](server_request& r) {
               return set_cookies({{std::string(r.param("name")), std::string(r.param("value"))}},
                                  false);
             })
      .route("GET", "/cookies/delete",
             [](server_request& r) { return set_cookies(r.query_fields(), true); });
  s.route("GET", "/response-headers", &response_headers)
      .route("POST", "/response-headers", &response_headers)
      .route("GET", "/cache", &cache_by_condition)
      .route("GET", "/cache/{seconds}", &cache)
      .route("GET", "/etag/{tag}", &etag)
      .route("GET", "/range/{n}", &range);
}

}  // namespace rondo::tools
