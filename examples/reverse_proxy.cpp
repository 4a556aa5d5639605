// A reverse proxy: each request goes on to one server behind it, and comes back as that answers.
// Bodies are streamed both ways: no more of one is held than a piece.
//
//   reverse_proxy 127.0.0.1:8080 http://127.0.0.1:9000
//
// Whose fault a failure is, the server itself finds out: what the client does wrong is answered
// with 400 and the like, a server behind that fails with 502, one that is silent with 504.
#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <charconv>
#include <cstdio>
#include <memory>
#include <string>

namespace http = rondo::http;

namespace {

// The body that the client sends, as it comes.
std::unique_ptr<http::body_source> body_of(http::server_request& r) {
  return http::make_body([&r]() -> rondo::task<std::optional<std::string>> {
    const auto piece = co_await r.next_chunk();
    if (piece.empty()) co_return std::nullopt;
    co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
}

// And the one that comes back, with the fields behind it.
std::unique_ptr<http::body_source> body_of(http::response answer) {
  auto kept = std::make_shared<http::response>(std::move(answer));
  return http::make_body(
      [kept]() -> rondo::task<std::optional<std::string>> {
        const auto piece = co_await kept->next_chunk();
        if (piece.empty()) co_return std::nullopt;
        co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
      },
      [kept] { return kept->trailers(); });
}

std::optional<std::uint64_t> length_of(const http::headers& fields) {
  const auto text = fields.get("Content-Length");
  std::uint64_t n = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), n).ec != std::errc())
    return std::nullopt;
  return n;
}

http::request request_onwards(http::server_request& r, const std::string& origin) {
  std::string url = origin + std::string(r.path());
  if (!r.query().empty()) url += '?' + std::string(r.query());
  http::request out(r.method(), url);
  // The origin sees the name that its client asked for.
  if (const auto host = r.headers().get("Host")) out.host(*host);
  http::headers onwards = http::without_hop_by_hop(r.headers());
  std::string cookies;
  for (const std::string_view more : onwards.get_all("Cookie"))
    cookies.append(cookies.empty() ? "" : "; ").append(more);
  if (!cookies.empty()) out.header("Cookie", cookies);
  for (const char* ours : {"Host", "Content-Length", "Expect", "Cookie"}) onwards.remove(ours);
  for (const auto& [name, value] : onwards) {
    // A field that stands there several times is one list.
    const auto before = out.headers().get(name);
    out.header(name,
               before ? std::string(*before) + ", " + std::string(value) : std::string(value));
  }
  const auto client = r.remote();
  if (client.is_ip()) out.header("X-Forwarded-For", client.ip().to_string());
  out.header("X-Forwarded-Proto", r.tls() ? "https" : "http");
  if (r.headers().contains("Content-Length") || r.headers().contains("Transfer-Encoding"))
    out.body(body_of(r), length_of(r.headers()));
  return out;
}

rondo::task<http::server_response> forward(http::server_request& r, http::client& behind,
                                           const std::string& origin) {
  http::response answer = co_await behind.send(request_onwards(r, origin));
  const int status = answer.status();
  const http::headers fields = http::without_hop_by_hop(answer.headers());
  const bool bodiless = r.method() == "HEAD" || status == 204 || status == 205 || status == 304;
  const auto size = length_of(fields);
  http::server_response out =
      bodiless ? http::server_response(status)
               : http::server_response::stream(body_of(std::move(answer)), size, status);
  out.headers() = fields;
  co_return out;
}

rondo::task<> proxy(std::string at, std::string origin) {
  // Redirects, cookies and codings are between the client and the origin.
  http::client behind(http::client_options().follow(0).cookies(nullptr).decode(false).total_timeout(
      std::chrono::seconds(0)));
  http::server s;
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
    s.route(method, "/{rest...}",
            [&](http::server_request& r) { return forward(r, behind, origin); });
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse(at));
  std::printf("proxying %s at %s\n", origin.c_str(), listener.local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await s.serve(std::move(listener));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: reverse_proxy ADDRESS:PORT ORIGIN\n");
    return 2;
  }
  return rondo::run_main([&] { return proxy(argv[1], argv[2]); });
}
