// The `rondo` command.
#include "fetch.hpp"
#include "httpbin.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <exception>

namespace {

rondo::task<> serve(std::string at, std::size_t limit) {
  rondo::http::server s(rondo::http::server_options().max_connections(limit));
  rondo::tools::add_httpbin_routes(s);
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse(at));
  std::printf("serving http://%s on %s\n", listener.local_endpoint().to_string().c_str(),
              std::string(rondo::this_loop().reactor_name()).c_str());
  std::fflush(stdout);
  co_await s.serve(std::move(listener));
}

// As many descriptors as the system lets us have: a connection is one.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Rondo's command: a test server and a client");
  app.require_subcommand(1);

  std::string at = "127.0.0.1:8080";
  std::size_t connections = 10'000;
  CLI::App* serve_command =
      app.add_subcommand("serve", "A loopback test server in the manner of httpbin");
  serve_command->add_option("endpoint", at, "Where to listen; port 0 picks one")
      ->capture_default_str();
  serve_command->add_option("--limit", connections, "Connections at a time")->capture_default_str();

  rondo::tools::fetch_options fetch;
  CLI::App* fetch_command =
      app.add_subcommand("fetch", "Fetch URLs all at once and print a row each");
  fetch_command->add_option("url", fetch.urls, "What to fetch")->required();
  fetch_command->add_option("--limit", fetch.limit, "Connections at a time")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  fetch_command->add_option("--timeout", fetch.timeout_s, "Seconds for each URL")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  fetch_command->add_option("--repeat", fetch.repeat, "How often to fetch each URL")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  fetch_command->add_flag("--quiet", fetch.quiet, "Print the total alone");
  CLI11_PARSE(app, argc, argv);

  raise_descriptor_limit();
  try {
    if (*serve_command) {
      rondo::run(serve(at, connections));
      return 0;
    }
    return rondo::run(rondo::tools::fetch(fetch));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rondo: %s\n", e.what());
    return 2;
  }
}
