// What a request is made of and how it goes out: the builder, bodies, Expect, answers that come
// early, and the time that each phase may take.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <cstdlib>
#include <fstream>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::phase;
using http::server_request;
using http::server_response;

namespace http_requests {

namespace {

// Answers every request with its own head and body.
void add_mirror(http::server& s) {
  for (const char* method : {"GET", "POST", "PUT"})
    s.route(method, "/{path}", [](server_request& r) -> task<server_response> {
      std::string all = r.method() + ' ' + r.target() + '\n';
      for (const auto& [name, value] : r.headers())
        all += std::string(name) + ": " + std::string(value) + '\n';
      all += '\n' + co_await r.text();
      co_return server_response::text(all);
    });
}

task<std::string> mirrored(http::client& c, http::request r) {
  http::response answer = co_await c.send(std::move(r));
  co_return co_await answer.text();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

template <class Fn>
bool refused(Fn fn) {
  try {
    fn();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

// A file with this content; removed at the end.
class temporary_file {
 public:
  explicit temporary_file(const std::string& content)
      : path_(testing::TempDir() + "rondo-body-XXXXXX") {
    const int fd = ::mkstemp(path_.data());
    ::close(fd);
    std::ofstream(path_) << content;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

EVERY_VERSION(HttpRequest, SaysWhatItsBuilderWasTold) {
  http::server server;
  add_mirror(server);
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken().header("X-Default", "d"));
    std::string m = co_await mirrored(
        c, http::request("GET", at + "/x?a=1").query("q", "b c&d").header("X-Id", "7"));
    EXPECT_TRUE(m.starts_with("GET /x?a=1&q=b%20c%26d\n")) << m;
    EXPECT_TRUE(contains(m, as_sent("X-Id: 7\n")) && contains(m, as_sent("X-Default: d\n"))) << m;
    EXPECT_FALSE(contains(m, "Content-Length"));

    m = co_await mirrored(c, http::request("POST", at + "/x").json("{\"a\":1}"));
    EXPECT_TRUE(contains(m, as_sent("Content-Type: application/json\n")) &&
                m.ends_with("\n\n{\"a\":1}"));

    m = co_await mirrored(
        c, http::request("POST", at + "/x").form({{"a b", "c&d"}, {"e", "\xc3\xa4"}}));
    EXPECT_TRUE(contains(m, as_sent("Content-Type: application/x-www-form-urlencoded\n")));
    EXPECT_TRUE(m.ends_with("\n\na+b=c%26d&e=%C3%A4")) << m;

    m = co_await mirrored(c, http::request("GET", at + "/x").basic_auth("Aladdin", "open sesame"));
    EXPECT_TRUE(contains(m, as_sent("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"))) << m;
    m = co_await mirrored(c, http::request("GET", at + "/x").bearer_auth("abc.def"));
    EXPECT_TRUE(contains(m, as_sent("Authorization: Bearer abc.def\n"))) << m;
    m = co_await mirrored(c, http::request("GET", "http://us%40er:p%3Aw@" + at.substr(7) + "/x"));
    EXPECT_TRUE(contains(m, as_sent("Authorization: Basic dXNAZXI6cDp3\n"))) << m;
    m = co_await mirrored(c, http::request("GET", at + "/x").cookie("a", "1").cookie("b", "2"));
    EXPECT_TRUE(contains(m, as_sent("Cookie: a=1; b=2\n"))) << m;
  });
}

EVERY_VERSION(HttpRequest, SendsFormsOfManyParts) {
  http::server server;
  add_mirror(server);
  const temporary_file file(std::string(200'000, 'f'));
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    http::multipart parts;
    parts.field("title", "Sum\"mer").file("photo", "a\"b.jpg", "JPEG", "image/jpeg");
    parts.path("log", file.path(), "text/plain");
    const std::uint64_t size = parts.size();
    const std::string type = parts.content_type();
    const std::string m =
        co_await mirrored(c, http::request("POST", at + "/x").multipart(std::move(parts)));
    EXPECT_TRUE(contains(m, as_sent("Content-Type: " + type + "\n")));
    EXPECT_TRUE(contains(m, as_sent("Content-Length: " + std::to_string(size) + "\n")));
    const std::string boundary = "--" + type.substr(type.find('=') + 1);
    const std::string body = m.substr(m.find("\n\n") + 2);
    EXPECT_EQ(body.size(), size);
    EXPECT_EQ(body, boundary +
                        "\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nSum\"mer\r\n" +
                        boundary +
                        "\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a%22b.jpg\""
                        "\r\nContent-Type: image/jpeg\r\n\r\nJPEG\r\n" +
                        boundary + "\r\nContent-Disposition: form-data; name=\"log\"; filename=\"" +
                        file.path().substr(file.path().rfind('/') + 1) +
                        "\"\r\nContent-Type: text/plain\r\n\r\n" + std::string(200'000, 'f') +
                        "\r\n" + boundary + "--\r\n");
  });
}

// The system would take the part before the NUL: another file, which is there.
TEST(HttpPaths, WithANulByteAreRefusedBeforeAnythingIsOpened) {
  const temporary_file secret("secret");
  using namespace std::string_literals;
  for (const std::string& path :
       {secret.path() + "\0.png"s, secret.path() + "\0"s, "\0"s, "\0"s + secret.path()}) {
    const auto refusal = [&](auto call) -> std::string {
      try {
        call();
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::invalid_argument);
        return e.what();
      }
      return "";
    };
    std::string shown = path;
    shown.replace(shown.find('\0'), 1, "\\0");
    for (const std::string& said : {refusal([&] { static_cast<void>(http::file_size(path)); }),
                                    refusal([&] { static_cast<void>(http::file_body(path)); }),
                                    refusal([&] { http::request("PUT", "http://a/").file(path); }),
                                    refusal([&] { http::multipart().path("f", path); })})
      EXPECT_NE(said.find('"' + shown + '"'), std::string::npos) << said;
    http::request untouched("PUT", "http://a/");
    untouched.body("kept");
    EXPECT_THROW(untouched.file(path), std::system_error);
    EXPECT_THROW(http::client_options().unix_socket("/tmp/a\0b"s), std::invalid_argument);
  }
}

EVERY_VERSION(HttpRequest, StreamsAFile) {
  http::server server;
  add_mirror(server);
  const std::string content = pattern(300'000);
  const temporary_file file(content);
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(spoken());
    const std::string m = co_await mirrored(c, http::request("PUT", at + "/x").file(file.path()));
    EXPECT_TRUE(contains(m, as_sent("Content-Length: 300000\n")));
    EXPECT_TRUE(m.ends_with("\n\n" + content));
    EXPECT_THROW(http::request("PUT", at + "/x").file("/no/such/file"), std::system_error);
  });
}

EVERY_VERSION(HttpRequest, MayBeRelativeToTheClientsBase) {
  http::server server;
  add_mirror(server);
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken().base_url(at + "/v1/"));
    EXPECT_TRUE((co_await get_text(c, "/x?y")).starts_with("GET /x?y\n"));
    http::response r = co_await c.send(c.make("POST", "../z").body("b"));
    EXPECT_TRUE((co_await r.text()).starts_with("POST /z\n"));
    EXPECT_TRUE((co_await get_text(c, at + "/whole")).starts_with("GET /whole\n"));
    http::client none(spoken());
    EXPECT_THROW((void)none.get("/x"), http::url_error);
  });
}

