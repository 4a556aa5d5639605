#include "fetch_trace.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

namespace rondo::tools {
namespace {

// Each line of a head behind a mark, on stderr. Secrets are not shown.
void print_lines(char mark, std::string_view head) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    std::string line(head.substr(0, end));
    head.remove_prefix(std::min(end + 2, head.size()));
    for (const char* secret : {"Authorization: ", "Proxy-Authorization: ", "Cookie: "})
      if (line.starts_with(secret)) line = secret + std::string("***");
    std::fprintf(stderr, "%c %s\n", mark, line.c_str());
  }
}

}  // namespace

void fetch_tracer::on(const http::trace_event& e) {
  using enum http::trace_point;
  switch (e.what) {
    case begun:
    case queued:
    case redirected:
    case retried: since_ = e.at; break;
    case granted: end(part::queue, e.at); break;
    case resolved: end(part::resolve, e.at); break;
    case connected:
    case tunnelled: end(part::connect, e.at); break;
    case secured: end(part::tls, e.at); break;
    case sent: end(part::send, e.at); break;
    case first_byte: end(part::wait, e.at); break;
    case done: end(part::body, e.at); break;
    default: break;
  }
  if (verbose_) say(e);
}

void fetch_tracer::say(const http::trace_event& e) const {
  using enum http::trace_point;
  const std::string text(e.text);
  switch (e.what) {
    case resolving: std::fprintf(stderr, "* looking up %s\n", text.c_str()); break;
    case connecting: std::fprintf(stderr, "* connecting to %s\n", text.c_str()); break;
    case tunnelled: std::fprintf(stderr, "* the proxy has opened a tunnel\n"); break;
    case secured: std::fprintf(stderr, "* TLS: %s\n", text.c_str()); break;
    case granted:
      if (e.number == 1) std::fprintf(stderr, "* using a connection again\n");
      break;
    case retried: std::fprintf(stderr, "* the connection was stale: once more\n"); break;
    case redirected: std::fprintf(stderr, "* redirected to %s\n", text.c_str()); break;
    case interim:
      std::fprintf(stderr, "< %llu\n", static_cast<unsigned long long>(e.number));
      break;
    case head_sent: print_lines('>', e.text); break;
    case head: print_lines('<', e.text); break;
    case frame: std::fprintf(stderr, "%c %s\n", e.number == 1 ? '}' : '{', text.c_str()); break;
    case failed: std::fprintf(stderr, "* %s\n", text.c_str()); break;
    default: break;
  }
}

}  // namespace rondo::tools
