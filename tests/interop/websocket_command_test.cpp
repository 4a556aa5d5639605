// `rondo ws` as scripts see it, and at a terminal: what goes, what is printed, its exit codes.
#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <csignal>
#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using http::websocket;
using http::websocket_message;
using http::websocket_options;

namespace websocket_command_test {
namespace {

std::string program() {
  const char* path = std::getenv("RONDO_PROGRAM");
  return path ? path : "";
}

std::vector<std::string> called(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {program(), "ws"});
  return arguments;
}

struct run_of_it {
  int code = -1;
  std::string out, err;
};
task<run_of_it> run_ws(std::vector<std::string> arguments, std::string input = {}) {
  const auto r = co_await net::run_process(called(std::move(arguments)),
                                           net::process_options().input(std::move(input)));
  co_return {r.status.code().value_or(-1), r.output, r.error};
}

// A server that has heard these messages, and this close code.
struct listener {
  std::vector<websocket_message> heard;
  int code = 0;
  event ended;
};

// Runs body(url, listener) beside a server: /echo, /headers (what the client said of itself),
// /close (with 4321), /bytes (sends some, and closes without a code), /rude (breaks a rule).
template <class Body>
void beside_websockets(Body body) {
  run_on(reactor_kind::automatic, [&]() -> task<> {
    listener at_echo;
    http::server server;
    server.websocket(
        "/echo",
        [&](websocket& ws) -> task<> {
          while (auto m = co_await ws.receive()) {
            co_await ws.send(*m);
            at_echo.heard.push_back(std::move(*m));
          }
          at_echo.code = ws.close_code();
          at_echo.ended.set();
        },
        websocket_options().protocols({"echo"}));
    server.route("GET", "/headers", [](server_request& r) -> task<server_response> {
      std::string said = std::string(r.headers().get("X-Id").value_or("")) + ' ' +
                         std::string(r.headers().get("Authorization").value_or("")) + ' ' +
                         std::string(r.headers().get("Host").value_or(""));
      co_return http::accept_websocket(r,
                                       [said](websocket& ws) -> task<> { co_await ws.send(said); });
    });
    server.websocket("/close",
                     [](websocket& ws) -> task<> { co_await ws.close(4321, "go \x1B[2J away"); });
    server.websocket("/bytes", [](websocket& ws) -> task<> {
      co_await ws.send(net::bytes_of(std::string_view("\0\xFFz", 3)));
      co_await ws.send("two\nlines");
    });
    server.route("GET", "/rude", [](server_request& r) -> task<server_response> {
      server_response answer =
          server_response::upgrade("websocket", [](http::upgraded_stream s) -> task<> {
            co_await s.write_all(net::bytes_of(std::string_view("\x83\0", 2)));
          });
      http::detail::websocket_acceptance a =
          http::detail::examine_websocket_request(r, websocket_options());
      http::detail::complete_websocket_answer(answer, a);
      co_return answer;
    });
    co_await with_server(server, [&](std::string at, endpoint) -> task<> {
      co_await body("ws" + at.substr(at.find(':')), at_echo);
    });
  });
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What comes of a process's output, until `mark` has.
task<std::string> read_until(net::process& p, std::string_view mark) {
  std::string all;
  std::array<std::byte, 4096> room;
  while (!has(all, mark)) {
    const std::size_t n = co_await p.output().read_some(room);
    if (n == 0) break;
    all.append(reinterpret_cast<const char*>(room.data()), n);
  }
  EXPECT_TRUE(has(all, mark)) << all;
  co_return all;
}

}  // namespace

#define NEEDS_RONDO()                                              \
  if (program().empty()) {                                         \
    GTEST_SKIP() << "RONDO_PROGRAM does not say where `rondo` is"; \
  }                                                                \
  static_assert(true)

TEST(WsCommand, SendsItsLinesAndPrintsTheMessages) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener& server) -> task<> {
    const run_of_it r = co_await run_ws({"--linger", "0.2", url + "/echo"}, "one\n\ntwo");
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_EQ(r.out, "one\n\ntwo\n");
    EXPECT_EQ(r.err, "");
    co_await server.ended.wait();
    EXPECT_EQ(server.code, 1000);
    EXPECT_TRUE(server.heard.at(0).is_text);
  });
}

