// Real peers: curl against our server, our client against python's http.server and nginx. A peer
// that the machine does not have skips its tests by name. Peers are our own child processes and are
// ended by their id.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

const std::string program_curl = find_program("curl");
const std::string program_python = find_program("python3");
const std::string program_nginx = find_program("nginx");

#define NEEDS(program)                                                  \
  if (program_##program.empty()) {                                      \
    GTEST_SKIP() << #program " is not installed: nothing to talk with"; \
  }                                                                     \
  static_assert(true)

// --- curl against our server ---------------------------------------------------------------------

task<finished> curl(std::vector<std::string> arguments) {
  std::vector<std::string> command{program_curl, "--silent", "--show-error", "--noproxy", "*",
                                   "--max-time", "20"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  co_return co_await to_thread(run_command, std::move(command));
}

void add_routes(http::server& s) {
  s.route("GET", "/hello", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello\n");
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    std::string body = co_await r.text();
    const bool chunked = r.headers().has_token("Transfer-Encoding", "chunked");
    co_return server_response::bytes(std::move(body)).header("X-Chunked", chunked ? "yes" : "no");
  });
  s.route("GET", "/stream", [](server_request&) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
          if (n == 1000) co_return std::nullopt;
          co_return std::to_string(n++) + "\n";
        }));
  });
}

void serve_for(reactor_kind reactor, task<> (*body)(std::string origin)) {
  run_on(reactor, [body]() -> task<> {
    http::server server(http::server_options().max_body(4 << 20));
    add_routes(server);
    co_await with_server(server, [body](std::string origin, endpoint) -> task<> {
      co_await body(std::move(origin));
    });
  });
}

}  // namespace

ON_KERNEL_REACTORS(Curl, Gets) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const finished f = co_await curl({"--fail", origin + "/hello"});
    EXPECT_EQ(f.status, 0);
    EXPECT_EQ(f.output, "hello\n");
    const finished none = co_await curl({"--fail", origin + "/none"});
    EXPECT_EQ(none.status, 22) << none.output;  // an HTTP error
  });
}

ON_KERNEL_REACTORS(Curl, PostsASizedBody) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const finished f = co_await curl({"--include", "--data-binary", "some=body", origin + "/echo"});
    EXPECT_EQ(f.status, 0);
    EXPECT_TRUE(f.output.ends_with("\r\n\r\nsome=body")) << f.output;
    EXPECT_NE(f.output.find("X-Chunked: no"), std::string::npos) << f.output;
  });
}

// More than a mebibyte, so that curl asks first (Expect: 100-continue).
ON_KERNEL_REACTORS(Curl, UploadsInChunks) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const temporary_folder folder;
    const std::string body = pattern(3 << 20);
    folder.write("body", body);
    const finished f = co_await curl(
        {"--header", "Transfer-Encoding: chunked", "--header", "Expect: 100-continue",
         "--data-binary", "@" + folder.path() + "/body", "--output", folder.path() + "/back",
         "--dump-header", folder.path() + "/head", origin + "/echo"});
    EXPECT_EQ(f.status, 0) << f.output;
    std::ifstream back(folder.path() + "/back");
    const std::string got{std::istreambuf_iterator<char>(back), {}};
    EXPECT_TRUE(got == body) << got.size();
    std::ifstream head(folder.path() + "/head");
    const std::string fields{std::istreambuf_iterator<char>(head), {}};
    EXPECT_NE(fields.find("100 Continue"), std::string::npos) << fields;
    EXPECT_NE(fields.find("X-Chunked: yes"), std::string::npos) << fields;
  });
}

ON_KERNEL_REACTORS(Curl, ReadsChunks) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    std::string expected;
    for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
    const finished f = co_await curl({origin + "/stream"});
    EXPECT_EQ(f.status, 0);
    EXPECT_EQ(f.output, expected);
  });
}

