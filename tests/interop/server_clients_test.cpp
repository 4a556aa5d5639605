// Clients that people use, against our server: wrk, h2load, node's fetch, undici, aiohttp, httpx,
// Go's net/http and Chromium. curl is in interop_test.cpp. A client that the machine does not have
// skips its test by name.
#include "http/http_support.hpp"
#include "interop/websocket_peers.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace server_clients_test {
namespace {

constexpr int pieces = 1000;

// What each of them is asked to do, with what comes back: GET /hello, a body echoed by POST /echo,
// sized and chunked; a stream of numbered lines; a range of a file.
void add_routes(http::server& s, const std::string& folder) {
  s.files("/files/", folder);
  s.route("GET", "/hello", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello\n");
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::bytes(co_await r.text());
  });
  s.route("GET", "/stream", [](server_request&) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
          if (n == pieces) co_return std::nullopt;
          co_return std::to_string(n++) + "\n";
        }));
  });
}

// Runs body(origin, server) beside the server.
template <class Body>
void beside_our_server(reactor_kind reactor, Body body) {
  const temporary_folder folder;
  folder.write("digits", "0123456789");
  run_on(reactor, [&]() -> task<> {
    http::server server(http::server_options().max_body(4 << 20));
    add_routes(server, folder.path());
    co_await with_server(
        server, [&](std::string origin, endpoint) -> task<> { co_await body(server, origin); });
  });
}

// The program says "as sent" when all was as it should be.
void does_it_all(reactor_kind reactor, const interpreter& i, const char* name,
                 const char* program) {
  if (i.empty()) GTEST_SKIP() << name << " is not installed: nothing to talk with";
  beside_our_server(reactor, [&](http::server&, std::string origin) -> task<> {
    const finished f =
        co_await to_thread([&] { return run_command(with_program(i, {program, origin})); });
    EXPECT_EQ(f.output, "as sent\n");
  });
}

constexpr const char* aiohttp_program = R"(
import asyncio, os, sys, aiohttp
at = sys.argv[1]
async def pieces(body):
    for i in range(0, len(body), 7000): yield body[i:i + 7000]
async def main():
    body = os.urandom(300000)
    async with aiohttp.ClientSession() as s:
        async def one():
            async with s.get(at + "/hello") as r: assert await r.text() == "hello\n"
            async with s.post(at + "/echo", data=body) as r: assert await r.read() == body
            async with s.post(at + "/echo", data=pieces(body), expect100=True) as r:
                assert await r.read() == body
            async with s.get(at + "/stream") as r:
                lines = [int(l) async for l in r.content]
                assert lines == list(range(1000))
            async with s.get(at + "/files/digits", headers={"Range": "bytes=2-4"}) as r:
                assert r.status == 206 and await r.text() == "234"
        await asyncio.gather(*(one() for _ in range(20)))
    print("as sent", flush=True)
asyncio.run(main())
)";
constexpr const char* httpx_program = R"(
import asyncio, os, sys, httpx
at = sys.argv[1]
async def pieces(body):
    for i in range(0, len(body), 7000): yield body[i:i + 7000]
async def main():
    body = os.urandom(300000)
    async with httpx.AsyncClient(base_url=at, trust_env=False, timeout=60) as c:
        async def one():
            assert (await c.get("/hello")).text == "hello\n"
            assert (await c.post("/echo", content=body)).content == body
            assert (await c.post("/echo", content=pieces(body))).content == body
            async with c.stream("GET", "/stream") as r:
                assert [int(l) async for l in r.aiter_lines()] == list(range(1000))
            r = await c.get("/files/digits", headers={"Range": "bytes=2-4"})
            assert r.status_code == 206 and r.text == "234"
        await asyncio.gather(*(one() for _ in range(10)))
    print("as sent", flush=True)
asyncio.run(main())
)";
// What fetch() can do in node and in a page; `at` and `say` stand before it.
#define RONDO_FETCH_SCRIPT                                                                  \
  "const check = so => { if (!so) throw new Error('not as sent'); };"                       \
  "const body = new Uint8Array(300000).map((_, i) => i % 251);"                             \
  "const same = b => b.length === body.length && b.every((v, i) => v === body[i]);"         \
  "const one = async () => {"                                                               \
  "  check(await (await fetch(at + '/hello')).text() === 'hello\\n');"                      \
  "  const echo = await fetch(at + '/echo', {method: 'POST', body});"                       \
  "  check(same(new Uint8Array(await echo.arrayBuffer())));"                                \
  "  const lines = (await (await fetch(at + '/stream')).text()).split('\\n');"              \
  "  check(lines.length === 1001 && lines.every((l, i) => i === 1000 || l === String(i)));" \
  "  const part = await fetch(at + '/files/digits', {headers: {Range: 'bytes=2-4'}});"      \
  "  check(part.status === 206 && await part.text() === '234');"                            \
  "};"                                                                                      \
  "Promise.all(Array.from({length: 10}, one)).then(() => say('as sent'), e => say(String(e)));"