TEST(WsCommand, SpeaksHttp2WhenAsked) {
  NEEDS_RONDO();
  if (!rondo::features().http2) GTEST_SKIP() << "built without HTTP/2";
  beside_websockets([](std::string url, listener& server) -> task<> {
    const run_of_it r =
        co_await run_ws({"--http2", "-v", "--linger", "0.2", url + "/echo"}, "one\n");
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_EQ(r.out, "one\n");
    EXPECT_TRUE(has(r.err, ":method: CONNECT") && has(r.err, ":protocol: websocket")) << r.err;
    co_await server.ended.wait();
    EXPECT_EQ(server.code, 1000);
  });
}

TEST(WsCommand, HasMessagesOfBytesAsDigitsOrAsJson) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener& server) -> task<> {
    const run_of_it digits =
        co_await run_ws({"--binary", "--linger", "0.2", url + "/echo"}, "00ffAb\n\n");
    EXPECT_EQ(digits.out, "00ffab\n\n") << digits.err;
    EXPECT_FALSE(server.heard.at(0).is_text);
    EXPECT_EQ(server.heard.at(0).data, std::string("\0\xFF\xAB", 3));
    const std::string lines = "{\"text\":\"a\\nb\"}\n{\"bytes\":\"0aff\"}\n";
    const run_of_it json = co_await run_ws({"--json", "--linger", "0.2", url + "/echo"}, lines);
    EXPECT_EQ(json.out, lines) << json.err;
    EXPECT_EQ(server.heard.at(2).data, "a\nb");
    const run_of_it plain = co_await run_ws({"--listen", url + "/bytes"});
    EXPECT_EQ(plain.out, "00ff7a\ntwo\nlines\n") << plain.err;
    EXPECT_EQ(plain.code, 0);
  });
}

TEST(WsCommand, SaysWhichLineIsNone) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener&) -> task<> {
    const std::pair<std::string, std::string> wrong[] = {
        {"--binary", "00\nxy\n"},
        {"--binary", "00\nabc\n"},
        {"--json", "{\"text\":\"\"}\n{\"text\":1}\n"},
        {"--json", "{\"bytes\":\"\"}\nnothing\n"},
        {"--json", "{\"bytes\":\"\"}\n{\"bytes\":\"0\"}\n"},
    };
    for (const auto& [option, input] : wrong) {
      const run_of_it r = co_await run_ws({option, url + "/echo"}, input);
      EXPECT_EQ(r.code, 2) << input;
      EXPECT_TRUE(has(r.err, "rondo: line 2 has ")) << r.err;
    }
  });
}

TEST(WsCommand, ExitsWithACodeForEachKindOfEnd) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener&) -> task<> {
    const unserved_port port;
    const std::string http = "http" + url.substr(2);
    struct {
      std::vector<std::string> arguments;
      int code;
      std::string said;
    } const cases[] = {
        {{url + "/close"}, 10, "closed: 4321 go \\x1b[2J away"},
        {{url + "/rude"}, 11, "an opcode that is reserved (1002)"},
        {{url + "/nowhere"}, 1, "404"},
        {{http + "/echo", "-v"}, 0, "> Sec-WebSocket-Version: 13"},
        {{"-v", "-p", "echo", url + "/echo"}, 0, "< Sec-WebSocket-Protocol: echo"},
        {{"-v", url + "/echo"}, 0, "closed: 1000"},
        {{"ftp://a/"}, 3, "ftp"},
        {{"nothing"}, 3, "nothing"},
        {{"ws://" + port.at().to_string() + "/"}, 4, port.at().to_string()},
        {{"--no-such-option", url}, 2, "--no-such-option"},
        {{"-H", "colon", url + "/echo"}, 2, "--header wants \"Name: value\": colon"},
        {{"-u", "colon", url + "/echo"}, 2, "--user wants name:password: colon"},
        {{"-p", "a b", url + "/echo"}, 2, "\"a b\" is no name of a subprotocol"},
        {{"--listen", "--linger", "1", url + "/echo"}, 2, "--linger"},
        {{"--cacert", "/none.pem", url + "/echo"}, 2, "/none.pem"},
    };
    for (const auto& c : cases) {
      std::vector<std::string> arguments = c.arguments;
      if (arguments.front() != "--listen") arguments.insert(arguments.begin(), {"--linger", "0"});
      const run_of_it r = co_await run_ws(arguments);
      EXPECT_EQ(r.code, c.code) << c.arguments.back() << "\n" << r.err;
      EXPECT_TRUE(has(r.err, c.said)) << c.said << "\n" << r.err << r.out;
    }
  });
}

