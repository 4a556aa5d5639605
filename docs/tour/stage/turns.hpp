// Letting a loop go round some times, so that whoever can go on has gone on.
//
//   co_await some_turns(l);
#pragma once

#include "../07_the_loop/loop.hpp"

namespace tour {

struct next_turn {
  loop& of;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) const { of.wake(h); }
  void await_resume() const {}
};

inline task<> some_turns(loop& l) {
  for (int i = 0; i < 20; ++i) co_await next_turn{l};
}

}  // namespace tour