// Every path out: nothing that holds CR, LF or NUL becomes a request.
TEST(HttpRequestRefuses, LineEndsAndNulOnEveryPathOut) {
  const std::string url = "http://a/";
  for (const std::string& bad :
       {std::string("a\rb"), std::string("a\nb"), std::string("a\0b", 3)}) {
    http::request r("GET", url);
    EXPECT_TRUE(refused([&] { http::request(bad, url); }));
    EXPECT_TRUE(refused([&] { r.header(bad, "v"); }));
    EXPECT_TRUE(refused([&] { r.header("N", bad); }));
    EXPECT_TRUE(refused([&] { r.cookie(bad, "v"); }));
    EXPECT_TRUE(refused([&] { r.cookie("n", bad); }));
    EXPECT_TRUE(refused([&] { r.basic_auth(bad, "p"); }));
    EXPECT_TRUE(refused([&] { r.basic_auth("u", bad); }));
    EXPECT_TRUE(refused([&] { r.bearer_auth(bad); }));
    EXPECT_TRUE(refused([&] { http::multipart().field(bad, "v"); }));
    EXPECT_TRUE(refused([&] { http::multipart().file(bad, "f", "c"); }));
    EXPECT_TRUE(refused([&] { http::multipart().file("n", bad, "c"); }));
    EXPECT_TRUE(refused([&] { http::multipart().file("n", "f", "c", bad); }));
    EXPECT_TRUE(refused([&] { http::client_options().header(bad, "v"); }));
    EXPECT_TRUE(refused([&] { http::client_options().header("N", bad); }));
    EXPECT_TRUE(r.headers().empty());
    // A URL drops line ends, as browsers do, and encodes the rest: none reaches the request line.
    for (const std::string& where : {url + bad, url + "?" + bad, url + "#" + bad}) {
      const http::url u = http::url::parse(where);
      EXPECT_EQ(u.href().find_first_of(std::string("\r\n\0", 3)), std::string::npos);
    }
    EXPECT_THROW((void)http::url::parse("http://a" + std::string(1, '\0') + "b/"), http::url_error);
    r.query(bad, bad);
    EXPECT_EQ(r.url().href().find_first_of(std::string("\r\n\0", 3)), std::string::npos);
    r.form({{bad, bad}});
  }
  EXPECT_TRUE(refused([&] { http::request("GET", url).basic_auth("a:b", "c"); }));
  for (const char* own : {"Host", "content-length", "Transfer-Encoding", "Connection", "Expect"}) {
    EXPECT_TRUE(refused([&] { http::request("GET", url).header(own, "x"); })) << own;
    EXPECT_TRUE(refused([&] { http::client_options().header(own, "x"); })) << own;
  }
  EXPECT_TRUE(refused([&] { http::request("GET", url).timeout(phase::url, 1s); }));
  EXPECT_TRUE(refused([&] { http::request("GET", url).timeout(phase::total, -1s); }));
  EXPECT_TRUE(refused([&] { http::request("GET", url).follow(-1); }));
}

