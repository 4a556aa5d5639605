// Destroyed before it begins, at each of its waits, and after its end, beside the compiler.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../inbox.hpp"
#include "../trace.hpp"

#include EXERCISE

namespace {

tour::coroutine by_compiler(tour::inbox& in) {
  tour::noisy a("a");
  co_await in;
  {
    tour::noisy b("b");
    co_await in;
  }
  tour::noisy c("c");
  co_await in;
}

std::string text(const tour::trace& t) {
  std::string all;
  for (const std::string& step : t) all += (all.empty() ? "" : ", ") + step;
  return all.empty() ? "nothing happens" : all;
}

}  // namespace

int main() {
  for (int resumed = 0; resumed <= 4; ++resumed) {
    tour::trace expected, yours;
    tour::current_trace = &expected;
    {
      tour::inbox in;
      tour::coroutine c = by_compiler(in);
      for (int i = 0; i < resumed; ++i) c.resume();
    }
    tour::current_trace = &yours;
    {
      tour::three_locals by_hand;
      bool ended = false;
      for (int i = 0; i < resumed; ++i) ended = by_hand.resume();
      tour::check(ended == (resumed == 4), "after %d step%s it has %sreturned", resumed,
                  resumed == 1 ? "" : "s", ended ? "" : "not ");
    }
    tour::current_trace = nullptr;
    tour::check(yours == expected, "destroyed after %d step%s: %s; and yours: %s", resumed,
                resumed == 1 ? "" : "s", text(expected).c_str(), text(yours).c_str());
  }
  std::puts("wherever it is destroyed, what is there goes, the latest first");
}
