// WebSockets over HTTP/2 (RFC 8441) with those that people run: node's http2 with npm's ws on its
// streams, both ways, hypercorn, and Chromium. A peer that the machine does not have skips its test
// by name.
#include "interop/websocket_peers.hpp"
#include "net/tls_support.hpp"
#include "support/conformance.hpp"

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket_options;

namespace http2_websocket_interop_test {
namespace {

// npm's ws makes its WebSocket on any duplex stream; here on one of node's own http2.
constexpr const char* node_client = R"(
const WebSocket = require('ws'), http2 = require('http2'), crypto = require('crypto');
const url = new URL(process.argv[1]);
const session = http2.connect('http://' + url.host);
const hard = [];
for (const n of [0, 1, 125, 126, 65535, 65536, 300000])
  hard.push(crypto.randomBytes(n), '\u00e4'.repeat(n));
const one = () => new Promise((done, failed) => {
  const stream = session.request({':method': 'CONNECT', ':protocol': 'websocket',
                                  ':path': url.pathname, 'sec-websocket-version': '13',
                                  'sec-websocket-protocol': 'echo'});
  stream.on('response', headers => {
    if (headers[':status'] !== 200 || headers['sec-websocket-protocol'] !== 'echo')
      return failed(new Error('answered ' + headers[':status']));
    const c = new WebSocket(null, undefined, {autoPong: true, closeTimeout: 5000});
    c._isServer = false;
    let at = 0, pong = false;
    c.on('pong', p => { pong = p.toString() === 'hello'; });
    c.on('message', (m, binary) => {
      const sent = hard[at++];
      if (binary !== Buffer.isBuffer(sent) || !m.equals(Buffer.from(sent)))
        return failed(new Error('changed'));
      if (at < hard.length) c.send(hard[at]);
      else c.close(4000, 'done');
    });
    c.on('close', code => code === 4000 && pong ? done() : failed(new Error('closed ' + code)));
    c.setSocket(stream, Buffer.alloc(0), {maxPayload: 1 << 24, skipUTF8Validation: false,
                                          allowSynchronousEvents: true});
    c.ping('hello');
    c.send(hard[0]);
  });
  stream.on('error', failed);
});
session.on('remoteSettings', settings => {
  if (!settings.enableConnectProtocol) throw new Error('it takes no extended CONNECT');
  Promise.all([one(), one(), one()]).then(() => {
    console.log('as sent');
    session.close();
  });
});
)";

constexpr const char* node_server = R"(
const WebSocket = require('ws'), http2 = require('http2');
const server = http2.createServer({settings: {enableConnectProtocol: true}});
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({':status': 404});
    return stream.end();
  }
  stream.respond({':status': 200, 'sec-websocket-protocol': 'echo'});
  const ws = new WebSocket(null, undefined, {autoPong: true, closeTimeout: 5000});
  ws.on('message', (m, binary) => ws.send(m, {binary}));
  ws.on('error', () => {});
  ws.setSocket(stream, Buffer.alloc(0), {maxPayload: 1 << 24, skipUTF8Validation: false,
                                         allowSynchronousEvents: true});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
)";

// Says its port, and that it serves: the socket is its own.
constexpr const char* hypercorn_server = R"(
import asyncio, socket, sys
from hypercorn.asyncio import serve
from hypercorn.config import Config
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})
    if scope["type"] != "websocket": return
    await receive()
    if scope["http_version"] != "2": return await send({"type": "websocket.close"})
    await send({"type": "websocket.accept", "subprotocol": "echo"})
    while True:
        m = await receive()
        if m["type"] != "websocket.receive": return
        await send({"type": "websocket.send", "text": m.get("text"), "bytes": m.get("bytes")})
async def main():
    s = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = ["fd://" + str(s.fileno())]
    config.loglevel = "ERROR"
    if len(sys.argv) > 1: config.certfile, config.keyfile = sys.argv[1:3]
    print(s.getsockname()[1], flush=True)
    await serve(app, config, shutdown_trigger=asyncio.Event().wait)
asyncio.run(main())
)";

http::client_options over_http2() {
  return http::client_options().http2(http::http2::prior_knowledge);
}

}  // namespace

ON_KERNEL_REACTORS(Http2WebsocketPeers, OurServerWithNode) {
  our_server_with(reactor, node_with("ws"), "npm's ws", node_client);
}

