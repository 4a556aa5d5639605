#include "websocket.hpp"

#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <cstdio>
#include <stdexcept>

namespace rondo::tools {
namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

http::request request_of(const websocket_session_options& o) {
  http::request r("GET", o.url);
  for (const std::string& line : o.headers) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos)
      throw std::invalid_argument("\"" + line + "\" is no header: it has no colon");
    r.header(line.substr(0, colon), line.substr(colon + 1));
  }
  return r;
}

http::client_options client_of(const websocket_session_options& o) {
  http::client_options c;
  if (o.ca_file.empty() && !o.insecure) return c;
  net::tls_client_options tls;
  if (!o.ca_file.empty()) tls.ca_file(o.ca_file);
  if (o.insecure) tls.insecure();
  c.tls(net::tls_context::client(tls.alpn({"http/1.1"})));
  return c;
}

class session {
 public:
  session(http::websocket ws, const websocket_session_options& o)
      : ws_(std::move(ws)), options_(o) {}

  task<int> run() {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([this](task_group& g) -> task<> {
      auto typing = g.spawn(send_lines());
      co_await print_messages();
      typing.cancel();
    });
    if (options_.verbose)
      std::fprintf(stderr, "closed: %d %s\n", static_cast<int>(ws_.close_code()),
                   ws_.close_reason().c_str());
    co_return 0;
  }

 private:
  task<> print_messages() {
    net::pipe_stream out = net::standard_output();
    while (const auto m = co_await ws_.receive()) {
      ++came_;
      const std::string line = (m->is_text ? m->data : hexadecimal(m->data)) + '\n';
      co_await out.write_all(net::bytes_of(line));
    }
  }

  task<> send_lines() {
    net::line_prompt input(longest_line);
    while (const std::optional<std::string> line = co_await input.ask("")) co_await ws_.send(*line);
    // Whoever was asked last may be answering still.
    for (std::uint64_t seen = came_ + 1; seen != came_;) {
      seen = came_;
      co_await sleep_for(std::chrono::duration<double>(options_.linger_s));
    }
    co_await ws_.close();
  }

  http::websocket ws_;
  const websocket_session_options& options_;
  std::uint64_t came_ = 0;
};

}  // namespace

task<int> websocket_session(websocket_session_options o) {
  http::client client(client_of(o));
  http::websocket ws = co_await client.websocket(
      request_of(o), http::websocket_options().protocols(o.protocols).compress(o.compress));
  if (o.verbose && !ws.protocol().empty())
    std::fprintf(stderr, "protocol: %s\n", ws.protocol().c_str());
  session s(std::move(ws), o);
  try {
    co_return co_await s.run();
  } catch (const http::websocket_error& e) {
    std::fprintf(stderr, "rondo: %s (%d)\n", e.what(), static_cast<int>(e.code()));
    co_return 1;
  }
}

}  // namespace rondo::tools
