// Exercise 14.1: split at every byte.
//
// Reads a chunked body that comes in pieces. A piece may end anywhere: in the middle of a chunk, of
// a size, of a line's end. This one is right when everything comes in one piece.
#pragma once

#include "../head.hpp"

namespace tour {

class chunked_body {
 public:
  // The next piece. Throws bad_message. What comes after the last chunk belongs to the next
  // message.
  void feed(std::string_view piece) {
    while (!done && !piece.empty()) {
      const std::size_t end = piece.find("\r\n");
      if (end == piece.npos) throw bad_message{"a chunk without a size"};
      const std::size_t size = number_of(piece.substr(0, end), 16);
      piece.remove_prefix(end + 2);
      body.append(piece.substr(0, size));
      piece.remove_prefix(std::min(size + 2, piece.size()));
      done = size == 0;
    }
    rest += piece;
  }

  std::string body;
  bool done = false;
  std::string rest;  // of the next message
};

}  // namespace tour
