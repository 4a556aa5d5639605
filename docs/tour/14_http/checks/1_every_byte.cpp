// One message in one piece, in two at every place, in three at every two places, and byte by byte;
// and some that are none.
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

const std::string message = "5\r\nhello\r\nB\r\n, everybody\r\n0\r\n\r\n";
const std::string all = message + "HTTP/1.1 200 OK\r\n";

void read_in(std::initializer_list<std::string_view> pieces, const char* how, std::size_t at) {
  tour::chunked_body b;
  try {
    for (const std::string_view piece : pieces) b.feed(piece);
  } catch (const tour::bad_message& e) {
    tour::check(false, "%s, after byte %zu: refused: %s", how, at, e.why);
  }
  tour::check(b.done && b.body == "hello, everybody", "%s, after byte %zu: the body is \"%s\"", how,
              at, b.body.c_str());
  tour::check(b.rest == "HTTP/1.1 200 OK\r\n", "%s, after byte %zu: left for the next: \"%s\"", how,
              at, b.rest.c_str());
}

bool refused(std::string_view text) {
  tour::chunked_body b;
  try {
    for (const char& c : text) b.feed(std::string_view(&c, 1));
  } catch (const tour::bad_message&) {
    return true;
  }
  return false;
}

}  // namespace

int main() {
  const std::string_view text = all;
  read_in({text}, "in one piece", all.size());
  for (std::size_t i = 1; i < all.size(); ++i) {
    read_in({text.substr(0, i), text.substr(i)}, "in two pieces", i);
    for (std::size_t j = i; j < all.size(); ++j)
      read_in({text.substr(0, i), text.substr(i, j - i), text.substr(j)}, "in three pieces", i);
  }
  tour::chunked_body b;
  for (std::size_t i = 0; i < message.size(); ++i) {
    tour::check(!b.done, "it is over before its last byte");
    b.feed(text.substr(i, 1));
  }
  tour::check(b.done && b.body == "hello, everybody", "byte by byte, the body is \"%s\"",
              b.body.c_str());
  tour::check(refused("hello\r\n"), "a size that is no number was taken");
  tour::check(refused("2\r\nabc\r\n0\r\n\r\n"), "a chunk that is longer than it says was taken");
  std::puts("wherever it is cut, it is the same message");
}
