// `rondo fetch` as scripts see it: its exit codes, its JSON, and what goes over the wire.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <sstream>

using namespace rondo;
using namespace rondo_test;
using http::server_request;
using http::server_response;

namespace {

std::string program() {
  const char* path = std::getenv("RONDO_PROGRAM");
  return path ? path : "";
}

task<finished> fetch(std::vector<std::string> arguments) {
  std::vector<std::string> command{program(), "fetch"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  co_return co_await to_thread(run_command, std::move(command));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Runs body(origin) beside a server that mirrors requests, redirects and fails.
template <class Body>
void beside_a_server(Body body) {
  run_on(reactor_kind::automatic, [&]() -> task<> {
    http::server server;
    for (const char* method : {"GET", "POST", "PUT"})
      server.route(method, "/mirror", [](server_request& r) -> task<server_response> {
        std::string all = r.method() + "\n" + std::string(r.headers().wire());
        all += "\n" + co_await r.text();
        co_return server_response::text(all);
      });
    server.route("GET", "/status/{code}", [](server_request& r) -> task<server_response> {
      co_return server_response(std::stoi(std::string(r.param("code"))));
    });
    server.route("GET", "/loop", [](server_request&) -> task<server_response> {
      co_return server_response(302).header("Location", "/loop");
    });
    server.route("GET", "/moved", [](server_request&) -> task<server_response> {
      co_return server_response(302).header("Location", "/mirror");
    });
    server.route("GET", "/large", [](server_request&) -> task<server_response> {
      co_return server_response::text(std::string(3 << 20, 'x'));
    });
    server.route("GET", "/slow", [](server_request&) -> task<server_response> {
      co_await sleep_for(std::chrono::seconds(30));
      co_return server_response();
    });
    co_await with_server(server, [&](std::string at, endpoint) -> task<> { co_await body(at); });
  });
}

}  // namespace

#define NEEDS_THE_PROGRAM()                                        \
  if (program().empty()) {                                         \
    GTEST_SKIP() << "RONDO_PROGRAM does not say where `rondo` is"; \
  }                                                                \
  static_assert(true)

TEST(Fetch, ExitsWithACodeForEachKindOfFailure) {
  NEEDS_THE_PROGRAM();
  beside_a_server([](std::string at) -> task<> {
    const unserved_port port;
    const std::pair<std::vector<std::string>, int> cases[] = {
        {{at + "/mirror"}, 0},
        {{at + "/status/404"}, 1},
        {{"--no-such-option", at}, 2},
        {{"-d", "x", "-F", "a=b", at}, 2},
        {{"not a url"}, 3},
        {{origin_of(port.at()) + "/"}, 4},
        {{"--timeout", "0.05", at + "/slow"}, 5},
        {{at + "/loop"}, 8},
        {{"--follow", "0", at + "/loop"}, 0},
        {{at + "/status/500", "not a url"}, 1},  // the first that failed
    };
    for (const auto& [arguments, code] : cases) {
      const finished f = co_await fetch(arguments);
      EXPECT_EQ(f.status, code) << arguments.back() << "\n" << f.output;
    }
  });
}

TEST(Fetch, SendsWhatItIsToldTo) {
  NEEDS_THE_PROGRAM();
  beside_a_server([](std::string at) -> task<> {
    const finished f = co_await fetch(
        {"-X", "PUT", "-H", "X-Id: 7", "-d", "body", "-u", "u:p", "-o", "-", at + "/mirror"});
    EXPECT_EQ(f.status, 0);
    EXPECT_TRUE(f.output.starts_with("PUT\n")) << f.output;
    EXPECT_TRUE(f.output.ends_with("\nbody")) << f.output;
    EXPECT_TRUE(contains(f.output, "X-Id: 7\r\n") &&
                contains(f.output, "Authorization: Basic dTpw\r\n"));
    const finished verbose = co_await fetch({"-v", "-u", "u:p", "--timings", at + "/moved"});
    EXPECT_TRUE(contains(verbose.output, "> GET /moved HTTP/1.1\n") &&
                contains(verbose.output, "< HTTP/1.1 302 Found\n") &&
                contains(verbose.output, "> Authorization: ***\n") &&
                contains(verbose.output, "connect "))
        << verbose.output;
    EXPECT_FALSE(contains(verbose.output, "dTpw"));
  });
}

TEST(Fetch, ConnectsWhereItIsToldTo) {
  NEEDS_THE_PROGRAM();
  beside_a_server([](std::string at) -> task<> {
    const std::string port = at.substr(at.rfind(':') + 1);
    const std::string named = "http://name.example:" + port + "/mirror";
    for (const char* addresses : {"127.0.0.1", "::1,127.0.0.1", "[::1],127.0.0.1"}) {
      const finished f =
          co_await fetch({"--resolve", "name.example:" + port + ':' + addresses, "-o", "-", named});
      EXPECT_EQ(f.status, 0) << f.output;
      EXPECT_TRUE(contains(f.output, "Host: name.example:" + port)) << f.output;
    }
    EXPECT_EQ((co_await fetch({"--local-address", "127.0.0.5", at + "/mirror"})).status, 0);
    const std::pair<std::vector<std::string>, std::string> wrong[] = {
        {{"--resolve", "name.example:80", named}, "--resolve wants host:port:address"},
        {{"--resolve", "name.example:80:127.0.0.1,", named}, "not an endpoint: \":80\""},
        {{"--local-address", "here", named}, "here"},
        {{"--unix-socket", "/none", "-x", "http://127.0.0.1:1", named}, "a proxy has no effect"},
    };
    for (const auto& [arguments, said] : wrong) {
      const finished f = co_await fetch(arguments);
      EXPECT_EQ(f.status, 2) << f.output;
      EXPECT_TRUE(contains(f.output, said)) << f.output;
    }
    const finished none = co_await fetch({"--unix-socket", "/no/such/socket", named});
    EXPECT_EQ(none.status, 4);
    EXPECT_TRUE(contains(none.output, "unix:/no/such/socket: No such file")) << none.output;
  });
}

TEST(Fetch, AsksTheServerAtAUnixSocket) {
  NEEDS_THE_PROGRAM();
  const temporary_folder folder;
  const std::string path = folder.path() + "/socket";
  child_process server({program(), "serve", "unix:" + path});
  EXPECT_TRUE(server.read(true).starts_with("serving http at unix:" + path));
  run_on(reactor_kind::automatic, [&]() -> task<> {
    const finished f =
        co_await fetch({"--unix-socket", path, "-o", "-", "http://name.example/headers"});
    EXPECT_EQ(f.status, 0) << f.output;
    EXPECT_TRUE(contains(f.output, "name.example")) << f.output;
  });
}

// What curl sends by the line that is printed, beside what is sent by us.
TEST(Fetch, PrintsCurlsCommandForTheSame) {
  NEEDS_THE_PROGRAM();
  if (find_program("curl").empty()) GTEST_SKIP() << "curl is not installed";
  const temporary_folder folder;
  const std::string file = folder.write("the body's", "from a file\n");
  beside_a_server([&](std::string at) -> task<> {
    const std::vector<std::vector<std::string>> cases{
        {at + "/mirror?a=[1]&b={x,y}"},
        {"-X", "PUT", "-H", "X-Id: it's \"7\" $HOME", "-d", "a 'b'\n", "-u", "u:p w",
         at + "/mirror"},
        {"--json-body", "-d", "{\"a\": 1}", at + "/mirror"},
        {"-d", "@" + file, "-H", "content-type: text/x", at + "/mirror"},
        {at + "/moved"},
        {"--follow", "0", at + "/moved"},
    };
    for (std::vector<std::string> arguments : cases) {
      arguments.insert(arguments.begin(), {"-o", "-"});
      const finished ours = co_await fetch(arguments);
      arguments.insert(arguments.begin(), "--curl");
      const finished line = co_await fetch(arguments);
      EXPECT_EQ(line.status, 0);
      const finished theirs =
          co_await to_thread(run_command, std::vector<std::string>{"/bin/sh", "-c", line.output});
      const auto kept = [](const std::string& text) {  // what both are told to send
        std::string out;
        std::istringstream lines(text);
        for (std::string l; std::getline(lines, l);)
          if (!l.starts_with("User-Agent:") && !l.starts_with("Accept")) out += l + '\n';
        return out;
      };
      const auto sorted = [&](const std::string& text) {
        std::vector<std::string> all;
        std::istringstream lines(kept(text));
        for (std::string l; std::getline(lines, l);) all.push_back(l);
        std::ranges::sort(all);
        return all;
      };
      EXPECT_EQ(sorted(theirs.output), sorted(ours.output)) << line.output;
    }
  });
}

// By several threads, under a certificate of its own, until it is told to stop.
TEST(Serve, AnswersOverTlsOnSeveralThreadsUntilItIsToldToStop) {
  NEEDS_THE_PROGRAM();
  const temporary_folder folder;
  const std::string trusted = folder / "own.pem";
  run_on(reactor_kind::automatic, [&]() -> task<> {
    net::process server =
        net::process::start({program(), "serve", "127.0.0.1:0", "--threads", "3", "--cert", "auto",
                             "--save-cert", trusted, "--metrics"},
                            net::process_options().output_to(net::redirect::pipe()));
    std::string line;
    for (char c = 0; c != '\n' && co_await server.output().read_some(
                                      std::as_writable_bytes(std::span(&c, 1))) == 1;)
      line += c;
    EXPECT_TRUE(line.starts_with("serving https://127.0.0.1:")) << line;
    const std::string at = line.substr(8, line.find(' ', 8) - 8);
    std::vector<std::string> urls{"--quiet", "--cacert", trusted};
    for (int i = 0; i < 40; ++i) urls.push_back(at + "/bytes/1000");
    EXPECT_EQ((co_await fetch(urls)).status, 0);
    const finished unknown = co_await fetch({at + "/get"});
    EXPECT_TRUE(contains(unknown.output, "self-signed certificate")) << unknown.output;
    const finished numbers = co_await fetch({"--cacert", trusted, "-o", "-", at + "/metrics"});
    EXPECT_TRUE(
        contains(numbers.output, R"(http_route="/bytes/{n}",http_response_status_code="200"} 40)"))
        << numbers.output;
    server.kill(SIGTERM);
    EXPECT_EQ((co_await server.wait()).to_string(), "exit code 0");
  });
}

TEST(Serve, SaysWhichOptionsMakeNoSense) {
  NEEDS_THE_PROGRAM();
  const auto refused = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program(), "serve"});
    const finished f = run_command(std::move(arguments));
    EXPECT_EQ(f.status, 2) << f.output;
    return f.output;
  };
  EXPECT_TRUE(contains(refused({"unix:/tmp/x", "--threads", "2"}), "by one thread"));
  EXPECT_TRUE(contains(refused({"127.0.0.1:0", "--save-cert", "x"}), "for --cert auto"));
  EXPECT_TRUE(contains(refused({"127.0.0.1:0", "--cert", "auto", "--save-cert", "/no/such/x"}),
                       "/no/such/x: No such file"));
  EXPECT_TRUE(contains(refused({"127.0.0.1:0", "--cert", "/no/such.pem"}), "/no/such.pem"));
}

