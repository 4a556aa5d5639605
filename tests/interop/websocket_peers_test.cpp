// WebSockets with more peers: wsproto, npm's ws and undici, libwebsockets, through nginx, and over
// TLS. A peer that the machine does not have skips its test by name.
#include "interop/websocket_peers.hpp"
#include "net/tls_support.hpp"
#include "support/conformance.hpp"

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;

namespace websocket_peers_test {
namespace {

// wsproto is an engine without I/O: the sockets are ours.
constexpr const char* wsproto_server = R"(
import socket, threading
from wsproto import WSConnection, ConnectionType
from wsproto.events import (Request, AcceptConnection, TextMessage, BytesMessage, Ping,
                            CloseConnection)
from wsproto.extensions import PerMessageDeflate
def serve(s):
    ws = WSConnection(ConnectionType.SERVER)
    text, data = [], []
    while True:
        got = s.recv(65536)
        ws.receive_data(got or None)
        for e in ws.events():
            if isinstance(e, Request):
                s.sendall(ws.send(AcceptConnection(subprotocol="echo",
                                                   extensions=[PerMessageDeflate()])))
            elif isinstance(e, (TextMessage, BytesMessage)):
                kind = text if isinstance(e, TextMessage) else data
                kind.append(e.data)
                if e.message_finished:
                    whole = ("" if kind is text else b"").join(kind)
                    kind.clear()
                    s.sendall(ws.send(TextMessage(whole) if kind is text else BytesMessage(whole)))
            elif isinstance(e, Ping):
                s.sendall(ws.send(e.response()))
            elif isinstance(e, CloseConnection):
                s.sendall(ws.send(e.response()))
                s.close()
                return
        if not got: return
l = socket.create_server(("127.0.0.1", 0))
print(l.getsockname()[1], flush=True)
while True: threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
)";
constexpr const char* wsproto_client = R"(
import os, socket, sys
from urllib.parse import urlsplit
from wsproto import WSConnection, ConnectionType
from wsproto.events import (Request, AcceptConnection, TextMessage, BytesMessage, Ping, Pong,
                            CloseConnection)
from wsproto.extensions import PerMessageDeflate
at = urlsplit(sys.argv[1])
s = socket.create_connection((at.hostname, at.port))
ws = WSConnection(ConnectionType.CLIENT)
s.sendall(ws.send(Request(host=at.netloc, target="/", subprotocols=["echo"],
                          extensions=[PerMessageDeflate()] if sys.argv[2] else [])))
def events():
    while True:
        got = s.recv(65536)
        ws.receive_data(got or None)
        yield from ws.events()
        if not got: return
stream = events()
first = next(stream)
assert isinstance(first, AcceptConnection) and first.subprotocol == "echo", first
def whole(kind):
    parts = []
    while True:
        e = next(stream)
        assert isinstance(e, kind), e
        parts.append(e.data)
        if e.message_finished: return type(e.data)().join(parts)
for n in (0, 1, 125, 126, 65535, 65536, 300000):
    for m, kind in ((os.urandom(n), BytesMessage), ("\u00e4" * n, TextMessage)):
        s.sendall(ws.send(kind(m)))
        assert whole(kind) == m
for part in ("in ", "three ", "pieces"):
    s.sendall(ws.send(TextMessage(part, message_finished=part == "pieces")))
assert whole(TextMessage) == "in three pieces"
s.sendall(ws.send(Ping(b"hello")))
e = next(stream)
assert isinstance(e, Pong) and e.payload == b"hello"
s.sendall(ws.send(CloseConnection(4000, "done")))
e = next(stream)
assert isinstance(e, CloseConnection) and e.code == 4000, e
assert s.recv(1) == b""  # the server closes first
print("as sent", flush=True)
)";

// The second argument of the client: a file with the certificate to trust.
constexpr const char* ws_server = R"(
const {WebSocketServer} = require('ws');
const server = new WebSocketServer({host: '127.0.0.1', port: 0, perMessageDeflate: {threshold: 0},
                                    handleProtocols: () => 'echo'});
server.on('listening', () => console.log(server.address().port));
server.on('connection', c => c.on('message', (m, binary) => c.send(m, {binary})));
)";
constexpr const char* ws_client = R"(
const WebSocket = require('ws'), crypto = require('crypto');
const ca = process.argv[3] && require('fs').readFileSync(process.argv[3]);
const c = new WebSocket(process.argv[1], ['echo'],
                        {perMessageDeflate: process.argv[2] !== '', ca, servername: 'good.test'});
const hard = [];
for (const n of [0, 1, 125, 126, 65535, 65536, 300000])
  hard.push(crypto.randomBytes(n), '\u00e4'.repeat(n));