ON_KERNEL_REACTORS(Http2WebsocketPeers, OurClientWithNode) {
  const interpreter node = node_with("ws");
  if (node.empty()) GTEST_SKIP() << "npm's ws is not installed: nothing to talk with";
  const child_process server(with_program(node, {node_server}));
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  run_on(reactor, [&]() -> task<> {
    http::client c(over_http2());
    const std::string url = "ws://127.0.0.1:" + std::to_string(std::stoi(port)) + "/";
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i) g.spawn(talk_to(c, url, websocket_options().protocols({"echo"})));
      co_return;
    });
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

ON_KERNEL_REACTORS(Http2WebsocketPeers, OurClientWithHypercorn) {
  const interpreter python = python_with("hypercorn");
  if (python.empty()) GTEST_SKIP() << "hypercorn is not installed: nothing to talk with";
  const child_process server(with_program(python, {hypercorn_server}));
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  for (const auto& o : ways_to_speak())
    run_on(reactor, [&]() -> task<> {
      http::client c(over_http2());
      const std::string url = "ws://127.0.0.1:" + std::to_string(std::stoi(port)) + "/";
      co_await talk_to(c, url, o);
      EXPECT_EQ(c.open_connections(), 1U);
    });
}

// What both agree on: the page is got over HTTP/2, and the WebSocket goes on its connection.
ON_KERNEL_REACTORS(Http2WebsocketPeers, OurClientWithHypercornOverTls) {
  NEEDS_CERTIFICATES;
  const interpreter python = python_with("hypercorn");
  if (python.empty()) GTEST_SKIP() << "hypercorn is not installed: nothing to talk with";
  const child_process server(with_program(
      python, {hypercorn_server, certificate_path("ip-chain.pem"), certificate_path("ip.key")}));
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  run_on(reactor, [&]() -> task<> {
    http::client c(http::client_options().tls(tls_context::client(client_of_root())));
    const std::string at = "127.0.0.1:" + std::to_string(std::stoi(port)) + "/";
    http::response page = co_await c.get("https://" + at);
    EXPECT_EQ(co_await page.text(), "page");
    EXPECT_EQ(page.version(), http::version::http_2);
    co_await talk_to(c, "wss://" + at, websocket_options().protocols({"echo"}));
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

// A page that sends what is hard on two WebSockets, and posts what came back of it.
constexpr const char* browser_page = R"(<!doctype html><script>
const sizes = [0, 1, 125, 126, 65535, 65536, 300000];
const one = () => new Promise(done => {
  const ws = new WebSocket(location.href.replace('http', 'ws') + 'echo', ['echo']);
  ws.binaryType = 'arraybuffer';
  const heard = [];
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
    done(heard.join(' '));
  };
});
Promise.all([one(), one()])
    .then(all => fetch('/done', {method: 'POST', body: all.join('\n')}));
</script>)";

ON_KERNEL_REACTORS(Http2WebsocketPeers, OurServerWithChromiumOverTls) {
  if (!std::getenv("RONDO_TEST_LONG")) GTEST_SKIP() << "a browser: only with RONDO_TEST_LONG";
  NEEDS_CERTIFICATES;
  const std::string chromium = find_program("chromium");
  if (chromium.empty()) GTEST_SKIP() << "chromium is not installed: nothing to talk with";
  const temporary_folder profile;
  run_on(reactor, [&]() -> task<> {
    http::server server;
    event done;
    std::string heard;
    std::string versions;
    server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
      co_return http::server_response::html(browser_page);
    });
    server.route("POST", "/done", [&](http::server_request& r) -> task<http::server_response> {
      heard = co_await r.text();
      done.set();
      co_return http::server_response(204);
    });
    server.route("GET", "/echo", [&](http::server_request& r) -> task<http::server_response> {
      versions += std::string(to_string(r.version())) + '\n';
      co_return http::accept_websocket(r, echo_messages,
                                       websocket_options().protocols({"echo"}).compress(true));
    });
    tcp_listener listener = listen_here();
    const std::string url = "https://" + listener.local_endpoint().to_string() + "/";
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] {
        return server.serve(std::move(listener),
                            tls_context::server(server_as("ip").alpn({"h2", "http/1.1"})));
      });
      std::vector<std::string> command = headless_browser(chromium, profile, url);
      command.insert(command.end() - 1, "--ignore-certificate-errors");
      const child_process browser(command);
      EXPECT_TRUE(co_await try_for(120s, done.wait())) << "the browser said nothing";
      g.cancel();
    });
    const std::string one =
        "echo 0 1 125 126 65535 65536 300000 0 1 125 126 65535 65536 300000 4000 true";
    EXPECT_EQ(heard, one + '\n' + one);
    EXPECT_EQ(versions, "HTTP/2\nHTTP/2\n");
  });
}

}  // namespace http2_websocket_interop_test
