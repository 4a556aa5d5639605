#include "stage.hpp"

namespace guide::ownership {
namespace {

// begin count
task<std::size_t> count(std::string text) {  // its own, whoever called
  co_await sleep_for(1s);
  co_return text.size();
}
// end count

// begin both
task<> both(std::string name) {
  co_await with_task_group([name](task_group& g) -> task<> {
    g.spawn([name]() -> task<> {
      co_await sleep_for(1s);
      use(name);  // the record's own copy
    });
    const auto later = [](std::string n) -> task<> {
      co_await sleep_for(1s);
      use(n);
    };
    g.spawn(later, name);  // as an argument: kept as well
    co_return;
  });
}
// end both

// begin poller
class poller {
 public:
  task<> run() {  // whoever awaits this keeps the object
    co_await with_task_group([this](task_group& g) -> task<> {
      g.spawn([this]() -> task<> { co_await poll(); });
      co_return;
    });
  }

 private:
  task<> poll() {
    for (;; ++rounds_) co_await sleep_for(1s);
  }
  int rounds_ = 0;
};
// end poller

TEST(Ownership, WhatItsPageShowsRuns) {
  simulated([]() -> task<> {
    EXPECT_EQ(co_await count("four"), 4u);
    co_await both("ada");
    poller p;
    EXPECT_FALSE(co_await try_for(1h, p.run()));
  });
}

}  // namespace
}  // namespace guide::ownership
