// What is asked, and what comes of it: as little HTTP as three pages need.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdlib>
#include <string>

namespace tour {

struct page {
  int status = 0;  // 0: what came is no answer
  std::size_t bytes = 0;
  int reads = 0;  // how many calls of recv it took
};

inline sockaddr_in loopback(unsigned short port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  return at;
}

inline std::string request_for(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
}

// `text`: all that came until the end of the stream.
inline page read_page(const std::string& text, int reads) {
  const std::size_t head = text.find("\r\n\r\n");
  if (text.compare(0, 9, "HTTP/1.1 ") != 0 || head == std::string::npos) return {0, 0, reads};
  return {std::atoi(text.c_str() + 9), text.size() - head - 4, reads};
}

}  // namespace tour
