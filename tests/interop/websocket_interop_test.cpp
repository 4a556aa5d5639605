// WebSockets with those that people run: Python's websockets and aiohttp, each as server of our
// client and as client of our server. A peer that the machine does not have skips its test by name.
#include "http/http_support.hpp"
#include "interop/websocket_peers.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket_options;

namespace websocket_interop_test {
namespace {

// Echoes, and prints the port that it listens on.
constexpr const char* websockets_server = R"(
import asyncio, websockets
async def echo(ws, *_):
    async for m in ws: await ws.send(m)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, subprotocols=["echo"]) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
)";
constexpr const char* aiohttp_server = R"(
import asyncio
from aiohttp import web, WSMsgType
async def echo(r):
    ws = web.WebSocketResponse(max_msg_size=0, protocols=["echo"])
    await ws.prepare(r)
    async for m in ws:
        await (ws.send_str(m.data) if m.type == WSMsgType.TEXT else ws.send_bytes(m.data))
    return ws
async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
)";

// Sends to an echo server, its first argument, what is hard, and says "as sent" when all came back.
constexpr const char* websockets_client = R"(
import asyncio, os, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None, subprotocols=["echo"],
                                  compression=sys.argv[2] or None) as ws:
        assert ws.subprotocol == "echo"
        for n in (0, 1, 125, 126, 65535, 65536, 300000):
            for m in (os.urandom(n), "\u00e4" * n, "a" * n):
                await ws.send(m)
                assert await ws.recv() == m
        await ws.send(["in ", "three ", "pieces"])
        assert await ws.recv() == "in three pieces"
        await asyncio.wait_for(await ws.ping(), 5)
        await ws.close(4000, "done")
        assert (ws.close_code, ws.close_reason) == (4000, "done") or ws.close_code == 4000
    print("as sent", flush=True)
asyncio.run(main())
)";
constexpr const char* aiohttp_client = R"(
import asyncio, os, sys, aiohttp
async def main():
    async with aiohttp.ClientSession() as s:
        async with s.ws_connect(sys.argv[1], max_msg_size=0, protocols=["echo"],
                                compress=15 if sys.argv[2] else 0) as ws:
            assert ws.protocol == "echo"
            for n in (0, 1, 125, 126, 65535, 65536, 300000):
                m = os.urandom(n)
                await ws.send_bytes(m)
                assert await ws.receive_bytes() == m
                await ws.send_str("\u00e4" * n)
                assert await ws.receive_str() == "\u00e4" * n
            await ws.close(code=4000)
            assert ws.close_code == 4000
    print("as sent", flush=True)
asyncio.run(main())
)";

}  // namespace

ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithWebsockets) {
  our_client_with(reactor, python_with("websockets"), "websockets", websockets_server);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithWebsockets) {
  our_server_with(reactor, python_with("websockets"), "websockets", websockets_client);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithAiohttp) {
  our_client_with(reactor, python_with("aiohttp"), "aiohttp", aiohttp_server);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithAiohttp) {
  our_server_with(reactor, python_with("aiohttp"), "aiohttp", aiohttp_client);
}

// A page that sends what is hard, and posts what came back of it.
constexpr const char* browser_page = R"(<!doctype html><script>
const ws = new WebSocket(location.href.replace('http', 'ws') + 'echo', ['echo']);
ws.binaryType = 'arraybuffer';
const sizes = [0, 1, 125, 126, 65535, 65536, 300000], heard = [];
let sent = 0;
const next = () => {
  if (sent < sizes.length) ws.send('\u00e4'.repeat(sizes[sent]));
  else if (sent < 2 * sizes.length) ws.send(new Uint8Array(sizes[sent - sizes.length]));
  else ws.close(4000, 'done');
  ++sent;
};
ws.onopen = () => { heard.push(ws.protocol); next(); };
ws.onmessage = m => { heard.push(m.data.length ?? m.data.byteLength); next(); };
ws.onclose = c => {
  heard.push(c.code, c.wasClean);
  fetch('/done', {method: 'POST', body: heard.join(' ')});
};
</script>)";

ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithChromium) {
  if (!std::getenv("RONDO_TEST_LONG")) GTEST_SKIP() << "a browser: only with RONDO_TEST_LONG";
  const std::string chromium = find_program("chromium");
  if (chromium.empty()) GTEST_SKIP() << "chromium is not installed: nothing to talk with";
  const temporary_folder profile;
  run_on(reactor, [&]() -> task<> {
    http::server server;
    event done;
    std::string heard;
    server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
      co_return http::server_response::html(browser_page);
    });
    server.route("POST", "/done", [&](http::server_request& r) -> task<http::server_response> {
      heard = co_await r.text();
      done.set();
      co_return http::server_response(204);
    });
    server.websocket("/echo", echo_messages,
                     websocket_options().protocols({"echo"}).compress(true));
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      const child_process browser(headless_browser(chromium, profile, origin + "/"));
      EXPECT_TRUE(co_await try_for(120s, done.wait())) << "the browser said nothing";
    });
    EXPECT_EQ(heard,
              "echo 0 1 125 126 65535 65536 300000 0 1 125 126 65535 65536 300000 4000 true");
  });
}

}  // namespace websocket_interop_test
