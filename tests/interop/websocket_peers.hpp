// How our WebSockets are tried with those of others: an interpreter that has the peer's library,
// and programs for it. A client gets the server's URL, whether compression is offered, and perhaps
// a file with the certificate to trust, and says "as sent" when what is hard came back; a server
// prints the port at which it echoes.
#pragma once

#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

namespace rondo_test {

// A command to which a program in the interpreter's language, and its arguments, are appended.
using interpreter = std::vector<std::string>;

// Debian's Python, which has Debian's packages, if it has the module; else empty.
inline interpreter python_with(const std::string& module) {
  const std::string debian = "/usr/bin/python3";
  const std::string python = ::access(debian.c_str(), X_OK) == 0 ? debian : find_program("python3");
  if (python.empty() || run_command({python, "-c", "import " + module}).status != 0) return {};
  return {python, "-c"};
}

// node, if npm has installed the module for all; else empty.
inline interpreter node_with(const std::string& module) {
  const std::string node = find_program("node"), npm = find_program("npm");
  if (node.empty() || npm.empty()) return {};
  std::string modules = run_command({npm, "root", "--global"}).output;
  modules.resize(std::min(modules.find('\n'), modules.size()));
  interpreter command{find_program("env"), "NODE_PATH=" + modules, node, "--eval"};
  interpreter attempt = command;
  attempt.push_back("require('" + module + "')");
  return run_command(attempt).status == 0 ? command : interpreter{};
}

inline std::vector<std::string> with_program(interpreter command,
                                             std::vector<std::string> program) {
  command.insert(command.end(), program.begin(), program.end());
  return command;
}

inline std::vector<std::string> headless_browser(const std::string& chromium,
                                                 const temporary_folder& profile,
                                                 const std::string& url) {
  return {chromium,
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--no-first-run",
          "--disable-dev-shm-usage",
          "--disable-background-networking",
          "--remote-debugging-port=0",
          "--user-data-dir=" + profile.path(),
          url};
}

// Sends what is hard to an echo server, and wants it back.
inline rondo::task<> talk_to(rondo::http::client c, std::string url,
                             rondo::http::websocket_options o) {
  rondo::http::websocket ws = co_await c.websocket(url, std::move(o));
  EXPECT_EQ(ws.protocol(), "echo");
  for (const std::size_t n : {0, 1, 125, 126, 65535, 65536, 300'000}) {
    const std::string text(n, 'a');
    co_await ws.send(text);
    auto m = co_await ws.receive();
    EXPECT_TRUE(m && m->is_text && m->data == text) << n;
    const std::vector<std::byte> bytes(n, std::byte{0xFF});
    co_await ws.send(bytes);
    m = co_await ws.receive();
    EXPECT_TRUE(m && !m->is_text && m->data.size() == n) << n;
  }
  auto w = co_await ws.begin_text();
  for (const char* piece : {"in ", "three ", "pieces"}) co_await w.write(piece);
  co_await w.end();
  EXPECT_EQ((co_await ws.receive())->data, "in three pieces");
  co_await ws.close(4000, "done");
  // aiohttp answers every Close with 1000.
  EXPECT_TRUE(ws.close_code() == 4000 || ws.close_code() == 1000) << ws.close_code();
}

inline std::vector<rondo::http::websocket_options> ways_to_speak() {
  using o = rondo::http::websocket_options;
  return {o().protocols({"echo"}), o().protocols({"echo"}).compress(true),
          o().protocols({"echo"}).compress_with_context(true)};
}

inline void our_client_with(rondo::reactor_kind reactor, const interpreter& i, const char* name,
                            const char* program) {
  if (i.empty()) GTEST_SKIP() << name << " is not installed: nothing to talk with";
  const child_process server(with_program(i, {program}));
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  for (const auto& o : ways_to_speak())
    run_on(reactor, [&]() -> rondo::task<> {
      co_await talk_to(rondo::http::client(),
                       "ws://127.0.0.1:" + std::to_string(std::stoi(port)) + "/", o);
    });
}

inline void our_server_with(rondo::reactor_kind reactor, const interpreter& i, const char* name,
                            const char* program) {
  if (i.empty()) GTEST_SKIP() << name << " is not installed: nothing to talk with";
  for (const auto& o : ways_to_speak()) {
    rondo::http::server server;
    server.websocket("/", echo_messages, o);
    run_on(reactor, with_server(server, [&](std::string origin, endpoint) -> rondo::task<> {
             const std::string url = "ws" + origin.substr(4) + "/";
             const std::string offer = o.compress_ ? "deflate" : "";
             const finished f = co_await rondo::to_thread(
                 [&] { return run_command(with_program(i, {program, url, offer})); });
             EXPECT_EQ(f.output, "as sent\n");
           }));
  }
}

}  // namespace rondo_test
