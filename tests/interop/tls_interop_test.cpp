// TLS with other people's programs: openssl s_client and s_server, curl, nginx. One that the
// machine does not have skips its tests by name.
#include "http/http_support.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <charconv>
#include <filesystem>

namespace tls_interop_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

const std::string program_curl = find_program("curl");
const std::string program_nginx = find_program("nginx");
const std::string program_openssl = find_program("openssl");

#define NEEDS(program)                                                  \
  if (program_##program.empty()) {                                      \
    GTEST_SKIP() << #program " is not installed: nothing to talk with"; \
  }                                                                     \
  static_assert(true)

finished run_with_input(std::vector<std::string> command, const std::string& input) {
  child_process child(std::move(command), input);
  finished f;
  f.output = child.read(false);
  f.status = child.wait();
  return f;
}

std::vector<std::string> s_client(std::uint16_t port, std::vector<std::string> more) {
  std::vector<std::string> all{program_openssl,
                               "s_client",
                               "-connect",
                               "127.0.0.1:" + std::to_string(port),
                               "-servername",
                               "good.test",
                               "-CAfile",
                               certificate_path("root.pem"),
                               "-verify_hostname",
                               "good.test",
                               "-verify_return_error"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// One line in, the same in capitals out, and the end.
task<std::string> shout_back(tls_tcp s) {
  net::buffered_reader in(s);
  std::string line(co_await in.read_line(1000));
  std::string answer = line;
  for (char& c : answer)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  answer += '\n';
  co_await s.write_all(bytes_of(answer));
  co_await s.shutdown_write();
  co_return line;
}

// `openssl s_client` with these arguments against `server`, for `connections` connections: what it
// printed.
finished against_s_client(reactor_kind reactor, tls_server_options server,
                          std::vector<std::string> arguments, std::string input,
                          int connections = 1) {
  return run_on(reactor, [&]() -> task<finished> {
    tcp_listener listener = listen_here();
    finished f;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        const tls_context context = tls_context::server(server);
        for (int i = 0; i < connections; ++i) {
          tls_tcp s = co_await tls_tcp::accept(co_await listener.accept(), context);
          if (i + 1 < connections)
            (void)co_await as_result(read_piece(s));  // it reconnects without a word
          else
            EXPECT_EQ(co_await shout_back(std::move(s)), "hello");
        }
      });
      f = co_await to_thread(run_with_input,
                             s_client(listener.local_endpoint().port(), std::move(arguments)),
                             std::move(input));
    });
    co_return f;
  });
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::uint16_t number_at(const std::string& text, std::size_t at) {
  std::uint16_t n = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), n);
  return n;
}

}  // namespace

ON_KERNEL_REACTORS(OpensslClient, TalksToOurServer) {
  NEEDS_CERTIFICATES;
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    for (const std::string name : {"good", "rsa", "ed25519"}) {
      const finished f = against_s_client(reactor, server_as(name), {version, "-quiet"}, "hello\n");
      EXPECT_TRUE(mentions(f.output, "HELLO\n")) << f.output;
      EXPECT_EQ(f.status, 0) << f.output;
    }
  }
}

ON_KERNEL_REACTORS(OpensslClient, TakesItsSessionUpAgain) {
  NEEDS_CERTIFICATES;
  const finished f = against_s_client(reactor, server_as("good"),
                                      {"-tls1_2", "-reconnect", "-ign_eof"}, "hello\n", 6);
  EXPECT_TRUE(mentions(f.output, "Reused, TLSv1.2")) << f.output;
}

ON_KERNEL_REACTORS(OpensslClient, ShowsItsCertificateAndAgreesOnAProtocol) {
  NEEDS_CERTIFICATES;
  tls_server_options o = server_as("good");
  o.client_ca_file(certificate_path("root.pem")).alpn({"shout/1"});
  const finished f = against_s_client(
      reactor, o,
      {"-ign_eof", "-alpn", "whisper,shout/1", "-cert", certificate_path("client.pem"),
       "-cert_chain", certificate_path("inter.pem"), "-key", certificate_path("client.key")},
      "hello\n");
  EXPECT_TRUE(mentions(f.output, "ALPN protocol: shout/1")) << f.output;
  EXPECT_TRUE(mentions(f.output, "HELLO\n")) << f.output;
}

ON_KERNEL_REACTORS(OpensslClient, IsRefusedWithAnOldVersionOrAPoorCipher) {
  NEEDS_CERTIFICATES;
  for (const std::vector<std::string>& poor :
       {std::vector<std::string>{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"},
        std::vector<std::string>{"-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256"}}) {
    run_on(reactor, [&]() -> task<> {
      tcp_listener listener = listen_here();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          const auto r = co_await as_result(
              tls_tcp::accept(co_await listener.accept(), tls_context::server(server_as("rsa"))));
          EXPECT_EQ(r.code(), net::tls_errc::protocol);
        });
        const finished f = co_await to_thread(
            run_with_input, s_client(listener.local_endpoint().port(), poor), std::string());
        EXPECT_NE(f.status, 0) << f.output;
      });
    });
  }
}

