// Real servers for the bridges of examples/bridges/, in a temporary folder, on a Unix socket.
#pragma once

#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <string>
#include <utility>
#include <vector>

namespace rondo_test {

// A server that was started; killed when this goes, if it still runs.
inline rondo::net::process start_server(std::vector<std::string> command, const std::string& log) {
  using rondo::net::redirect;
  return rondo::net::process::start(
      std::move(command),
      rondo::net::process_options().output_to(redirect::file(log)).error_to(redirect::to_output()));
}

// Until fn() ends without an exception; a server takes its time to begin.
template <class Fn>
rondo::task<> until_it_works(Fn fn) {
  using namespace std::chrono_literals;
  std::string why;
  for (int i = 0; i < 6000; ++i) {
    try {
      co_await fn();
      co_return;
    } catch (const std::exception& e) {
      why = e.what();
    }
    co_await rondo::sleep_for(10ms);
  }
  ADD_FAILURE() << "the server does not answer: " << why;
}

// fn() beside a thousand tasks that are all alive, none of which may come to a stop meanwhile.
template <class Fn>
rondo::task<> beside_a_thousand_tasks(Fn fn) {
  using namespace std::chrono_literals;
  std::vector<int> steps(1000);
  bool over = false;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    for (int& n : steps)
      g.spawn([&]() -> rondo::task<> {
        do {
          ++n;
          co_await rondo::sleep_for(5ms);
        } while (!over);
      });
    co_await fn();
    over = true;
  });
  for (const int n : steps) EXPECT_GE(n, 1);
}

}  // namespace rondo_test