constexpr const char* fetch_program =
    "const at = process.argv[1], say = console.log;" RONDO_FETCH_SCRIPT;
constexpr const char* fetch_page =
    "<!doctype html><script>const at = location.origin;"
    "const say = what => fetch('/done', {method: 'POST', body: what});" RONDO_FETCH_SCRIPT
    "</script>";
#undef RONDO_FETCH_SCRIPT
// With pipelining, which none of the others does.
constexpr const char* undici_program = R"(
const {Pool} = require('undici');
const check = so => { if (!so) throw new Error('not as sent'); };
const pool = new Pool(process.argv[1], {connections: 2, pipelining: 8});
const body = Buffer.alloc(300000, 'undici');
const text = async options => (await pool.request({method: 'GET', ...options})).body.text();
(async () => {
  const hellos = Array.from({length: 200}, () => text({path: '/hello'}));
  check((await Promise.all(hellos)).every(t => t === 'hello\n'));
  check(await text({path: '/echo', method: 'POST', body}) === body.toString());
  const lines = (await text({path: '/stream'})).split('\n');
  check(lines.length === 1001 && lines[999] === '999');
  const part = await pool.request({path: '/files/digits', method: 'GET',
                                   headers: {range: 'bytes=2-4'}});
  check(part.statusCode === 206 && await part.body.text() === '234');
  await pool.close();
  console.log('as sent');
})();
)";
constexpr const char* go_program = R"(
package main

import ("bytes"; "fmt"; "io"; "net/http"; "os"; "strings"; "sync")

func main() {
	at := os.Args[1]
	body := bytes.Repeat([]byte("go"), 150000)
	check := func(so bool) { if !so { panic("not as sent") } }
	get := func(path string, field string) (int, string) {
		r, _ := http.NewRequest("GET", at+path, nil)
		if field != "" { r.Header.Set("Range", field) }
		a, err := http.DefaultClient.Do(r)
		if err != nil { panic(err) }
		defer a.Body.Close()
		all, err := io.ReadAll(a.Body)
		if err != nil { panic(err) }
		return a.StatusCode, string(all)
	}
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			_, hello := get("/hello", "")
			check(hello == "hello\n")
			for _, chunked := range []bool{false, true} {
				var from io.Reader = bytes.NewReader(body)
				if chunked { from = io.MultiReader(from) }
				a, err := http.Post(at+"/echo", "application/octet-stream", from)
				if err != nil { panic(err) }
				got, _ := io.ReadAll(a.Body)
				a.Body.Close()
				check(bytes.Equal(got, body))
			}
			_, stream := get("/stream", "")
			check(strings.HasSuffix(stream, "\n999\n"))
			status, part := get("/files/digits", "bytes=2-4")
			check(status == 206 && part == "234")
		}()
	}
	all.Wait()
	fmt.Println("as sent")
}
)";

}  // namespace

ON_KERNEL_REACTORS(ServerClients, Aiohttp) {
  does_it_all(reactor, python_with("aiohttp"), "aiohttp", aiohttp_program);
}
ON_KERNEL_REACTORS(ServerClients, Httpx) {
  does_it_all(reactor, python_with("httpx"), "httpx", httpx_program);
}
ON_KERNEL_REACTORS(ServerClients, NodesFetch) {
  const std::string node = find_program("node");
  does_it_all(reactor, node.empty() ? interpreter() : interpreter{node, "--eval"}, "node",
              fetch_program);
}
ON_KERNEL_REACTORS(ServerClients, Undici) {
  does_it_all(reactor, node_with("undici"), "npm's undici", undici_program);
}

// It compiles its library first: a minute of work.
ON_KERNEL_REACTORS(ServerClients, GosNetHttp) {
  if (!long_run()) GTEST_SKIP() << "Go's compiler takes its time: only with RONDO_TEST_LONG";
  const std::string go = find_program("go");
  if (go.empty()) GTEST_SKIP() << "go is not installed: nothing to talk with";
  const temporary_folder folder;
  const std::string source = folder.write("main.go", go_program);
  const std::string program = folder / "client";
  const finished built = run_command({find_program("env"), "GOCACHE=" + (folder / "cache"),
                                      "GO111MODULE=off", go, "build", "-o", program, source});
  ASSERT_EQ(built.status, 0) << built.output;
  beside_our_server(reactor, [&](http::server&, std::string origin) -> task<> {
    const finished f = co_await to_thread([&] { return run_command({program, origin}); });
    EXPECT_EQ(f.output, "as sent\n");
  });
}

