// What a request is addressed to: the forms of a target (RFC 9112, section 3.2), and paths that are
// written differently and mean the same.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using http::server_request;
using http::server_response;

namespace http_server_targets_cases {
namespace {

// Tells what the handler was given: "METHOD path|query|Host".
task<server_response> tell(server_request& r) {
  std::string text = r.method() + ' ' + std::string(r.path()) + '|' + std::string(r.query()) + '|';
  text += r.headers().get("Host").value_or("none");
  co_return server_response::text(text);
}

task<server_response> tell_name(server_request& r) {
  co_return server_response::text("name " + std::string(r.param("name")));
}

void add_routes(http::server& s) {
  s.route("GET", "/", tell);
  s.route("GET", "/hello", tell);
  s.route("POST", "/hello", tell);
  s.route("OPTIONS", "/hello", tell);
  s.route("GET", "/robots.txt", tell);
  s.route("GET", "/u/{name}", tell_name);
  s.route("GET", "/caf\xc3\xa9", tell);
}

task<std::string> served(std::string bytes) {
  http::server server;
  add_routes(server);
  std::string got;
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    got = co_await exchange_bytes(here, bytes);
  });
  co_return got;
}

task<std::string> asked(std::string line, std::string fields = "Host: mine\r\n") {
  co_return co_await served(line + "\r\n" + fields + "\r\n");
}

std::string body_of(const std::string& answer) {
  return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
}

}  // namespace

CONFORMANCE(ServerTargets, AnAbsoluteTargetIsRoutedByItsPathAndItsHostCounts) {
  const std::pair<std::string, std::string> cases[] = {
      {"GET http://any.test/hello?x=1 HTTP/1.1", "GET /hello|x=1|any.test"},
      {"GET HTTP://any.test/hello HTTP/1.1", "GET /hello||any.test"},
      {"GET hTtPs://any.test:8443/hello HTTP/1.1", "GET /hello||any.test:8443"},
      {"GET http://any.test?x=1 HTTP/1.1", "GET /|x=1|any.test"},
      {"GET http://any.test HTTP/1.1", "GET /||any.test"},
      {"GET http://any.test/hello?u=http://b/c HTTP/1.1", "GET /hello|u=http://b/c|any.test"},
      {"GET http://[::1]:80/hello HTTP/1.1", "GET /hello||[::1]:80"},
      {"POST http://any.test/hello HTTP/1.1", "POST /hello||any.test"},
      {"GET http://any.test/hello HTTP/1.0", "GET /hello||any.test"},
  };
  for (const auto& [line, told] : cases) {
    const std::string got = co_await asked(line);
    EXPECT_EQ(body_of(got), told) << line << "\n" << got;
  }
  const std::string hostless = co_await asked("GET http://any.test/hello HTTP/1.0", "");
  EXPECT_EQ(body_of(hostless), "GET /hello||any.test");
}

CONFORMANCE(ServerTargets, ATargetThatNamesNobodyIs400) {
  for (const char* line : {
           "GET http://user@any.test/hello HTTP/1.1",
           "GET http://user:secret@any.test/hello HTTP/1.1",
           "GET http://@any.test/hello HTTP/1.1",
           "GET http:///hello HTTP/1.1",
           "GET http://:80/hello HTTP/1.1",
           "GET http://any.test:x/hello HTTP/1.1",
           "GET ftp://any.test/hello HTTP/1.1",
           "GET any.test:80 HTTP/1.1",
           "POST any.test:80 HTTP/1.1",
           "GET * HTTP/1.1",
           "CONNECT /hello HTTP/1.1",
           "CONNECT http://any.test/hello HTTP/1.1",
       }) {
    const std::string got = co_await asked(line);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << line << "\n" << got;
    EXPECT_EQ(got.find("secret"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
  }
}

// What follows a CONNECT may be meant for a tunnel, so nothing of it is read as a request.
CONFORMANCE(ServerTargets, NoTunnelIsOpenedAndNothingBehindItIsRead) {
  const std::string got = co_await served(
      "CONNECT any.test:80 HTTP/1.1\r\nHost: any.test:80\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 501 ")) << got;
  EXPECT_EQ(count_of(got, "HTTP/1.1 "), 1U) << got;
}

EVERY_VERSION(ServerTargets, OptionsOfTheWholeServer) {
  for (const char* line : {"OPTIONS * HTTP/1.1", "OPTIONS http://any.test HTTP/1.1"}) {
    const std::string got = co_await asked(line);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 204 ")) << line << "\n" << got;
    EXPECT_NE(got.find("\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"), std::string::npos) << got;
  }
  const std::string of_a_path = co_await asked("OPTIONS http://any.test/hello HTTP/1.1");
  EXPECT_EQ(body_of(of_a_path), "OPTIONS /hello||any.test");
}

EVERY_VERSION(ServerTargets, ThePathIsComparedDecoded) {
  const std::pair<const char*, int> cases[] = {
      {"/robots.tx%74", 200},
      {"/%72obots.txt", 200},
      {"/%75/a", 200},
      {"/caf%c3%a9", 200},
      {"/caf%C3%A9", 200},
      {"/robots.txt%2F", 404},
      {"/u%2Fa", 404},
      {"/robots.tx%2574", 404},
      {"/%", 400},
      {"/%zz", 400},
      {"/u/a%4", 400},
      {"/u/%4", 400},
      {"/none/%", 400},
      {"/hello?q=100%", 200},
      {"http://a.test/%75/b", 200},
      {"http://a.test/%zz", 400},
  };
  for (const auto& [target, status] : cases) {
    const std::string got = co_await asked("GET " + std::string(target) + " HTTP/1.1");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << target << "\n"
                                                                             << got;
  }
}

EVERY_VERSION(ServerTargets, AParameterIsDecodedOnce) {
  const std::pair<const char*, const char*> cases[] = {{"/u/a%2Fb", "name a/b"},
                                                       {"/u/%2541", "name %41"},
                                                       {"/u/%25", "name %"},
                                                       {"/u/a+b", "name a+b"}};
  for (const auto& [target, told] : cases)
    EXPECT_EQ(body_of(co_await asked("GET " + std::string(target) + " HTTP/1.1")), told) << target;
}

}  // namespace http_server_targets_cases
