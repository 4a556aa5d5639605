// Exercise 3.2: a generation for a number that is used again.
//
// The table finds a connection by the tag that comes with an event. Here the tag is the number of
// the descriptor, and numbers are used again. Make a late event find nobody. A tag has 64 bits, and
// a descriptor's number needs 32 of them.
#pragma once

#include <cstdint>
#include <vector>

namespace tour {

struct connection;

class connection_table {
 public:
  // Takes a connection in, and gives the tag for its events.
  std::uint64_t add(int fd, connection& c) {
    const auto i = static_cast<std::size_t>(fd);
    if (i >= slots_.size()) slots_.resize(i + 1);
    slots_[i] = &c;
    return i;
  }
  // It is about to be closed.
  void remove(int fd) { slots_[static_cast<std::size_t>(fd)] = nullptr; }
  // Whom an event with this tag is for; nullptr: nobody any more.
  connection* find(std::uint64_t tag) const { return slots_[tag]; }

 private:
  std::vector<connection*> slots_;
};

}  // namespace tour
