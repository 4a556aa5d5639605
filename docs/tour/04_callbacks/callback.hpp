// Callbacks on top of operations: a closure is kept on the heap, with its operation, until it has
// been called.
//
//   async(loop, {.fd = fd, .buffer = buffer, .size = 4096}, [=](ssize_t n) { … });
#pragma once

#include "operation_loop.hpp"

#include <utility>

namespace tour {

inline int closures_made = 0;

// begin closure
template <class Fn>
struct closure : operation {
  closure(const operation& op, Fn fn) : operation(op), call(std::move(fn)) {
    ++closures_made;
    completed = [](operation& done) {
      auto& self = static_cast<closure&>(done);
      const ssize_t result = self.result;
      Fn call = std::move(self.call);
      delete &self;
      call(result);
    };
  }
  Fn call;
};

// Calls fn(result) when the operation is completed.
template <class Fn>
void async(operation_loop& loop, const operation& op, Fn fn) {
  loop.start(*new closure<Fn>(op, std::move(fn)));
}
// end closure

}  // namespace tour
