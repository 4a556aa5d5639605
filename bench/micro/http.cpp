// HTTP without a connection: a response's head parsed, a request's head parsed, a field looked up,
// a URL parsed.
#include "harness.hpp"

#include "../allocations.hpp"

#include <rondo/http/headers.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/parser.hpp>

#include <span>
#include <string_view>

namespace rondo::bench {
namespace {

// As nginx answers, with a body of 16 bytes.
constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Thu, 26 Nov 2026 11:32:25 GMT\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 16\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
    "0123456789abcde\n";

// As a browser asks.
constexpr std::string_view request =
    "GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; rv:1.9.2) Gecko/20100115\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-us,en;q=0.5\r\n"
    "Accept-Encoding: gzip,deflate\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; "
    "__utma=xxxxxxxxx.xxxxxxxxxx\r\n"
    "\r\n";

// Counts allocations beside the time, as `costs` does in a loop.
template <class Work>
void measure(State& state, Work work) {
  work();
  const std::uint64_t before = allocations().calls;
  for (auto _ : state) work();
  state.counters["allocs"] = benchmark::Counter(static_cast<double>(allocations().calls - before),
                                                benchmark::Counter::kAvgIterations);
}

template <class Parser, class Begin>
void parse(State& state, Parser& parser, std::string_view text, Begin begin) {
  const auto bytes = std::as_bytes(std::span(text));
  measure(state, [&] {
    begin();
    auto rest = bytes;
    for (auto event = http::parse_event::need_more; event != http::parse_event::end;) {
      const auto step = parser.next(rest);
      rest = rest.subspan(step.consumed);
      event = step.event;
      if (event == http::parse_event::head) benchmark::DoNotOptimize(parser.take_head());
    }
  });
}

void parse_response(State& state) {
  http::response_parser parser;
  parse(state, parser, response, [&] { parser.expect("GET"); });
}

void parse_request(State& state) {
  http::request_parser parser;
  parse(state, parser, request, [] {});
}

void find_header(State& state) {
  const http::headers h{{"Server", "nginx/1.22.1"},
                        {"Date", "Thu, 26 Nov 2026 11:32:25 GMT"},
                        {"Content-Type", "text/plain"},
                        {"Content-Length", "16"},
                        {"Connection", "keep-alive"}};
  measure(state, [&] { benchmark::DoNotOptimize(h.get("connection")); });
}

void parse_url(State& state) {
  measure(state, [] {
    benchmark::DoNotOptimize(http::url::parse("http://user@example.org:8080/a/b/c?x=1&y=2#top"));
  });
}

}  // namespace

void add_http() {
  add("http/parse_response", parse_response);
  add("http/parse_request", parse_request);
  add("http/find_header", find_header);
  add("http/parse_url", parse_url);
}

}  // namespace rondo::bench
