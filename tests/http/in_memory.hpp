// What a server answers to exact bytes, without a socket.
#pragma once

#include "http/http_support.hpp"

#include <rondo/net/memory_stream.hpp>

#include <string>
#include <utility>

namespace rondo_test {

// Everything until the server closes; the client's half is closed behind `bytes`.
inline rondo::task<std::string> answer_to(http::server& server, std::string bytes) {
  auto [here, there] = rondo::net::make_memory_streams();
  std::string got;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    g.spawn(server.serve_stream(rondo::net::any_stream(std::move(there))));
    if (speaks_http2()) {
      got = co_await ask_over_http2(rondo::net::any_stream(std::move(here)), std::move(bytes));
      co_return;
    }
    g.spawn([&]() -> rondo::task<> {
      co_await here.write_all(rondo::net::bytes_of(bytes));
      co_await here.shutdown_write();
    });
    std::vector<std::byte> room(16 * 1024);
    for (;;) {
      const std::size_t n = co_await here.read_some(room);
      if (n == 0) break;
      got.append(reinterpret_cast<const char*>(room.data()), n);
    }
  });
  co_return got;
}

// A request with these fields ("Name: value\r\n" after one another) and this body.
inline std::string request_text(const std::string& line, const std::string& fields = "",
                                const std::string& body = "") {
  std::string out = line + " HTTP/1.1\r\nHost: a\r\n" + fields;
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
inline std::string body_part(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}
// "200" of "HTTP/1.1 200 OK…".
inline std::string status_of(const std::string& answer) {
  return answer.size() > 12 ? answer.substr(9, 3) : answer;
}

}  // namespace rondo_test