ON_KERNEL_REACTORS(Curl, AsksTwiceOnOneConnection) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const finished f =
        co_await curl({"--write-out", "%{num_connects};", origin + "/hello", origin + "/hello"});
    EXPECT_EQ(f.status, 0);
    EXPECT_EQ(f.output, "hello\n1;hello\n0;");
  });
}

ON_KERNEL_REACTORS(Curl, AsksAtAUnixSocket) {
  NEEDS(curl);
  const temporary_folder folder;
  const std::string path = folder.path() + "/socket";
  run_on(reactor, [&]() -> task<> {
    http::server server;
    add_routes(server);
    co_await with_task_group([&](task_group& g) -> task<> {
      net::unix_listener listener = net::unix_listener::bind(endpoint::unix_path(path));
      g.spawn([&] { return server.serve(std::move(listener)); });
      const finished f = co_await curl(
          {"--unix-socket", path, "http://h/hello", "--data-binary", "some=body", "http://h/echo"});
      EXPECT_EQ(f.status, 0);
      EXPECT_TRUE(f.output.ends_with("some=body")) << f.output;
      g.cancel();
    });
  });
}

ON_KERNEL_REACTORS(Curl, AsksForAHead) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const finished f = co_await curl({"--head", origin + "/hello"});
    EXPECT_EQ(f.status, 0);
    EXPECT_TRUE(f.output.starts_with("HTTP/1.1 200 OK\r\n")) << f.output;
    EXPECT_NE(f.output.find("Content-Length: 6\r\n"), std::string::npos) << f.output;
  });
}

ON_KERNEL_REACTORS(Curl, SpeaksHttp10) {
  NEEDS(curl);
  serve_for(reactor, [](std::string origin) -> task<> {
    const finished f = co_await curl({"--http1.0", origin + "/hello", origin + "/stream"});
    EXPECT_EQ(f.status, 0);
    EXPECT_TRUE(f.output.starts_with("hello\n0\n1\n")) << f.output.substr(0, 100);
    EXPECT_TRUE(f.output.ends_with("\n999\n"));
  });
}

// --- our client against python's http.server -----------------------------------------------------

ON_KERNEL_REACTORS(PythonHttpServer, ServesOurClient) {
  NEEDS(python);
  const temporary_folder folder;
  const std::string large = pattern(1 << 20);
  folder.write("small.txt", "small\n");
  folder.write("large.bin", large);
  child_process python({program_python, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1",
                        "--directory", folder.path()});
  const std::string line =
      python.read(true);  // "Serving HTTP on 127.0.0.1 port 40123 (…": it listens
  const std::size_t port = line.find(" port ");
  if (port == std::string::npos) GTEST_SKIP() << "python3 -m http.server does not start: " << line;
  const std::string origin = "http://127.0.0.1:" + std::to_string(std::stoi(line.substr(port + 6)));
  run_on(reactor, [&]() -> task<> {
    http::client c;
    http::response small = co_await c.get(origin + "/small.txt");
    EXPECT_EQ(small.status(), 200);
    EXPECT_EQ(small.version(), http::version::http_1_0);
    EXPECT_EQ(small.headers().get("content-type"), "text/plain");
    EXPECT_EQ(co_await small.text(), "small\n");
    EXPECT_EQ(c.open_connections(), 0U);  // HTTP/1.0 closes
    EXPECT_TRUE(co_await get_text(c, origin + "/large.bin") == large);
    http::response head = co_await c.head(origin + "/large.bin");
    EXPECT_EQ(head.headers().get("content-length"), std::to_string(large.size()));
    http::response none = co_await c.get(origin + "/none");
    EXPECT_EQ(none.status(), 404);
    EXPECT_NE((co_await none.text()).find("404"), std::string::npos);
    http::response post = co_await c.post(origin + "/small.txt", "not here");
    EXPECT_EQ(post.status(), 501);
  });
}

// --- our client against nginx --------------------------------------------------------------------

