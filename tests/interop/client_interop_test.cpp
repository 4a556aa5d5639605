// Our client against the servers that people run: aiohttp and node. A peer that the machine does
// not have skips its test by name. nginx and python's http.server are in interop_test.cpp.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/json.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

// Both print the port they listen on, and know the same paths. aiohttp's listens at a Unix socket
// too, its argument.
constexpr const char* aiohttp_server = R"(
import asyncio, sys
from aiohttp import web

async def echo(r):
    body = (await r.read()).decode("latin-1")
    headers = {k.lower(): v for k, v in r.headers.items()}
    return web.json_response({"method": r.method, "path": r.path_qs, "headers": headers,
                              "body": body})

async def zipped(r):
    answer = web.Response(text="hello " * 1000)
    answer.enable_compression()
    return answer

async def redirect(r):
    answer = web.Response(status=int(r.match_info["status"]), headers={"Location": "/echo"})
    answer.set_cookie("a", "1")
    return answer

async def stream(r):
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(r)
    for i in range(1000):
        await answer.write(b"%d\n" % i)
    await answer.write_eof()
    return answer

async def form(r):
    data = await r.post()
    return web.json_response({k: v if isinstance(v, str) else [v.filename, v.file.read().decode()]
                              for k, v in data.items()})

async def main():
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/zipped", zipped)
    app.router.add_route("*", "/redirect/{status}", redirect)
    app.router.add_get("/stream", stream)
    app.router.add_post("/form", form)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await web.UnixSite(runner, sys.argv[1]).start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
)";

