// Pages that come in pieces. A SOCK_SEQPACKET gives each piece to one recv(), so that what is tried
// is the same every time; the stream ends after the last one, so that nobody waits for ever.
#include "../../stage/check.hpp"
#include "../descriptor.hpp"

#include EXERCISE

#include <sys/socket.h>

#include <initializer_list>

namespace {

struct result {
  bool whole;
  std::string body;
};

result read(std::initializer_list<std::string> pieces) {
  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "no socket could be had");
  const tour::descriptor writer(ends[0]), reader(ends[1]);
  for (const std::string& piece : pieces)
    tour::check(send(ends[0], piece.data(), piece.size(), 0) > 0, "a piece could not be sent");
  shutdown(ends[0], SHUT_WR);
  result r{};
  r.whole = tour::read_body(ends[1], r.body);
  return r;
}

void gives(const result& r, const char* body, const char* when) {
  tour::check(r.whole, "%s: it says that the stream ended in the middle", when);
  tour::check(r.body == body, "%s: the body is \"%s\", and it gave \"%s\"", when, body,
              r.body.c_str());
}

}  // namespace

int main() {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  gives(read({head + "hello"}), "hello", "a page in one piece");
  gives(read({head, "hello"}), "hello", "head and body in two pieces");
  gives(read({head, "he", "llo"}), "hello", "a body in two pieces");
  gives(read({"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r", "\nhello"}), "hello",
        "a head in three pieces");
  gives(read({head + "hello", "HTTP/1.1 404 Not Found\r\n\r\n"}), "hello",
        "another answer after the page");
  gives(read({head + "helloHTTP/1.1 404 Not Found\r\n\r\n"}), "hello",
        "another answer in the same piece");
  gives(read({"HTTP/1.1 200 OK\r\ncontent-length:5\r\nX: y\r\n\r\nhello"}), "hello",
        "the field in another spelling");
  tour::check(!read({head, "hel"}).whole, "3 of 5 bytes came, and it says that this is the page");
  tour::check(!read({"HTTP/1.1 200 OK\r\n"}).whole,
              "half a head came, and it says that this is the page");
  std::puts("the page ends where its head says, however it is cut");
}
