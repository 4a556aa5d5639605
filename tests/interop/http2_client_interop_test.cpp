// Our client over HTTP/2 against the servers that people run: nghttpd, nginx, h2o, haproxy,
// hypercorn and node. A peer that the machine does not have skips its test by name.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace http2_client_interop {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace {

constexpr std::size_t large_size = 3 << 20;

std::uint16_t port_to_use() {
  return run_on(reactor_kind::epoll,
                []() -> task<std::uint16_t> { co_return listen_here().local_endpoint().port(); });
}

task<bool> is_up(child_process& p, std::uint16_t port) {
  for (int i = 0; i < 4000 && !p.ended(); ++i) {
    if ((co_await as_result(tcp_stream::connect(loopback(port)))).has_value()) co_return true;
    co_await sleep_for(5ms);
  }
  co_return false;
}

http::client speaking_http2(std::string at) {
  return http::client(
      http::client_options().http2(http::http2::prior_knowledge).base_url(std::move(at)));
}

// What every server of files has to do well: a hundred requests at once, a large file, one that is
// given up, and one of what is not there.
task<> fetch_files(std::string at) {
  http::client c = speaking_http2(at);
  std::vector<task<std::string>> work;
  for (int i = 0; i < 100; ++i) work.push_back(get_text(c, "/small.txt"));
  for (const std::string& text : co_await gather(std::move(work))) EXPECT_EQ(text, "small\n");
  const std::string large = pattern(large_size);
  {
    response dropped = co_await c.get("/large.bin");
    EXPECT_FALSE((co_await dropped.next_chunk()).empty());
  }
  auto [a, b] = co_await gather(get_text(c, "/large.bin"), get_text(c, "/large.bin"));
  EXPECT_TRUE(a == large);
  EXPECT_TRUE(b == large);
  response none = co_await c.get("/none");
  EXPECT_EQ(none.status(), 404);
  EXPECT_EQ(none.version(), http::version::http_2);
  co_await none.text();
  response head = co_await c.head("/small.txt");
  EXPECT_EQ(head.headers().get("content-length"), "6");
  EXPECT_LE(c.open_connections(), 30U);
}

task<> echo_bodies(std::string at, std::string path) {
  http::client c = speaking_http2(at);
  for (const std::size_t size : {0U, 5U, 100'000U, 1'000'000U}) {
    const std::string body(size, 'b');
    response r = co_await c.send(c.make("POST", path).body(body));
    EXPECT_EQ(r.status(), 200);
    EXPECT_TRUE(co_await r.text() == body) << size;
    // A server that echoes while it reads stops reading when its echo is not taken: both at once.
    int taken = 0;
    const std::string streamed =
        co_await c.send(c.make("POST", path).body(counted_body(body + "x", 3, taken)),
                        [](response& s) -> task<std::string> { co_return co_await s.text(); });
    EXPECT_EQ(streamed.size(), 3 * (size + 1));
  }
  EXPECT_EQ(c.open_connections(), 1U);
}

struct www {
  www() {
    folder.write("www/small.txt", "small\n");
    folder.write("www/large.bin", pattern(large_size));
  }
  std::string root() const { return folder / "www"; }
  temporary_folder folder;
};

// Runs body(origin) beside the program, which listens at `port`.
void beside(reactor_kind reactor, std::vector<std::string> command, std::uint16_t port,
            const std::function<task<>(std::string)>& body) {
  child_process server(std::move(command));
  run_on(reactor, [&]() -> task<> {
    const bool up = co_await is_up(server, port);
    EXPECT_TRUE(up) << server.read(false);
    if (up) co_await body("http://127.0.0.1:" + std::to_string(port));
  });
}

#define NEEDS_PROGRAM(name)                                         \
  const std::string program = find_program(name);                   \
  if (program.empty()) {                                            \
    GTEST_SKIP() << name " is not installed: nothing to talk with"; \
  }                                                                 \
  static_assert(true)

}  // namespace

ON_KERNEL_REACTORS(Nghttpd, ServesOurClientOverHttp2) {
  NEEDS_PROGRAM("nghttpd");
  const www files;
  const std::uint16_t port = port_to_use();
  beside(reactor, {program, "--no-tls", "-d", files.root(), std::to_string(port)}, port,
         fetch_files);
  const std::uint16_t other = port_to_use();
  beside(reactor, {program, "--no-tls", "--echo-upload", "-d", files.root(), std::to_string(other)},
         other, [](std::string at) { return echo_bodies(std::move(at), "/"); });
}

ON_KERNEL_REACTORS(Nginx, ServesOurClientOverHttp2) {
  NEEDS_PROGRAM("nginx");
  const www files;
  const std::string& folder = files.folder.path();
  const std::uint16_t port = port_to_use();
  // Few streams, and a GOAWAY after every ten: all must arrive all the same.
  const std::string config = files.folder.write(
      "conf", "daemon off; master_process off; pid " + folder + "/pid; error_log " + folder +
                  "/error.log;\nevents { worker_connections 64; }\nhttp {\n access_log "
                  "off; client_body_temp_path " +
                  folder + "/t1; proxy_temp_path " + folder + "/t2; fastcgi_temp_path " + folder +
                  "/t3; uwsgi_temp_path " + folder + "/t4; scgi_temp_path " + folder +
                  "/t5;\n http2_max_concurrent_streams 7; keepalive_requests "
                  "10;\n server { listen 127.0.0.1:" +
                  std::to_string(port) + " http2; root " + files.root() + "; }\n}\n");
  beside(reactor, {program, "-c", config, "-p", folder, "-e", folder + "/error.log"}, port,
         fetch_files);
}

