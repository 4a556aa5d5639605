// Exercise 14.1: split at every byte. What is not whole yet is kept, and looked at again with the
// next piece. (Looked at again from the beginning: with many small pieces that is slow. A parser
// that remembers its state needs no more than one look at each byte.)
#pragma once

#include "../head.hpp"

namespace tour {

class chunked_body {
 public:
  // The next piece. Throws bad_message. What comes after the last chunk belongs to the next
  // message.
  void feed(std::string_view piece) {
    rest += piece;
    while (!done) {
      const std::size_t end = rest.find("\r\n");
      if (end == rest.npos) return;
      const std::size_t size = number_of(std::string_view(rest).substr(0, end), 16);
      if (rest.size() < end + 2 + size + 2) return;
      if (rest.compare(end + 2 + size, 2, "\r\n") != 0)
        throw bad_message{"a chunk that does not end"};
      body.append(rest, end + 2, size);
      rest.erase(0, end + 2 + size + 2);
      done = size == 0;
    }
  }

  std::string body;
  bool done = false;
  std::string rest;  // of the next message
};

}  // namespace tour