constexpr const char* node_server = R"(
const http = require("http"), zlib = require("zlib");
const server = http.createServer((q, s) => {
  const parts = [];
  q.on("data", d => parts.push(d));
  q.on("end", () => {
    const body = Buffer.concat(parts).toString("latin1");
    if (q.url.startsWith("/echo")) {
      s.setHeader("Content-Type", "application/json");
      s.end(JSON.stringify({method: q.method, path: q.url, headers: q.headers, body}));
    } else if (q.url === "/zipped") {
      s.setHeader("Content-Encoding", "br");
      s.end(zlib.brotliCompressSync("hello ".repeat(1000)));
    } else if (q.url.startsWith("/redirect/")) {
      s.writeHead(Number(q.url.slice(10)), {Location: "/echo", "Set-Cookie": "a=1; Path=/"});
      s.end();
    } else if (q.url === "/stream") {
      s.writeHead(200, {Trailer: "X-Sum"});
      for (let i = 0; i < 1000; i++) s.write(i + "\n");
      s.addTrailers({"X-Sum": "1000"});
      s.end();
    } else { s.writeHead(404); s.end(); }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
)";

std::string a_thousand_lines() {
  std::string all;
  for (int i = 0; i < 1000; ++i) all += std::to_string(i) + "\n";
  return all;
}

// What holds for every good server.
task<> exercise(http::client_options options) {
  http::client c(std::move(options));
  for (int i = 0; i < 3; ++i) {
    http::response r = co_await c.get("/echo?q=a%20b");
    const nlohmann::json seen = co_await http::read_json(r);
    EXPECT_EQ(seen["path"], "/echo?q=a%20b");
    EXPECT_EQ(seen["headers"]["user-agent"], "rondo");
  }
  EXPECT_EQ(c.open_connections(), 1U);
  EXPECT_EQ(co_await get_text(c, "/stream"), a_thousand_lines());
  http::response head = co_await c.head("/echo");
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(co_await head.text(), "");
  EXPECT_EQ((co_await c.get("/none")).status(), 404);

  for (const bool asks : {false, true}) {
    int taken = 0;
    http::response r = co_await c.send(c.make("PUT", "/echo")
                                           .body(counted_body(std::string(50'000, 'x'), 20, taken))
                                           .expect_continue(asks));
    const nlohmann::json seen = co_await http::read_json(r);
    EXPECT_EQ(seen["method"], "PUT");
    EXPECT_EQ(seen["headers"]["transfer-encoding"], "chunked");
    EXPECT_EQ(seen["headers"].contains("expect"), asks);
    EXPECT_TRUE(seen["body"] == std::string(1'000'000, 'x'));
  }
  for (const int status : {301, 302, 303, 307, 308}) {
    http::response r =
        co_await c.send(c.make("POST", "/redirect/" + std::to_string(status)).json("{}"));
    EXPECT_EQ(r.history().size(), 1U);
    const nlohmann::json seen = co_await http::read_json(r);
    EXPECT_EQ(seen["method"], status < 304 ? "GET" : "POST");
    EXPECT_EQ(seen["body"], status < 304 ? "" : "{}");
    EXPECT_EQ(seen["headers"]["cookie"], "a=1");
  }
}

[[maybe_unused]] std::string expected_zipped() {
  std::string all;
  for (int i = 0; i < 1000; ++i) all += "hello ";
  return all;
}

// "http://127.0.0.1:port" of a server that prints its port; empty when it does not start.
std::string origin_told_by(const child_process& server) {
  const std::string line = server.read(true);
  const bool number = !line.empty() && line.find_first_not_of("0123456789\n") == std::string::npos;
  return number ? "http://127.0.0.1:" + line.substr(0, line.size() - 1) : std::string();
}

}  // namespace

ON_KERNEL_REACTORS(Aiohttp, ServesOurClient) {
  std::string python = "/usr/bin/python3";  // where Debian's aiohttp is
  if (::access(python.c_str(), X_OK) != 0) python = find_program("python3");
  if (python.empty()) GTEST_SKIP() << "python3 is not installed: nothing to talk with";
  const temporary_folder folder;
  const std::string path = folder.path() + "/socket";
  child_process server({python, "-c", aiohttp_server, path});
  const std::string at = origin_told_by(server);
  if (at.empty()) GTEST_SKIP() << "aiohttp is not installed: nothing to talk with";
  run_on(reactor, [&]() -> task<> {
    co_await exercise(http::client_options().base_url(at));
    co_await exercise(http::client_options().base_url("http://name.example").unix_socket(path));
    http::client c;
#ifdef RONDO_HAVE_ZLIB
    EXPECT_EQ(co_await get_text(c, at + "/zipped"), expected_zipped());
#endif
    http::response r =
        co_await c.send(http::request("POST", at + "/form")
                            .multipart(http::multipart()
                                           .field("title", "S\"ü")
                                           .file("doc", "a b.txt", "text", "text/plain")));
    const nlohmann::json seen = co_await http::read_json(r);
    EXPECT_EQ(seen, (nlohmann::json{{"title", "S\"ü"}, {"doc", {"a b.txt", "text"}}}));
    http::response form =
        co_await c.send(http::request("POST", at + "/form").form({{"a b", "c&d"}, {"ü", "+"}}));
    EXPECT_EQ(co_await http::read_json(form), (nlohmann::json{{"a b", "c&d"}, {"ü", "+"}}));
  });
}

ON_KERNEL_REACTORS(Node, ServesOurClient) {
  const std::string node = find_program("node");
  if (node.empty()) GTEST_SKIP() << "node is not installed: nothing to talk with";
  child_process server({node, "-e", node_server});
  const std::string at = origin_told_by(server);
  if (at.empty()) GTEST_SKIP() << "node does not start";
  run_on(reactor, [&]() -> task<> {
    co_await exercise(http::client_options().base_url(at));
    http::client c;
#ifdef RONDO_HAVE_BROTLI
    EXPECT_EQ(co_await get_text(c, at + "/zipped"), expected_zipped());
#endif
    http::response r = co_await c.get(at + "/stream");
    EXPECT_EQ(co_await r.text(), a_thousand_lines());
    EXPECT_EQ(r.trailers().get("x-sum"), "1000");
  });
}
