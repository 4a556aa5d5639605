// refused: its destructor must not throw
#include <rondo/runtime.hpp>

struct throws {
  ~throws() noexcept(false) {}
};

rondo::task<> body(rondo::task_group& g) {
  g.make<throws>();
  co_return;
}
