// The `rondo` command.
#include "curl_line.hpp"
#include "fetch.hpp"
#include "inside.hpp"
#include "load.hpp"
#include "load_compare.hpp"
#include "manual.hpp"
#include "save_file.hpp"
#include "serve.hpp"
#include "websocket.hpp"

#include <rondo/net/file.hpp>
#include <rondo/runtime.hpp>
#include <rondo/version.hpp>

#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

struct load_output {
  bool json = false;
  std::string hdr;      // a file for the distribution
  std::string compare;  // a file of another run
};

rondo::task<int> load(rondo::tools::load_options options, load_output to) {
  std::string before;
  if (!to.compare.empty()) before = co_await rondo::net::read_file(to.compare);
  const rondo::tools::load_report report = co_await rondo::tools::load(options);
  std::string text = to.json ? rondo::tools::as_json(options, report) + '\n'
                             : rondo::tools::as_text(options, report);
  if (!to.compare.empty()) text += rondo::tools::compare(report, before);
  std::fputs(text.c_str(), stdout);
  if (!to.hdr.empty()) rondo::tools::save_file(to.hdr, rondo::tools::as_hdr(report));
  co_return report.completed > 0 && report.failed == 0 ? 0 : 1;
}

// For --version: a line each.
std::string about() {
  const rondo::feature_set has = rondo::features();
  std::string text = std::string("rondo ") + rondo::version() + "\nbuilt with:";
  for (const auto& [name, there] : {std::pair("tls", has.tls),
                                    {"zlib", has.zlib},
                                    {"brotli", has.brotli},
                                    {"zstd", has.zstd},
                                    {"psl", has.psl},
                                    {"idn", has.idn},
                                    {"http2", has.http2}}) {
    if (!there) continue;
    text += ' ';
    text += name;
  }
  return text + "\nllhttp " + has.llhttp + ", liburing " + has.liburing;
}