namespace {

std::uint16_t free_port() {
  return run_on(reactor_kind::epoll,
                []() -> task<std::uint16_t> { co_return listen_here().local_endpoint().port(); });
}

std::string nginx_config(const std::string& folder, std::uint16_t port, std::uint16_t upstream) {
  const std::string server = "127.0.0.1:";
  return "daemon off; master_process off; pid " + folder + "/pid; error_log " + folder +
         "/error.log;\n"
         "events { worker_connections 64; }\n"
         "http {\n access_log off; default_type application/octet-stream;\n"
         " client_body_temp_path " +
         folder + "/t1; proxy_temp_path " + folder + "/t2; fastcgi_temp_path " + folder +
         "/t3; uwsgi_temp_path " + folder + "/t4; scgi_temp_path " + folder +
         "/t5;\n"
         " client_max_body_size 8m;\n"
         " server { listen " +
         server + std::to_string(port) + "; root " + folder +
         "/www;\n"
         "  location /up/ { proxy_pass http://" +
         server + std::to_string(upstream) +
         "/; proxy_http_version 1.1; }\n"
         " }\n}\n";
}

// True when something listens at the port; false when the process ended first.
task<bool> listens(child_process& p, std::uint16_t port) {
  for (int i = 0; i < 2000 && !p.ended(); ++i) {
    if ((co_await as_result(tcp_stream::connect(loopback(port)))).has_value()) co_return true;
    co_await sleep_for(5ms);
  }
  co_return false;
}

}  // namespace

ON_KERNEL_REACTORS(Nginx, ServesOurClientAndProxiesToOurServer) {
  NEEDS(nginx);
  const temporary_folder folder;
  const std::string large = pattern(2 << 20);
  std::filesystem::create_directory(folder.path() + "/www");
  folder.write("www/small.txt", "small\n");
  folder.write("www/large.bin", large);
  run_on(reactor, [&]() -> task<> {
    http::server server(http::server_options().max_body(4 << 20));
    add_routes(server);
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      std::optional<child_process> nginx;
      std::uint16_t port = 0;
      for (int attempt = 0; attempt < 3;
           ++attempt) {  // the port may be taken between choosing and binding it
        port = co_await to_thread(free_port);
        folder.write("nginx.conf", nginx_config(folder.path(), port, here.port()));
        nginx.emplace(std::vector<std::string>{program_nginx, "-p", folder.path(), "-e",
                                               folder.path() + "/error.log", "-c",
                                               folder.path() + "/nginx.conf"});
        if (co_await listens(*nginx, port)) break;
      }
      const std::string origin = "http://127.0.0.1:" + std::to_string(port);
      http::client c;
      for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await get_text(c, origin + "/small.txt"), "small\n");
      EXPECT_TRUE(co_await get_text(c, origin + "/large.bin") == large);
      http::response head = co_await c.head(origin + "/small.txt");
      EXPECT_EQ(head.headers().get("content-length"), "6");
      EXPECT_TRUE(head.headers().get("server").value_or("").starts_with("nginx"));
      http::response none = co_await c.get(origin + "/none");
      EXPECT_EQ(none.status(), 404);
      EXPECT_FALSE((co_await none.text()).empty());
      http::response refused = co_await c.post(origin + "/small.txt", "x");
      EXPECT_EQ(refused.status(), 405);
      EXPECT_FALSE((co_await refused.text()).empty());
      EXPECT_EQ(c.open_connections(), 1U);

      std::string expected;
      for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
      EXPECT_EQ(co_await get_text(c, origin + "/up/stream"), expected);
      int taken = 0;
      const std::string piece = pattern(50'000);
      http::response echoed = co_await c.send(
          http::request("POST", origin + "/up/echo").body(counted_body(piece, 40, taken)));
      EXPECT_EQ(echoed.status(), 200);
      const std::string back = co_await echoed.text();
      EXPECT_EQ(back.size(), 40 * piece.size());
      EXPECT_TRUE(back.starts_with(piece) && back.ends_with(piece));
      EXPECT_EQ(c.open_connections(), 1U);
    });
  });
}