ON_KERNEL_REACTORS(H2o, ServesOurClientOverHttp2) {
  NEEDS_PROGRAM("h2o");
  const www files;
  const std::uint16_t port = port_to_use();
  // Started by root it would become nobody, who may not read the folder.
  const std::string config = files.folder.write(
      "h2o.conf", "listen:\n  host: 127.0.0.1\n  port: " + std::to_string(port) +
                      "\nnum-threads: 1\nhosts:\n  default:\n    paths:\n      /:\n        "
                      "file.dir: " +
                      files.root() + "\n" + (::geteuid() == 0 ? "user: root\n" : ""));
  beside(reactor, {program, "-c", config}, port, fetch_files);
}

// To a server of ours by HTTP/1.1, and then by HTTP/2: both ways.
ON_KERNEL_REACTORS(Haproxy, HandsOurClientsRequestsOn) {
  NEEDS_PROGRAM("haproxy");
  const www files;
  for (const bool by_http2 : {false, true}) {
    const std::uint16_t port = port_to_use();
    run_on(reactor, [&]() -> task<> {
      http::server origin(http::server_options().max_body(8 << 20));
      origin.files("/", files.root());
      http::version heard{};
      origin.route("POST", "/echo", [&](http::server_request& r) -> task<http::server_response> {
        heard = r.version();
        co_return http::server_response::bytes(co_await r.text());
      });
      co_await with_server(origin, [&](std::string, endpoint here) -> task<> {
        const std::string config = files.folder.write(
            "haproxy.conf",
            "defaults\n mode http\n timeout client 20s\n timeout server 20s\n timeout connect 5s\n"
            "frontend f\n bind 127.0.0.1:" +
                std::to_string(port) + " proto h2\n default_backend b\nbackend b\n server s " +
                here.to_string() + (by_http2 ? " proto h2\n" : "\n"));
        child_process server({program, "-f", config, "-db"});
        const bool up = co_await is_up(server, port);
        EXPECT_TRUE(up) << server.read(false);
        if (!up) co_return;
        const std::string at = "http://127.0.0.1:" + std::to_string(port);
        co_await fetch_files(at);
        co_await echo_bodies(at, "/echo");
      });
      EXPECT_EQ(heard, by_http2 ? http::version::http_2 : http::version::http_1_1);
    });
  }
}

ON_KERNEL_REACTORS(Hypercorn, ServesOurClientOverHttp2) {
  NEEDS_PROGRAM("hypercorn");
  const www files;
  const std::uint16_t port = port_to_use();
  files.folder.write("echo_app.py", R"(
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        m = await receive()
        if m["type"] != "http.request":
            return
        await send({"type": "http.response.body", "body": m.get("body", b""), "more_body": True})
        if not m.get("more_body"):
            break
    await send({"type": "http.response.body", "body": b""})
)");
  beside(reactor,
         {find_program("env"), "PYTHONPATH=" + files.folder.path(), program, "--bind",
          "127.0.0.1:" + std::to_string(port), "echo_app:app"},
         port, [](std::string at) { return echo_bodies(std::move(at), "/"); });
}

ON_KERNEL_REACTORS(Node, ServesOurClientOverHttp2) {
  NEEDS_PROGRAM("node");
  const std::uint16_t port = port_to_use();
  const std::string script = R"(
const http2 = require("http2");
const server = http2.createServer();
server.on("stream", (s, h) => {
  s.on("error", () => {});
  if (h[":path"] === "/trailers") {
    s.respond({":status": 200}, {waitForTrailers: true});
    s.on("wantTrailers", () => s.sendTrailers({"x-sum": "7"}));
    s.end("with trailers");
  } else if (h[":path"] === "/early") {
    s.respond({":status": 413});
    s.end("too much");
  } else {
    s.respond({":status": 200});
    s.pipe(s);
  }
});
server.listen()" + std::to_string(port) +
                             ", \"127.0.0.1\");";
  beside(reactor, {program, "-e", script}, port, [](std::string at) -> task<> {
    co_await echo_bodies(at, "/");
    http::client c = speaking_http2(at);
    response r = co_await c.get("/trailers");
    EXPECT_EQ(co_await r.text(), "with trailers");
    EXPECT_EQ(r.trailers().get("x-sum"), "7");
    int taken = 0;
    response early = co_await c.send(
        c.make("PUT", "/early").body(counted_body(std::string(1 << 20, 'b'), 100, taken)));
    EXPECT_EQ(early.status(), 413);
    EXPECT_EQ(co_await early.text(), "too much");
  });
}

}  // namespace http2_client_interop
