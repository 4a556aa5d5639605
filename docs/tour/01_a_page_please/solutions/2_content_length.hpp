// Exercise 1.2: stop where the page ends. Names of fields are read whatever their case (RFC 9110,
// 5.1). What has come of the next page is thrown away here; a client that keeps connections keeps
// it too.
#pragma once

#include <strings.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>

namespace tour {

inline bool read_more(int fd, std::string& text) {
  char buffer[4096];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) return false;
  text.append(buffer, static_cast<std::size_t>(n));
  return true;
}

// Of a head; 0 if it does not say.
inline std::size_t content_length(const std::string& head) {
  for (std::size_t at = 0; (at = head.find("\r\n", at)) != std::string::npos;) {
    at += 2;
    constexpr char name[] = "content-length:";
    if (strncasecmp(head.c_str() + at, name, sizeof name - 1) == 0)
      return std::strtoul(head.c_str() + at + sizeof name - 1, nullptr, 10);
  }
  return 0;
}

inline bool read_body(int fd, std::string& body) {
  std::string text;
  std::size_t head = 0;
  while ((head = text.find("\r\n\r\n")) == std::string::npos)
    if (!read_more(fd, text)) return false;
  const std::size_t begin = head + 4, length = content_length(text.substr(0, head));
  while (text.size() - begin < length)
    if (!read_more(fd, text)) return false;
  body = text.substr(begin, length);
  return true;
}

}  // namespace tour
