// A program that looks at itself through its inspect socket.
//
//   const inspected_run r;
//   run_on(reactor, [&]() -> task<> {
//     … tools::tasks_text(co_await asked_meanwhile(r.path, "tasks")) …
//   });
#pragma once

#include "support/child_process.hpp"
#include "support/environment_variable.hpp"

#include "inside.hpp"

#include <rondo/runtime.hpp>

#include <string>
#include <thread>
#include <vector>

namespace rondo_test {

using nlohmann::json;

// A run that is inspected at a socket of the test's own.
struct inspected_run {
  temporary_folder folder;
  std::string path = folder / "s";
  environment_variable on{"RONDO_INSPECT", path.c_str()};
};

// What the socket answers, asked by a loop of another thread.
inline std::vector<json> asked(const std::string& path, const std::string& word) {
  std::vector<json> lines;
  std::thread([&] {
    lines = rondo::run(rondo::run_options().reactor(rondo::reactor_kind::epoll),
                       rondo::tools::ask_inside(path, word));
  }).join();
  return lines;
}
inline rondo::task<std::vector<json>> asked_meanwhile(std::string path, std::string word) {
  co_return co_await rondo::to_thread([path, word] { return asked(path, word); });
}

}  // namespace rondo_test
