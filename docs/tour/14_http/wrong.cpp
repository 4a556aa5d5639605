// Wrong: exits with 1 and says "the proxy saw POST /; the server saw POST / GET /admin".
//
// To take of two contradicting fields the one that one knows. The proxy, which keeps strangers from
// /admin, goes by the length; the server behind it goes by the chunks.
#include <cstdio>
#include <cstdlib>
#include <string>

// begin wrong
const std::string stream =
    "POST / HTTP/1.1\r\nContent-Length: 37\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\n"
    "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";

// Where the next message begins.
std::size_t by_length(const std::string& text, std::size_t head_end, std::size_t field) {
  return head_end + std::strtoul(text.c_str() + field + 16, nullptr, 10);
}
std::size_t by_chunks(const std::string& text, std::size_t head_end, std::size_t) {
  return text.find("0\r\n\r\n", head_end) + 5;
}
// end wrong

template <class Next>
std::string seen_by(Next next) {
  std::string seen;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t end = stream.find("\r\n\r\n", at) + 4;
    const std::size_t length = stream.find("Content-Length: ", at);
    seen += " " + stream.substr(at, stream.find(" HTTP", at) - at);
    at = length < end ? next(stream, end, length) : end;
  }
  return seen;
}

int main() {
  const std::string proxy = seen_by(by_length), server = seen_by(by_chunks);
  std::printf("the proxy saw%s; the server saw%s\n", proxy.c_str(), server.c_str());
  return proxy == server ? 0 : 1;
}
