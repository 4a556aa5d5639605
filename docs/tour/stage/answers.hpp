// The other side of chapter 14: a server that answers well, badly, or not at all. It stands on
// pool.hpp of that chapter, which is to be included before.
#pragma once

namespace tour {

inline rt::task<> answer_all(rt::stream s) {
  connection c(std::move(s));
  while (const std::optional<head> request = co_await c.read_head()) {
    const std::string& line = request->first_line;
    std::string fields = "Content-Length: 5\r\n", body = "hello";
    if (line.starts_with("GET /chunks ")) {
      fields = "Transfer-Encoding: chunked\r\n";
      body = "5\r\nmany \r\n6\r\npieces\r\n0\r\n\r\n";
    } else if (line.starts_with("GET /both ")) {
      fields += "Transfer-Encoding: chunked\r\n";
    } else if (line.starts_with("GET /never ")) {
      co_await rt::sleep_ms(3'600'000);
    }
    co_await rt::write_all(c.stream, "HTTP/1.1 200 OK\r\n" + fields + "\r\n" + body);
  }
}

// A new connection to it; it goes with the group.
inline rt::stream dial_server(rt::group& g) {
  auto ends = rt::open_pair();
  g.spawn([](rt::stream s) -> rt::task<> {
    try {
      co_await answer_all(std::move(s));
    } catch (const std::exception&) {  // it has been hung up on
    }
  }(std::move(ends.second)));
  return std::move(ends.first);
}

}  // namespace tour
