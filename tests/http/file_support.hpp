// What the tests of served files share: old files, raw requests, and answers taken apart.
#pragma once

#include "http/http_support.hpp"
#include "support/child_process.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace rondo_test {

inline constexpr std::chrono::sys_seconds long_ago{std::chrono::seconds(1'000'000'000)};

// Written, and last changed in 2001, so that its entity tag is strong.
inline std::string write_old(const temporary_folder& folder, const std::string& name,
                             const std::string& content) {
  const std::string path = folder.write(name, content);
  const std::array<timespec, 2> times{timespec{long_ago.time_since_epoch().count(), 0},
                                      timespec{long_ago.time_since_epoch().count(), 0}};
  EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
  return path;
}

struct reply {
  int status = 0;
  std::string head;
  std::string body;
  std::string field(std::string_view name) const {
    const std::string begin = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(begin);
    if (at == std::string::npos) return {};
    const std::size_t from = at + begin.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

inline reply parsed(const std::string& bytes) {
  reply r;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return r;
  r.head = bytes.substr(0, end + 2);
  r.body = bytes.substr(end + 4);
  r.status = (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + (bytes[11] - '0');
  return r;
}

// Its half of the connection stays open: a client that has gone takes its handler along.
inline rondo::task<reply> ask(endpoint to, std::string path, std::string fields = "",
                              std::string method = "GET") {
  tcp_stream s = co_await tcp_stream::connect(to);
  const std::string request =
      method + ' ' + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + "\r\n";
  if (speaks_http2())
    co_return parsed(co_await ask_over_http2(rondo::net::any_stream(std::move(s)), request));
  co_await write_text(s, request);
  co_return parsed(co_await read_text(s));
}

inline std::string lines(std::string_view fields) {
  std::string all;
  for (; !fields.empty();) {
    const std::size_t end = std::min(fields.find('|'), fields.size());
    all.append(fields.substr(0, end)).append("\r\n");
    fields.remove_prefix(std::min(end + 1, fields.size()));
  }
  return all;
}

// The parts of a multipart/byteranges body: "0-9=…content…;20-29=…".
inline std::string parts_of(const reply& r) {
  const std::string type = r.field("Content-Type");
  const std::string boundary = "--" + type.substr(type.find("boundary=") + 9);
  std::string all;
  std::size_t at = r.body.find(boundary);
  while (at != std::string::npos) {
    at += boundary.size();
    if (r.body.substr(at, 2) == "--") {
      EXPECT_EQ(r.body.substr(at), "--\r\n");
      return all;
    }
    const std::size_t range = r.body.find("Content-Range: bytes ", at) + 21;
    const std::size_t content = r.body.find("\r\n\r\n", at) + 4;
    const std::size_t next = r.body.find("\r\n" + boundary, content);
    if (next == std::string::npos) break;
    all += r.body.substr(range, r.body.find('/', range) - range) + '=' +
           r.body.substr(content, next - content) + ';';
    at = next + 2;
  }
  ADD_FAILURE() << "no end of the parts";
  return all;
}

}  // namespace rondo_test