TEST(WsCommand, SaysAndConnectsWhatItIsToldTo) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener&) -> task<> {
    const std::string port = url.substr(url.rfind(':') + 1);
    const run_of_it r = co_await run_ws({"--listen", "-H", "X-Id: 7", "-u", "u:p", "--resolve",
                                         "name.test:" + port + ":127.0.0.1",
                                         "ws://name.test:" + port + "/headers"});
    EXPECT_EQ(r.out, "7 Basic dTpw name.test:" + port + "\n") << r.err;
  });
  run_on(reactor_kind::automatic, []() -> task<> {  // over a Unix socket
    const temporary_folder folder;
    http::server server;
    server.websocket("/", echo_messages);
    auto listening = net::unix_listener::bind(endpoint::unix_path(folder / "socket"));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return server.serve(std::move(listening)); });
      const run_of_it r = co_await run_ws(
          {"--linger", "0.2", "--unix-socket", folder / "socket", "ws://any.test/"}, "hello\n");
      EXPECT_EQ(r.out, "hello\n") << r.err;
      g.cancel();
    });
  });
}

TEST(WsCommand, SpeaksOverTlsToWhomItTrusts) {
  NEEDS_RONDO();
  NEEDS_CERTIFICATES;
  run_on(reactor_kind::automatic, []() -> task<> {
    http::server server;
    server.websocket("/", echo_messages);
    tcp_listener listening = listen_here();
    const std::string url = "wss://" + listening.local_endpoint().to_string() + "/";
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(
          [&] { return server.serve(std::move(listening), tls_context::server(server_as("ip"))); });
      const run_of_it trusted = co_await run_ws(
          {"--linger", "0.2", "--cacert", certificate_path("root.pem"), url}, "hello\n");
      EXPECT_EQ(trusted.out, "hello\n") << trusted.err;
      const run_of_it any = co_await run_ws({"--linger", "0.2", "--insecure", url}, "hello\n");
      EXPECT_EQ(any.out, "hello\n") << any.err;
      const run_of_it unknown = co_await run_ws({url}, "hello\n");
      EXPECT_EQ(unknown.code, 7) << unknown.err;
      EXPECT_TRUE(has(unknown.err, "certificate")) << unknown.err;
      g.cancel();
    });
  });
}

TEST(WsCommand, EndsWhenNobodyReadsItsOutput) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener& server) -> task<> {
    net::process p = net::process::start(called({url + "/echo"}));
    p.output().close();
    co_await p.input().write_all(net::bytes_of("hello\n"));
    EXPECT_EQ((co_await p.wait()).code(), 0);
    co_await server.ended.wait();
    EXPECT_EQ(server.code, 1000);
  });
}

TEST(WsCommand, TellsTheOtherSideOfCtrlC) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener& server) -> task<> {
    net::process p = net::process::start(called({url + "/echo"}));
    co_await p.input().write_all(net::bytes_of("hello\n"));
    co_await read_until(p, "hello\n");
    p.kill(SIGINT);
    EXPECT_EQ((co_await p.wait()).code(), 130);
    co_await server.ended.wait();
    EXPECT_EQ(server.code, 1001);
  });
}

TEST(WsCommand, IsTalkedToAtATerminal) {
  NEEDS_RONDO();
  beside_websockets([](std::string url, listener& server) -> task<> {
    net::process p =
        net::process::start(called({"--json", "--linger", "0", url + "/echo"}),
                            net::process_options().terminal({.rows = 24, .columns = 200}));
    co_await read_until(p, "connected; Ctrl-D closes");
    co_await p.input().write_all(net::bytes_of("nothing\n"));  // said, and asked again
    co_await read_until(p, "line 1 has neither");
    co_await p.input().write_all(net::bytes_of("{\"text\":\"h\\u001bi\"}\n"));
    co_await read_until(p, "\x1B[K< {\"text\":\"h\\u001bi\"}\r\n> ");
    co_await p.input().write_all(net::bytes_of("\x04"));  // Ctrl-D
    EXPECT_EQ((co_await p.wait()).code(), 0);
    co_await server.ended.wait();
    EXPECT_EQ(server.code, 1000);

    net::process plain =
        net::process::start(called({url + "/echo"}), net::process_options().terminal());
    co_await read_until(plain, "> ");
    co_await plain.input().write_all(net::bytes_of("a\tb\n"));
    co_await read_until(plain, "< a\tb\r\n> ");
    co_await plain.input().write_all(net::bytes_of("\x03"));  // Ctrl-C
    EXPECT_EQ((co_await plain.wait()).code(), 130);
  });
}

}  // namespace websocket_command_test