ON_KERNEL_REACTORS(OpensslServer, TalksToOurClient) {
  NEEDS_CERTIFICATES;
  for (const auto& [version, names] :
       {std::pair<std::string, std::vector<std::string>>("-tls1_2", {"rsa"}),
        std::pair<std::string, std::vector<std::string>>("-tls1_3", {"good", "ed25519"})}) {
    for (const std::string& name : names) {
      child_process server({program_openssl, "s_server", "-accept", "127.0.0.1:0", "-rev", version,
                            "-cert", certificate_path(name + ".pem"), "-cert_chain",
                            certificate_path("inter.pem"), "-key",
                            certificate_path(name + ".key")});
      std::string line;
      while (!(line = server.read(true)).empty() && !line.starts_with("ACCEPT ")) {
      }
      if (line.empty()) {
        ADD_FAILURE() << "openssl s_server does not start";
        return;
      }
      const std::uint16_t port = number_at(line, line.rfind(':') + 1);
      run_on(reactor, [&]() -> task<> {
        const tls_context context = tls_context::client(client_of_root());
        for (const bool again : {false, true}) {
          tls_tcp s = co_await tls_tcp::connect(co_await tcp_stream::connect(loopback(port)),
                                                context, "good.test");
          co_await s.write_all(bytes_of("hello\n"));
          EXPECT_EQ(co_await read_piece(s), "olleh\n");
          EXPECT_EQ(s.resumed(), again) << version << ' ' << name;
          co_await s.shutdown_write();
        }
      });
    }
  }
}

ON_KERNEL_REACTORS(CurlOverTls, GetsAndKeepsItsConnection) {
  NEEDS(curl);
  NEEDS_CERTIFICATES;
  run_on(reactor, []() -> task<> {
    http::server server;
    const std::string large = pattern(1 << 20);
    server.route("GET", "/large", [&](http::server_request&) -> task<http::server_response> {
      co_return http::server_response::bytes(large);
    });
    tcp_listener listener = listen_here();
    const std::uint16_t port = listener.local_endpoint().port();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(server.serve(std::move(listener),
                           tls_context::server(server_as("good").alpn({"http/1.1"}))));
      const std::string origin = "https://good.test:" + std::to_string(port);
      const temporary_folder folder;
      std::vector<std::string> command{
          program_curl, "--silent",  "--show-error",
          "--noproxy",  "*",         "--max-time",
          "20",         "--resolve", "good.test:" + std::to_string(port) + ":127.0.0.1"};
      const auto with = [&](std::vector<std::string> more) {
        std::vector<std::string> all = command;
        all.insert(all.end(), more.begin(), more.end());
        return all;
      };
      const finished f = co_await to_thread(
          run_command,
          with({"--cacert", certificate_path("root.pem"), "--write-out",
                "%{num_connects} %{http_version};", "--output", folder.path() + "/1",
                origin + "/large", "--output", folder.path() + "/2", origin + "/large"}));
      EXPECT_EQ(f.status, 0) << f.output;
      EXPECT_EQ(f.output, "1 1.1;0 1.1;");
      std::ifstream in(folder.path() + "/2");
      EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(in), {}) == large);
      // Without our root it refuses us.
      const finished refused = co_await to_thread(run_command, with({origin + "/large"}));
      EXPECT_EQ(refused.status, 60) << refused.output;
      g.cancel();
    });
  });
}

namespace {

std::uint16_t free_port() {
  return run_on(reactor_kind::epoll,
                []() -> task<std::uint16_t> { co_return listen_here().local_endpoint().port(); });
}

std::string nginx_config(const std::string& folder, std::uint16_t port) {
  std::string text = "daemon off; master_process off; pid " + folder + "/pid; error_log " + folder +
                     "/error.log;\nevents { worker_connections 64; }\nhttp {\n access_log off;\n";
  for (const char* t : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string(" ") + t + "_temp_path " + folder + "/" + t + ";\n";
  return text + " server { listen 127.0.0.1:" + std::to_string(port) + " ssl; root " + folder +
         "/www;\n  ssl_certificate " + certificate_path("good-chain.pem") +
         "; ssl_certificate_key " + certificate_path("good.key") +
         "; ssl_session_cache shared:s:1m;\n }\n}\n";
}

task<bool> listens(child_process& p, std::uint16_t port) {
  for (int i = 0; i < 2000 && !p.ended(); ++i) {
    if ((co_await as_result(tcp_stream::connect(loopback(port)))).has_value()) co_return true;
    co_await sleep_for(5ms);
  }
  co_return false;
}

}  // namespace

ON_KERNEL_REACTORS(NginxOverTls, ServesOurClient) {
  NEEDS(nginx);
  NEEDS_CERTIFICATES;
  const temporary_folder folder;
  std::filesystem::create_directory(folder.path() + "/www");
  const std::string large = pattern(2 << 20);
  folder.write("www/large.bin", large);
  run_on(reactor, [&]() -> task<> {
    std::optional<child_process> nginx;
    std::uint16_t port = 0;
    for (int attempt = 0; attempt < 3; ++attempt) {
      port = co_await to_thread(free_port);
      folder.write("nginx.conf", nginx_config(folder.path(), port));
      nginx.emplace(std::vector<std::string>{program_nginx, "-p", folder.path(), "-e",
                                             folder.path() + "/error.log", "-c",
                                             folder.path() + "/nginx.conf"});
      if (co_await listens(*nginx, port)) break;
    }
    const tls_context context = tls_context::client(client_of_root().alpn({"http/1.1"}));
    for (const bool again : {false, true}) {
      tls_tcp s = co_await tls_tcp::connect(co_await tcp_stream::connect(loopback(port)), context,
                                            "good.test");
      EXPECT_EQ(s.alpn(), "http/1.1");
      EXPECT_EQ(s.resumed(), again);
      co_await s.write_all(bytes_of("GET /large.bin HTTP/1.0\r\nHost: good.test\r\n\r\n"));
      const std::string all = co_await read_all(s);
      EXPECT_TRUE(all.starts_with("HTTP/1.1 200")) << all.substr(0, 200);
      EXPECT_TRUE(all.ends_with(large)) << all.size();
    }
  });
}

}  // namespace tls_interop_test