CONFORMANCE(HttpRequest, AsksFirstAndSendsTheBodyAtTheWord) {
  std::string head;
  std::string body;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        head = co_await read_head(in);
        co_await sleep_for(10ms);
        EXPECT_TRUE(in.buffered().empty());
        co_await write_text(s, "HTTP/1.1 100 Continue\r\n\r\n");
        const auto bytes = co_await in.read_exactly(4);
        body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        co_await write_text(s, ok);
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        http::response r =
            co_await c.send(http::request("PUT", at + "/").body("body").expect_continue());
        EXPECT_EQ(co_await r.text(), "ok");
        EXPECT_EQ(c.idle_connections(), 1U);
      });
  EXPECT_TRUE(contains(head, "Expect: 100-continue\r\n")) << head;
  EXPECT_EQ(body, "body");
}

CONFORMANCE(HttpRequest, SendsTheBodyToAServerThatKeepsSilentForASecond) {
  if (reactor != reactor_kind::simulated) co_return;  // a second of the virtual clock
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await in.read_exactly(4);
        co_await write_text(s, ok);
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        const auto start = this_loop().now();
        http::response r =
            co_await c.send(http::request("PUT", at + "/").body("body").expect_continue());
        EXPECT_EQ(co_await r.text(), "ok");
        EXPECT_GE(this_loop().now() - start, 1s);
        EXPECT_LT(this_loop().now() - start, 1100ms);
      });
}

CONFORMANCE(HttpRequest, TakesARefusalInsteadOfTheBody) {
  int connections = 0;
  co_await with_peer(
      [&](tcp_stream& s, int n) -> task<> {
        connections = n + 1;
        net::buffered_reader in(s);
        const std::string head = co_await read_head(in);
        if (contains(head, "Expect")) {
          co_await write_text(
              s, n == 0 ? "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
                        : "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
        } else {
          co_await in.read_exactly(4);
          co_await write_text(s, ok);
        }
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        int taken = 0;
        http::response r = co_await c.send(http::request("PUT", at + "/")
                                               .body(counted_body("body", 1, taken), 4)
                                               .expect_continue());
        EXPECT_EQ(r.status(),
                  200);  // 417: again without asking; a body that goes once had not gone
        c.close_idle();
        taken = 0;
        http::response no = co_await c.send(http::request("PUT", at + "/")
                                                .body(counted_body("body", 1, taken), 4)
                                                .expect_continue());
        EXPECT_EQ(no.status(), 413);
        EXPECT_EQ(taken, 0);
        EXPECT_EQ(c.idle_connections(), 0U);  // the server may still wait for the body
      });
  EXPECT_EQ(connections, 3);
}

// A server that answers at once and does not read: the answer is read while the body is written.
CONFORMANCE(HttpRequest, DeliversAnAnswerThatComesDuringTheUpload) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(s, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        co_await sleep_for(10s);  // it reads no more, and keeps the connection
      },
      [](std::string at) -> task<> {
        http::client c;
        int taken = 0;
        http::response r =
            co_await c.send(http::request("PUT", at + "/")
                                .body(counted_body(std::string(64 * 1024, 'x'), 5000, taken)));
        EXPECT_EQ(r.status(), 403);
        EXPECT_EQ(co_await r.text(), "no");
        EXPECT_LT(taken, 5000);
        EXPECT_EQ(c.open_connections(), 0U);
        http::response whole = co_await c.put(at + "/", std::string(16 << 20, 'x'));
        EXPECT_EQ(whole.status(), 403);
      });
}