TEST(Fetch, SaysHowFarADownloadIsWhenAskedTo) {
  NEEDS_THE_PROGRAM();
  beside_a_server([](std::string at) -> task<> {
    const finished f = co_await fetch({"--progress", "--quiet", at + "/large"});
    EXPECT_EQ(f.status, 0);
    EXPECT_TRUE(contains(f.output, "\r3.0 of 3.0 MiB, ") && contains(f.output, " MiB/s \n"))
        << f.output;
    const finished empty = co_await fetch({"--progress", at + "/status/200"});
    EXPECT_TRUE(contains(empty.output, "\r0.0 of 0.0 MiB, ")) << empty.output;
    const finished silent = co_await fetch({at + "/large"});
    EXPECT_FALSE(contains(silent.output, "\r")) << silent.output;
  });
}

TEST(Fetch, WritesJsonALine) {
  NEEDS_THE_PROGRAM();
  beside_a_server([](std::string at) -> task<> {
    const finished f = co_await fetch({"--json", at + "/moved"});
    EXPECT_EQ(f.status, 0);
    const nlohmann::json j = nlohmann::json::parse(f.output);
    EXPECT_EQ(j["url"], at + "/moved");
    EXPECT_EQ(j["final_url"], at + "/mirror");
    EXPECT_EQ(j["status"], 200);
    EXPECT_EQ(j["redirects"], 1);
    EXPECT_GT(j["timings"]["connect"].get<double>(), 0);
  });
}