void add_connecting(CLI::App* command, rondo::tools::connecting_options& o) {
  command->add_option("-H,--header", o.headers, "\"Name: value\"; may be repeated")
      ->allow_extra_args(false);
  command->add_option("-u,--user", o.user, "name:password, for Basic");
  command->add_option("-x,--proxy", o.proxy, "A proxy's URL; env: as the environment says");
  command->add_option("--unix-socket", o.unix_socket,
                      "Connect to this Unix socket, whatever host the URL names; @name: abstract");
  command
      ->add_option("--resolve", o.resolve,
                   "host:port:address[,address...]: known without a lookup; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--local-address", o.local_address, "The address to connect from");
  command->add_option("--connect-timeout", o.connect_timeout_s, "Seconds")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--cacert", o.ca_file, "Trust the certificates in this PEM file alone");
  command->add_flag("--insecure", o.insecure, "Accept whoever answers over TLS");
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
  CLI::App app("a test server, clients and a load generator for HTTP and WebSockets", "rondo");
  app.require_subcommand(1);
  app.set_version_flag("--version", about(), "The version, and what it was built with");
  app.footer(
      "RONDO_REACTOR  epoll or io_uring, instead of the better one that is there\n"
      "SSLKEYLOGFILE  where the keys of TLS go, for tools that read captures");
  // For those who package it. What is thrown is printed, and the program ends well.
  app.add_flag_callback("--manual",
                        [&app] { throw CLI::CallForVersion(rondo::tools::manual_page(app), 0); })
      ->group("");
  app.add_flag_callback(
         "--completion",
         [&app] { throw CLI::CallForVersion(rondo::tools::bash_completion(app), 0); })
      ->group("");

  rondo::tools::serve_options server;
  CLI::App* serve_command =
      app.add_subcommand("serve", "A loopback test server in the manner of httpbin");
  serve_command
      ->add_option("endpoint", server.at,
                   "Where to listen: an address and port (0 picks one), or unix:/path")
      ->capture_default_str();
  serve_command->add_option(
      "--cert", server.cert,
      "Speak https, with this certificate and its chain (PEM); auto: with one that "
      "it makes for itself, for 30 days");
  serve_command->add_option("--key", server.key,
                            "The certificate's key (PEM), if it is in another file");
  serve_command->add_option("--save-cert", server.save_cert,
                            "Where the certificate of --cert auto goes, for clients to trust");
  serve_command->add_option("--files", server.files,
                            "Serve the files of this folder in place of the test routes");
  serve_command->add_option("--threads", server.threads, "Threads, each with a loop of its own")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  serve_command->add_option("--limit", server.connections, "Connections at a time, on each thread")
      ->capture_default_str();
  serve_command->add_flag("--access-log", server.access_log, "A line for each request");
  serve_command->add_flag("--metrics", server.metrics,
                          "Numbers for Prometheus at /metrics, and /livez");

  rondo::tools::fetch_options fetch;
  CLI::App* fetch_command =
      app.add_subcommand("fetch", "Fetch URLs all at once and print a row each");
  fetch_command->footer(std::string(rondo::tools::fetch_exit_codes));
  fetch_command->add_option("url", fetch.urls, "What to fetch")->required();
  fetch_command->add_option("-X,--method", fetch.method, "GET, or POST when there is a body");
  add_connecting(fetch_command, fetch);
  CLI::Option* data =
      fetch_command->add_option("-d,--data", fetch.data, "The body; @path: a file, streamed");
  fetch_command->add_flag("--json-body", fetch.json_body, "The body is JSON")->needs(data);
  fetch_command->add_option("-F,--form", fetch.form, "name=value or name=@path; may be repeated")
      ->allow_extra_args(false);
  fetch_command->add_option("-o,--output", fetch.output, "Where the body goes; -: stdout");
  fetch_command->add_option("--follow", fetch.follow, "Redirects at most; 0: none is followed")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  fetch_command->add_flag("--raw", fetch.raw, "Leave content codings on");
  CLI::Option* http2 = fetch_command->add_flag(
      "--http2", fetch.http2,
      "Speak HTTP/2 and nothing else, in clear too; https agrees by itself");
  fetch_command->add_flag("--http1.1", fetch.http1, "Speak HTTP/1.1 and nothing else")
      ->excludes(http2);
  fetch_command->add_flag("-v,--verbose", fetch.verbose,
                          "Show both sides' heads, and the frames of HTTP/2");
  fetch_command->add_flag("--timings", fetch.timings, "Show where the time went");
  fetch_command->add_flag("--json", fetch.json, "A JSON object a line");
  fetch_command->add_flag("--progress", fetch.progress, "Show how far a long download is");
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
  bool curl = false;
  fetch_command->add_flag("--curl", curl, "Fetch nothing: print curl's command for the same");

  rondo::tools::load_options load_options;
  load_output load_to;
  CLI::App* load_command =
      app.add_subcommand("load", "Ask for URLs again and again, and measure the answers");
  load_command->add_option("url", load_options.urls, "What to ask for, in turn")->required();
  load_command->add_option("-X,--method", load_options.method, "GET, or POST when there is a body");
  load_command->add_option("-H,--header", load_options.headers, "\"Name: value\"; may be repeated")
      ->allow_extra_args(false);
  load_command->add_option("--data", load_options.data, "The body; @path: a file's bytes");
  load_command->add_option("--unix-socket", load_options.unix_socket,
                           "Connect to this Unix socket, whatever host the URL names");
  load_command->add_option("-c,--connections", load_options.connections, "Connections")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  load_command->add_flag("--http2", load_options.http2, "Speak HTTP/2");
  load_command
      ->add_option("-m,--streams", load_options.streams,
                   "Requests at once on each connection, with --http2")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  load_command->add_option("-d,--duration", load_options.duration_s, "Seconds")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  load_command->add_option("-w,--warm-up", load_options.warm_up_s, "Seconds before, not counted")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  load_command
      ->add_option("-r,--rate", load_options.rate,
                   "Requests a second, planned ahead: an open loop, whose latencies count from the "
                   "planned start. Without it each connection asks again when it is answered")
      ->check(CLI::PositiveNumber);
  load_command->add_option("-n,--requests", load_options.requests, "End after as many")
      ->check(CLI::PositiveNumber);
  load_command->add_option("--timeout", load_options.timeout_s, "Seconds for each request")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI::Option* load_json =
      load_command->add_flag("--json", load_to.json, "One JSON object, with the histogram");
  load_command->add_option("--hdr", load_to.hdr,
                           "A file for the distribution, as HdrHistogram writes it");
  load_command
      ->add_option("--compare", load_to.compare,
                   "Another run's --json in a file: how many times as much this one is")
      ->excludes(load_json);

  rondo::tools::websocket_session_options session;
  CLI::App* ws_command = app.add_subcommand(
      "ws", "Open a WebSocket: each line of the input is a message, and each message a line");
  ws_command->footer(std::string(rondo::tools::websocket_exit_codes));
  ws_command->add_option("url", session.url, "A ws or wss URL")->required();
  add_connecting(ws_command, session);
  ws_command
      ->add_option("-p,--protocol", session.protocols,
                   "A subprotocol to offer; may be repeated, the best first")
      ->allow_extra_args(false);
  CLI::Option* linger =
      ws_command
          ->add_option("--linger", session.linger_s,
                       "Seconds to wait for another message once the input has ended")
          ->capture_default_str()
          ->check(CLI::NonNegativeNumber);
  ws_command
      ->add_flag("--listen", session.listen,
                 "Read no input: print what comes until the other side closes")
      ->excludes(linger);
  bool hexadecimal = false;
  CLI::Option* binary = ws_command->add_flag(
      "--binary", hexadecimal, "Each line is hexadecimal digits, and a message of bytes");
  bool json = false;
  ws_command
      ->add_flag("--json", json,
                 R"(A JSON object a line, both ways: {"text": "..."} or {"bytes": "0aff"})")
      ->excludes(binary);
  ws_command->add_flag("--compress", session.compress, "Offer compression");
  ws_command->add_flag("--http2", session.http2,
                       "On a stream of HTTP/2 (RFC 8441), in clear too, if the server takes that");
  ws_command->add_flag("-v,--verbose", session.verbose,
                       "Show both sides' heads, and why it was closed");

  std::string inside;
  const auto add_inside = [&](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->footer(std::string(rondo::tools::inside_exit_codes));
    command
        ->add_option("process", inside,
                     "A process that runs with RONDO_INSPECT=1, by its id, or its socket's path")
        ->required();
    return command;
  };
  CLI::App* ps_command = add_inside(
      "ps",
      "Show the tasks of a running program: what each waits for, where, and who could wake it");
  CLI::App* top_command = add_inside(
      "top", "Show where a running program's tasks come from, and what they do, again and again");
  rondo::tools::top_options top;
  top_command->add_option("-d,--delay", top.every_s, "Seconds from look to look")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  top_command->add_option("-n,--looks", top.looks, "End after as many; 0: when it is ended")
      ->capture_default_str();
  top_command->add_flag("--plain", top.plain, "One page after the other, for a file");
  CLI::App* stalls_command = add_inside(
      "stalls", "Show where a program that runs with RONDO_STALL has been stuck in a step");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  fetch.has_data = data->count() > 0;
  if (hexadecimal) session.lines = rondo::tools::line_kind::hexadecimal;
  if (json) session.lines = rondo::tools::line_kind::json;

  raise_descriptor_limit();
  try {
    if (*serve_command) return rondo::tools::serve(server);
    if (*load_command) {
      load_options.live = isatty(STDERR_FILENO) == 1;
      prctl(PR_SET_TIMERSLACK, 1);  // an open loop's starts: to the microsecond, not to 50
      return rondo::run(load(load_options, load_to));
    }
    if (*ps_command || *stalls_command) {
      const bool stalls = static_cast<bool>(*stalls_command);
      const auto lines = rondo::run(rondo::tools::ask_inside(inside, stalls ? "stalls" : "tasks"));
      std::fputs(
          (stalls ? rondo::tools::stalls_text(lines) : rondo::tools::tasks_text(lines)).c_str(),
          stdout);
      return 0;
    }
    if (*top_command) {
      top.where = inside;
      return rondo::run(rondo::tools::top(top));
    }
    if (*fetch_command && curl) {
      std::fputs(rondo::tools::curl_lines(fetch).c_str(), stdout);
      return 0;
    }
    if (*ws_command) return rondo::run(rondo::tools::websocket_session(session));
    return rondo::run(rondo::tools::fetch(fetch));
  } catch (const rondo::interrupted&) {
    return 128 + SIGINT;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rondo: %s\n", e.what());
    return 2;
  }
}
