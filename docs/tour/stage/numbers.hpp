// Children whose lives can be followed, for the checks of chapter 10.
#pragma once

#include "../09_stop/letter.hpp"
#include "turns.hpp"

#include <vector>

namespace tour {

struct no_number {};

// A number that comes by letter.
struct number {
  letter post;
  int value = 0;
  bool begun = false;
  bool alive = false;     // its task has begun, and has not gone
  bool returned = false;  // by itself

  explicit number(int n) : value(n) {}
};

// Gives the number when its letter has come; throws no_number if that is negative.
inline task<int> read(number& n) {
  struct life {
    number& of;
    explicit life(number& x) : of(x) { of.begun = of.alive = true; }
    life(const life&) = delete;
    ~life() { of.alive = false; }
  };
  const life here(n);
  co_await n.post;
  if (n.value < 0) throw no_number();
  n.returned = true;
  co_return n.value;
}

template <class... N>
std::vector<task<int>> read_all(N&... n) {
  std::vector<task<int>> all;
  (all.push_back(read(n)), ...);
  return all;
}

}  // namespace tour