let at = 0, pong = false;
c.on('open', () => { c.ping('hello'); c.send(hard[0]); });
c.on('pong', p => { pong = p.toString() === 'hello'; });
c.on('message', (m, binary) => {
  const sent = hard[at++];
  if (binary !== Buffer.isBuffer(sent) || !m.equals(Buffer.from(sent))) throw new Error('changed');
  if (at < hard.length) c.send(hard[at]);
  else c.close(4000, 'done');
});
c.on('close', code => {
  if (code === 4000 && pong && c.protocol === 'echo') console.log('as sent');
});
)";
constexpr const char* undici_client = R"(
const {WebSocket} = require('undici');
const c = new WebSocket(process.argv[1], ['echo']);
c.binaryType = 'arraybuffer';
const sizes = [0, 1, 125, 126, 65535, 65536, 300000];
let at = 0;
const next = () => {
  if (at < sizes.length) c.send('\u00e4'.repeat(sizes[at]));
  else if (at < 2 * sizes.length) c.send(new Uint8Array(sizes[at - sizes.length]).fill(255));
  else c.close(4000, 'done');
};
c.onopen = next;
c.onmessage = m => {
  const n = at < sizes.length ? m.data.length : m.data.byteLength;
  if (n !== sizes[at % sizes.length]) throw new Error('changed');
  ++at;
  next();
};
c.onclose = e => {
  if (e.code === 4000 && e.wasClean && c.protocol === 'echo') console.log('as sent');
};
)";

std::uint16_t some_free_port() {
  return run_on(reactor_kind::epoll,
                []() -> task<std::uint16_t> { co_return listen_here().local_endpoint().port(); });
}

// A program that listens at a port it is given; started again when somebody else has taken it.
template <class Start>
task<std::uint16_t> started_at_a_port(std::optional<child_process>& program, Start start) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint16_t port = co_await to_thread(some_free_port);
    start(port);
    for (int i = 0; i < 2000 && !program->ended(); ++i) {
      if ((co_await as_result(tcp_stream::connect(loopback(port)))).has_value()) co_return port;
      co_await sleep_for(5ms);
    }
  }
  co_return 0;
}

}  // namespace

ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithWsproto) {
  our_client_with(reactor, python_with("wsproto"), "wsproto", wsproto_server);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithWsproto) {
  our_server_with(reactor, python_with("wsproto"), "wsproto", wsproto_client);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithWs) {
  our_client_with(reactor, node_with("ws"), "npm's ws", ws_server);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithWs) {
  our_server_with(reactor, node_with("ws"), "npm's ws", ws_client);
}
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithUndici) {
  our_server_with(reactor, node_with("undici"), "npm's undici", undici_client);
}

// Its test server echoes to all who speak "lws-mirror-protocol", and counts for those who speak
// "dumb-increment-protocol".
ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithLibwebsockets) {
  const std::string program = find_program("libwebsockets-test-server");
  if (program.empty()) GTEST_SKIP() << "libwebsockets-test-server is not installed";
  run_on(reactor, [&]() -> task<> {
    std::optional<child_process> server;
    const std::uint16_t port = co_await started_at_a_port(server, [&](std::uint16_t p) {
      server.emplace(interpreter{program, "--port=" + std::to_string(p), "-d", "0"});
    });
    const std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/";
    http::client c;
    websocket counting = co_await c.websocket(
        url, websocket_options().protocols({"dumb-increment-protocol"}).compress(true));
    EXPECT_EQ(counting.protocol(), "dumb-increment-protocol");
    for (int n = 0; n < 5; ++n) EXPECT_EQ((co_await counting.receive())->data, std::to_string(n));
    co_await counting.close();
    websocket mirror =
        co_await c.websocket(url, websocket_options().protocols({"lws-mirror-protocol"}));
    co_await mirror.send("d 1 2 3 4;");
    EXPECT_EQ((co_await mirror.receive())->data, "d 1 2 3 4;");
    EXPECT_GE(
        co_await [](websocket& ws) -> task<std::chrono::nanoseconds> {
          std::chrono::nanoseconds took{-1};
          co_await with_task_group([&](task_group& g) -> task<> {
            g.spawn(ws.ignore_incoming());
            took = co_await ws.ping();
            co_await ws.close(1000, "done");
          });
          co_return took;
        }(mirror),
        0ns);
    EXPECT_EQ(mirror.close_code(), 1000);
  });
}