CONFORMANCE(HttpRequest, SendsTrailersAfterAChunkedBody) {
  class with_trailers final : public http::body_source {
   public:
    task<std::optional<std::string>> next() override {
      if (std::exchange(done_, true)) co_return std::nullopt;
      co_return "body";
    }
    http::headers trailers() override { return {{"X-Sum", "42"}}; }

   private:
    bool done_ = false;
  };
  std::string sent;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        sent = std::string(co_await in.read_until("\r\n\r\n", 1000));
        co_await write_text(s, ok);
        co_await until_closed(s);
      },
      [](std::string at) -> task<> {
        http::client c;
        http::response r =
            co_await c.send(http::request("PUT", at + "/").body(std::make_unique<with_trailers>()));
        EXPECT_EQ(r.status(), 200);
      });
  EXPECT_EQ(sent, "4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n");
}

EVERY_VERSION(HttpRequest, ThrowsForAStatusWhenAskedTo) {
  co_await with_peer(
      answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), [](std::string at) -> task<> {
        http::client c(spoken().raise_for_status());
        const auto e = co_await caught<http::status_error>(c.get(at + "/x"));
        EXPECT_TRUE(e && e->status() == 404 && e->url() == at + "/x");
        http::response r = co_await c.send(http::request("GET", at + "/x").raise_for_status(false));
        EXPECT_EQ(r.status(), 404);
        EXPECT_THROW(r.raise_for_status(), http::status_error);
      });
}

namespace {

// The phase whose time ran out.
task<phase> expired(task<http::response> t) {
  const auto e = co_await caught<http::timeout_error>(std::move(t));
  EXPECT_TRUE(e);
  co_return e ? e->phase() : phase::none;
}

}  // namespace

CONFORMANCE(HttpTimeout, NamesThePhaseWhoseTimeRanOut) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> { co_await until_closed(s); },
      [](std::string at) -> task<> {
        http::client c(http::client_options()
                           .max_connections(1)
                           .timeout(phase::first_byte, 20ms)
                           .timeout(phase::pool, 30ms));
        EXPECT_EQ(co_await expired(c.get(at)), phase::first_byte);
        EXPECT_EQ(co_await expired(c.send(
                      http::request("GET", at).timeout(phase::first_byte, 0s).timeout(10ms))),
                  phase::total);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(c.send(http::request("GET", at).timeout(phase::first_byte, 10s)));
          co_await yield_now();
          EXPECT_EQ(co_await expired(c.get(at)), phase::pool);
          g.cancel();
        });
        EXPECT_EQ(c.open_connections(), 0U);
      });
  co_await with_peer([](tcp_stream&, int) -> task<> { co_await sleep_for(10s); },  // reads nothing
                     [](std::string at) -> task<> {
                       http::client c(http::client_options().timeout(phase::write, 20ms));
                       EXPECT_EQ(co_await expired(c.put(at, std::string(16 << 20, 'x'))),
                                 phase::write);
                       int taken = 0;
                       EXPECT_EQ(co_await expired(c.send(http::request("PUT", at).body(
                                     counted_body(std::string(1 << 20, 'x'), 100, taken)))),
                                 phase::write);
                       EXPECT_EQ(c.open_connections(), 0U);
                     });
  co_await with_peer(answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", then::stay_open),
                     [](std::string at) -> task<> {
                       http::client c(http::client_options().timeout(phase::read, 20ms));
                       http::response r = co_await c.get(at + "/half");
                       const auto e = co_await caught<http::timeout_error>(r.text());
                       EXPECT_TRUE(e && e->phase() == phase::read && e->url() == at + "/half");
                       EXPECT_EQ(c.open_connections(), 0U);
                     });
}

// A slow body is no silence: the time between reads counts from one to the next.
EVERY_VERSION(HttpTimeout, CountsTheTimeBetweenReadsAnewEachTime) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 8) co_return std::nullopt;
          co_await sleep_for(20ms);
          co_return "x";
        }));
  });
  co_await with_server(server, [](std::string at, endpoint) -> task<> {
    http::client c(spoken().timeout(phase::read, 2s));
    EXPECT_EQ(co_await get_text(c, at + "/"), "xxxxxxxx");
  });
}

}  // namespace http_requests
