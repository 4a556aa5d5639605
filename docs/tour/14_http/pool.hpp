// HTTP over streams: a connection that reads message by message, and a pool of some of them. It
// stands on `rt`, and wants that to be included before.
#pragma once

#include "head.hpp"

#include <functional>
#include <optional>

namespace tour {

// begin connection
class connection {
 public:
  explicit connection(rt::stream s) : stream(std::move(s)) {}
  rt::stream stream;

  // Nothing: the stream has ended.
  rt::task<std::optional<head>> read_head() {
    const std::string text = co_await until("\r\n\r\n");
    if (text.empty()) co_return std::nullopt;
    co_return parse_head(text);
  }
  rt::task<std::string> read_body(framing f) {
    if (!f.chunked) co_return co_await exactly(f.length);
    std::string body;
    for (;;) {
      const std::string line = co_await until("\r\n");
      const std::size_t size = number_of(line.substr(0, line.size() - 2), 16);
      const std::string chunk = co_await exactly(size + 2);
      if (!chunk.ends_with("\r\n")) throw bad_message{"a chunk that does not end"};
      if (size == 0) co_return body;
      body.append(chunk, 0, size);
    }
  }

 private:
  // False: the end.
  rt::task<bool> more() {
    char bytes[256];
    const std::size_t n = co_await rt::read_some(stream, bytes, sizeof bytes);
    buffer_.append(bytes, n);
    co_return n > 0;
  }
  // To the mark, and with it; "" when the stream ends before.
  rt::task<std::string> until(std::string_view mark) {
    std::size_t at = 0;
    while ((at = buffer_.find(mark)) == buffer_.npos)
      if (!co_await more()) co_return "";
    co_return take(at + mark.size());
  }
  rt::task<std::string> exactly(std::size_t n) {
    while (buffer_.size() < n)
      if (!co_await more()) throw bad_message{"the end, in the middle of a message"};
    co_return take(n);
  }
  std::string take(std::size_t n) {
    std::string taken = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return taken;
  }
  std::string buffer_;  // what has come and was not asked for yet
};
// end connection

// begin pool
class pool {
 public:
  pool(std::function<rt::stream()> dial, int most) : places(most), dial_(std::move(dial)) {}
  rt::permits places;
  int dialed = 0;

  rt::task<std::string> get(std::string path) {
    const auto place = co_await places.take();
    connection c = connected();
    co_await rt::write_all(c.stream, "GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n");
    const std::optional<head> answer = co_await c.read_head();
    if (!answer) throw bad_message{"no answer"};
    std::string body = co_await c.read_body(framing_of(*answer));
    idle_.push_back(std::move(c));  // its message has ended: the next one may have it
    co_return body;
  }

 private:
  connection connected() {
    if (idle_.empty()) return ++dialed, connection(dial_());
    connection c = std::move(idle_.back());
    idle_.pop_back();
    return c;
  }
  std::function<rt::stream()> dial_;
  std::vector<connection> idle_;
};
// end pool

}  // namespace tour