// Its test client opens one for each of the two protocols, and draws into the mirror. Without
// compression: libwebsockets 4.1 never gets beyond a message that stands uncompressed among
// compressed ones, as RFC 7692, section 6, allows and a small one of ours is.
ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithLibwebsockets) {
  const std::string program = find_program("libwebsockets-test-client");
  if (program.empty()) GTEST_SKIP() << "libwebsockets-test-client is not installed";
  run_on(reactor, [&]() -> task<> {
    int counted = 0, drawn = 0;
    event both;
    http::server server;
    const auto handler = [&](websocket& ws) -> task<> {
      if (ws.protocol() == "dumb-increment-protocol") {
        for (; counted < 20; ++counted) co_await ws.send(std::to_string(counted));
        co_await ws.ignore_incoming();
        co_return;
      }
      while (const auto m = co_await ws.receive()) {
        EXPECT_TRUE(m->data.empty() || m->data.starts_with("d ") || m->data.starts_with("c "))
            << m->data;
        co_await ws.send(*m);
        if (++drawn == 20) both.set();
      }
    };
    server.websocket("/", handler,
                     websocket_options()
                         .protocols({"dumb-increment-protocol", "lws-mirror-protocol"})
                         .any_origin());
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      const child_process client(
          {program, "127.0.0.1", "--port=" + std::to_string(here.port()), "-d", "0"});
      EXPECT_TRUE(co_await try_for(60s, both.wait())) << counted << ' ' << drawn;
    });
    EXPECT_EQ(counted, 20);
  });
}

ON_KERNEL_REACTORS(WebsocketPeers, ThroughNginx) {
  const std::string program = find_program("nginx");
  if (program.empty()) GTEST_SKIP() << "nginx is not installed: nothing to talk through";
  const temporary_folder folder;
  run_on(reactor, [&]() -> task<> {
    http::server server;
    server.websocket("/", echo_messages,
                     websocket_options().protocols({"echo"}).compress(true).any_origin());
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      std::optional<child_process> nginx;
      const std::uint16_t port = co_await started_at_a_port(nginx, [&](std::uint16_t p) {
        folder.write("nginx.conf",
                     "daemon off; master_process off; pid pid; error_log error.log;\n"
                     "events { worker_connections 64; }\n"
                     "http { access_log off; client_body_temp_path t1; proxy_temp_path t2;\n"
                     " fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n"
                     " server { listen 127.0.0.1:" +
                         std::to_string(p) + ";\n  location / { proxy_pass http://127.0.0.1:" +
                         std::to_string(here.port()) +
                         ";\n   proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;\n"
                         "   proxy_set_header Connection upgrade; }\n }\n}\n");
        nginx.emplace(interpreter{program, "-p", folder.path(), "-e", folder.path() + "/error.log",
                                  "-c", folder.path() + "/nginx.conf"});
      });
      for (const auto& o : ways_to_speak())
        co_await talk_to(http::client(), "ws://127.0.0.1:" + std::to_string(port) + "/", o);
    });
  });
}

// --- over TLS ---

ON_KERNEL_REACTORS(WebsocketPeers, OurServerWithWsOverTls) {
  NEEDS_CERTIFICATES;
  const interpreter node = node_with("ws");
  if (node.empty()) GTEST_SKIP() << "npm's ws is not installed: nothing to talk with";
  run_on(reactor, [&]() -> task<> {
    http::server server;
    server.websocket("/", echo_messages, ways_to_speak()[1]);
    tcp_listener listener = listen_here();
    const std::string url = "wss://" + listener.local_endpoint().to_string() + "/";
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] {
        return server.serve(std::move(listener), tls_context::server(server_as("good")));
      });
      const finished f = co_await to_thread([&] {
        return run_command(
            with_program(node, {ws_client, url, "deflate", certificate_path("root.pem")}));
      });
      EXPECT_EQ(f.output, "as sent\n");
      g.cancel();
    });
  });
}

ON_KERNEL_REACTORS(WebsocketPeers, OurClientWithWebsocketsOverTls) {
  NEEDS_CERTIFICATES;
  const interpreter python = python_with("websockets");
  if (python.empty()) GTEST_SKIP() << "websockets is not installed: nothing to talk with";
  constexpr const char* program = R"(
import asyncio, ssl, sys, websockets
async def echo(ws, *_):
    async for m in ws: await ws.send(m)
async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, subprotocols=["echo"],
                                ssl=tls) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
)";
  const child_process server(with_program(
      python, {program, certificate_path("ip-chain.pem"), certificate_path("ip.key")}));
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  for (const auto& o : ways_to_speak())
    run_on(reactor, [&]() -> task<> {
      co_await talk_to(
          http::client(http::client_options().tls(tls_context::client(client_of_root()))),
          "wss://127.0.0.1:" + std::to_string(std::stoi(port)) + "/", o);
    });
}

}  // namespace websocket_peers_test
