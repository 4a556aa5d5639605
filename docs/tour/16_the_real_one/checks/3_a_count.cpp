// A thousand texts, once everything that is kept is there.
// Needs: rondo
#include "../../stage/check.hpp"

#include EXERCISE

#include <cstdlib>
#include <new>

namespace {
long allocations = 0;
}

void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

rondo::task<> count_many(long& each) {
  const std::string text = "   a text that is too long to stand in the string itself";
  for (int i = 0; i < 100; ++i) co_await tour::count_letters(text);
  const long before = allocations;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t n = co_await tour::count_letters(text);
    tour::check(n == text.size() - 3, "the text has %zu letters, and it says %zu", text.size() - 3,
                n);
  }
  each = allocations - before;
}

}  // namespace

int main() {
  long in_a_thousand = 0;
  rondo::run(count_many(in_a_thousand));
  tour::check(in_a_thousand < 100, "a thousand texts took %ld allocations", in_a_thousand);
  std::puts("a count sees what no clock does");
}
