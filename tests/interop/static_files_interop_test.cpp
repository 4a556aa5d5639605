// Files: ours for curl, and the table of RFC 9110's conditions and ranges asked of nginx. What
// nginx does otherwise is named in the table.
#include "http/file_support.hpp"
#include "http/selection_cases.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/wire/http_date.hpp>

#include <optional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace static_files_interop {
namespace {

const std::string program_curl = find_program("curl");
const std::string program_nginx = find_program("nginx");

std::string nginx_config(const std::string& folder, std::uint16_t port) {
  std::string text = "daemon off; master_process off; pid " + folder + "/pid; error_log " + folder +
                     "/error.log;\nevents { worker_connections 64; }\nhttp { access_log off;\n";
  for (const char* part : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string(part) + "_temp_path " + folder + "/" + part + ";\n";
  return text + "server { listen 127.0.0.1:" + std::to_string(port) + "; root " + folder +
         "/www; }\n}\n";
}

task<std::uint16_t> free_port() { co_return listen_here().local_endpoint().port(); }

// True when something listens at the port; false when the process ended first.
task<bool> listens(child_process& p, std::uint16_t port) {
  for (int i = 0; i < 2000 && !p.ended(); ++i) {
    if ((co_await as_result(tcp_stream::connect(loopback(port)))).has_value()) co_return true;
    co_await sleep_for(5ms);
  }
  co_return false;
}

}  // namespace

ON_KERNEL_REACTORS(Nginx, SelectsAsTheTableSays) {
  if (program_nginx.empty()) GTEST_SKIP() << "nginx is not installed";
  run_on(reactor, []() -> task<> {
    const temporary_folder folder;
    write_old(folder, "www/a.bin", pattern(file_size));
    std::optional<child_process> nginx;
    std::uint16_t port = 0;
    for (int attempt = 0; attempt < 3; ++attempt) {  // the port may be taken before it is bound
      port = co_await free_port();
      folder.write("nginx.conf", nginx_config(folder.path(), port));
      nginx.emplace(std::vector<std::string>{program_nginx, "-p", folder.path(), "-e",
                                             folder / "error.log", "-c", folder / "nginx.conf"});
      if (co_await listens(*nginx, port)) break;
    }
    const endpoint there = loopback(port);
    const std::string tag = (co_await ask(there, "/a.bin")).field("ETag");
    int otherwise = 0;
    for (const selection_case& c : selection_cases()) {
      const std::string fields =
          filled_in(c.fields, tag.substr(1, tag.size() - 2), http::detail::http_date(long_ago),
                    http::detail::http_date(long_ago - 1s), http::detail::http_date(long_ago + 1s));
      const reply got = co_await ask(there, "/a.bin", lines(fields), std::string(c.method));
      EXPECT_EQ(got.status, c.nginx != 0 ? c.nginx : c.status) << c.method << ' ' << fields;
      otherwise += c.nginx != 0 ? 1 : 0;
      if (c.nginx != 0) EXPECT_FALSE(c.why.empty()) << fields;
      if (got.status != 206 || c.nginx != 0) continue;
      if (c.parts.find(',') == std::string_view::npos)
        EXPECT_EQ(got.field("Content-Range"), "bytes " + std::string(c.parts) + "/1000") << fields;
    }
    EXPECT_LT(otherwise, static_cast<int>(selection_cases().size()) / 2);
  });
}

ON_KERNEL_REACTORS(Curl, ResumesAndAsksForParts) {
  if (program_curl.empty()) GTEST_SKIP() << "curl is not installed";
  run_on(reactor, []() -> task<> {
    const temporary_folder folder;
    const std::string content = pattern(300'000);
    write_old(folder, "a.bin", content);
    http::server server;
    server.files("/", folder.path());
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      const std::string to = folder.write("partial", content.substr(0, 100'000));
      const auto curl = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {program_curl, "--silent", "--show-error", "--fail"});
        return to_thread(run_command, std::move(arguments));
      };
      const finished resumed =
          co_await curl({"--continue-at", "-", "--output", to, origin + "/a.bin"});
      EXPECT_EQ(resumed.status, 0) << resumed.output;
      EXPECT_TRUE(co_await net::read_file(to) == content);
      const finished part = co_await curl({"--range", "10-19", origin + "/a.bin"});
      EXPECT_EQ(part.output, content.substr(10, 10));
      const finished same = co_await curl({"--time-cond", "Sun, 09 Sep 2001 01:46:40 GMT",
                                           "--write-out", "%{http_code}", origin + "/a.bin"});
      EXPECT_EQ(same.output, "304");
    });
  });
}

}  // namespace static_files_interop
