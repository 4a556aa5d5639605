#include "support/programs.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>

namespace rondo_test {

using namespace rondo;
using namespace std::chrono_literals;

void play_programs() {
  if (!rondo::detail::this_core().simulated()) return;
  net::simulate_program("cat", [](net::simulated_process& me) -> task<int> {
    std::array<std::byte, 4096> buffer{};
    while (const std::size_t n = co_await me.input().read_some(buffer))
      co_await me.output().write_all(std::span(buffer).first(n));
    co_return 0;
  });
  net::simulate_program("true", [](net::simulated_process&) -> task<int> { co_return 0; });
  net::simulate_program("false", [](net::simulated_process&) -> task<int> { co_return 1; });
  net::simulate_program("yes", [](net::simulated_process& me) -> task<int> {
    for (;;) co_await me.output().write_all(net::bytes_of("y\n"));
  });
  net::simulate_program("sleep", [](net::simulated_process& me) -> task<int> {
    co_await sleep_for(std::chrono::seconds(me.arguments().at(1).size() > 2 ? 1000 : 1));
    co_return 0;
  });
  net::simulate_program("stubborn", [](net::simulated_process& me) -> task<int> {
    me.handle(SIGTERM);
    co_await me.output().write_all(net::bytes_of("ready\n"));
    co_await sleep_for(1000s);
    co_return 0;
  });
}

std::vector<std::string> stubborn_program() {
  if (rondo::detail::this_core().simulated()) return {"stubborn"};
  // A signal that is ignored stays so in what the shell becomes.
  return {"sh", "-c", "trap '' TERM; echo ready; exec sleep 1000"};
}

void expect_no_children() {
  siginfo_t info{};
  const int r = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  EXPECT_EQ(r, -1) << "a child is left: " << info.si_pid;
  if (r < 0) {
    EXPECT_EQ(errno, ECHILD);
  }
}

}  // namespace rondo_test