ON_KERNEL_REACTORS(ServerClients, Wrk) {
  const std::string wrk = find_program("wrk");
  if (wrk.empty()) GTEST_SKIP() << "wrk is not installed: nothing to talk with";
  beside_our_server(reactor, [&](http::server&, std::string origin) -> task<> {
    const finished f = co_await to_thread(
        [&] { return run_command({wrk, "-t1", "-c32", "-d1s", origin + "/hello"}); });
    EXPECT_EQ(f.status, 0);
    EXPECT_NE(f.output.find("Requests/sec"), std::string::npos) << f.output;
    EXPECT_EQ(f.output.find("Non-2xx"), std::string::npos) << f.output;
    EXPECT_EQ(f.output.find("Socket errors"), std::string::npos) << f.output;
  });
}

ON_KERNEL_REACTORS(ServerClients, H2loadInHttp1) {
  const std::string h2load = find_program("h2load");
  if (h2load.empty()) GTEST_SKIP() << "h2load is not installed: nothing to talk with";
  beside_our_server(reactor, [&](http::server&, std::string origin) -> task<> {
    const finished f = co_await to_thread(
        [&] { return run_command({h2load, "--h1", "-n4000", "-c32", "-m8", origin + "/hello"}); });
    EXPECT_NE(f.output.find("4000 succeeded, 0 failed, 0 errored"), std::string::npos) << f.output;
  });
}

ON_KERNEL_REACTORS(ServerClients, Chromium) {
  if (!long_run()) GTEST_SKIP() << "a browser: only with RONDO_TEST_LONG";
  const std::string chromium = find_program("chromium");
  if (chromium.empty()) GTEST_SKIP() << "chromium is not installed: nothing to talk with";
  const temporary_folder profile, folder;
  folder.write("digits", "0123456789");
  run_on(reactor, [&]() -> task<> {
    http::server server(http::server_options().max_body(4 << 20));
    add_routes(server, folder.path());
    event done;
    std::string heard;
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::html(fetch_page);
    });
    server.route("POST", "/done", [&](server_request& r) -> task<server_response> {
      heard = co_await r.text();
      done.set();
      co_return server_response(204);
    });
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      const child_process browser(headless_browser(chromium, profile, origin + "/"));
      EXPECT_TRUE(co_await try_for(120s, done.wait())) << "the browser said nothing";
    });
    EXPECT_EQ(heard, "as sent");
  });
}

// The good one beside slow ones in slowhttptest's four ways, each with its limits shortened: the
// simulation has them exact (conformance/http_server_slow.cpp). How long the good one waited is
// written down.
ON_KERNEL_REACTORS(ServerClients, Slowhttptest) {
  if (!long_run()) GTEST_SKIP() << "half a minute each: only with RONDO_TEST_LONG";
  const std::string program = find_program("slowhttptest");
  if (program.empty()) GTEST_SKIP() << "slowhttptest is not installed: nothing to talk with";
  const temporary_folder folder;
  folder.write("large", std::string(2 << 20, 'x'));
  for (const char* how : {"-H", "-B", "-R", "-X"}) {
    run_on(reactor, [&]() -> task<> {
      http::server server(http::server_options()
                              .max_connections(2000)
                              .header_timeout(5s)
                              .body_timeout(5s)
                              .write_timeout(5s)
                              .max_body(1 << 20));
      add_routes(server, folder.path());
      co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
        std::vector<std::chrono::nanoseconds> waited;
        co_await with_task_group([&](task_group& g) -> task<> {
          auto good = g.spawn([&]() -> task<> {
            http::client c;
            for (;; co_await sleep_for(20ms)) {
              const auto asked = this_loop().now();
              EXPECT_EQ(co_await get_text(c, origin + "/hello"), "hello\n");
              waited.push_back(this_loop().now() - asked);
            }
          });
          const std::string path = std::string(how) == "-B" ? "/echo" : "/files/large";
          const finished f = co_await to_thread([&] {
            return run_command({program, how, "-c", "500", "-r", "500", "-i", "2", "-l", "20", "-u",
                                origin + path});
          });
          EXPECT_EQ(f.status, 0) << f.output;
          good.cancel();
        });
        std::ranges::sort(waited);
        EXPECT_GT(waited.size(), 20U);  // it ends when all its clients are gone
        const auto p99 = waited[waited.size() * 99 / 100];
        testing::Test::RecordProperty(
            std::string("p99_us_") + (how + 1),
            std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(p99).count()));
      });
    });
  }
}

}  // namespace server_clients_test
