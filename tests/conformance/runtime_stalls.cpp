// Steps that do not end: the watchdog says where they are while they still run. No test knows how
// long anything takes: what blocks is let go by who has read the report.
#include "support/conformance.hpp"
#include "support/stderr_pipe.hpp"

#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

#include <unistd.h>

#include <array>
#include <string>
#include <thread>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
std::string at_line(int n) { return "runtime_stalls.cpp:" + std::to_string(n); }

// What a handler blocks in until somebody opens it.
class gate {
 public:
  gate() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  ~gate() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void open() const { EXPECT_EQ(::write(ends_[1], "o", 1), 1); }

  static constexpr int line = __LINE__ + 3;
  [[gnu::noinline]] void pass() const {
    char c = 0;
    while (::read(ends_[0], &c, 1) != 1) {
    }
    opened_ = opened_ + 1;  // so that the call of read is no jump
  }

 private:
  std::array<int, 2> ends_{};
  mutable volatile int opened_ = 0;
};

constexpr int awaits_line = __LINE__ + 3;
constexpr int blocks_line = __LINE__ + 3;
task<> handler(const gate& g) {
  co_await yield_now();
  g.pass();
}
constexpr int outer_line = __LINE__ + 1;
task<> around(const gate& g) { co_await handler(g); }

run_options watched(reactor_kind reactor) { return options_for(reactor).stall_limit(20ms); }

}  // namespace

ON_KERNEL_REACTORS(Stall, AStepThatBlocksIsNamedByLineWhileItBlocks) {
  const gate g;
  const stderr_pipe said;
  std::string report;
  int spawned_line = 0;
  std::thread reader([&] {
    report = said.read_until("run_on.hpp");
    g.open();  // only now the step can end
  });
  run_as(watched(reactor), [&]() -> task<> {
    co_await with_task_group([&](task_group& group) -> task<> {
      spawned_line = __LINE__ + 1;
      group.spawn([&]() -> task<> {
        set_task_name("web");
        co_await around(g);
      });
      co_return;
    });
  });
  reader.join();
  EXPECT_TRUE(has(report, "rondo: a step of \"web\" has run for ")) << report;
  EXPECT_TRUE(has(report, "gate::pass() const at " + at_line(gate::line))) << report;
  EXPECT_TRUE(has(report, at_line(blocks_line))) << report;
  EXPECT_TRUE(
      has(report, "after (anonymous namespace)::handler(const gate &) at " + at_line(awaits_line)))
      << report;
  EXPECT_TRUE(has(
      report, "awaited in (anonymous namespace)::around(const gate &) at " + at_line(outer_line)))
      << report;
  EXPECT_TRUE(has(report, "spawned at " + at_line(spawned_line))) << report;
  EXPECT_FALSE(has(report, "loop.cpp")) << report;
}
