// Exercise 3.2: a generation for a number that is used again. It is counted up each time anything
// is taken in, and a tag has it in its upper half. After four thousand million it begins again; an
// event does not stay on its way for so long.
#pragma once

#include <cstdint>
#include <vector>

namespace tour {

struct connection;

class connection_table {
 public:
  std::uint64_t add(int fd, connection& c) {
    const auto i = static_cast<std::size_t>(fd);
    if (i >= slots_.size()) slots_.resize(i + 1);
    slots_[i] = {&c, ++last_};
    return std::uint64_t{last_} << 32 | i;
  }
  void remove(int fd) { slots_[static_cast<std::size_t>(fd)] = {}; }
  connection* find(std::uint64_t tag) const {
    const auto i = static_cast<std::uint32_t>(tag);
    if (i >= slots_.size() || slots_[i].generation != tag >> 32) return nullptr;
    return slots_[i].whose;
  }

 private:
  struct slot {
    connection* whose = nullptr;
    std::uint32_t generation = 0;  // 0: nobody
  };
  std::vector<slot> slots_;
  std::uint32_t last_ = 0;
};

}  // namespace tour
