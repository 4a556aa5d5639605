// simulate_program: in the simulation, a coroutine plays a program.
//
//   net::simulate_program("greet", [](net::simulated_process& me) -> task<int> {
//     co_await me.output().write_all(net::bytes_of("hello " + me.arguments().at(1) + "\n"));
//     co_return 0;
//   });
//   auto r = co_await net::run_process({"greet", "world"});
//
// It reads and writes its three streams, sleeps by virtual time, and gives its exit code. A signal
// ends it as the system would (signal(7)): it is cancelled where it waits, cleanups included,
// unless it handles that signal; SIGKILL always does. Its pipes are memory, its descriptors and
// files the real ones; a terminal is two pipes, without line editing. SIGSTOP and SIGCONT do
// nothing.
#pragma once

#include <rondo/net/process.hpp>
#include <rondo/runtime/queue.hpp>

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo::net {

namespace detail {
class simulated_child;
}

// What a simulated program sees of itself. Lives until it has ended.
class simulated_process {
 public:
  // The command it was started with; the first is its name.
  const std::vector<std::string>& arguments() const noexcept { return arguments_; }
  // "NAME=value".
  const std::vector<std::string>& environment() const noexcept { return environment_; }
  // Of the options; empty: as ours.
  const std::string& directory() const noexcept { return directory_; }
  pid_t pid() const noexcept { return pid_; }
  // Closed when it ends. A write that nobody reads throws EPIPE; one that leaves the program ends
  // it as SIGPIPE would.
  pipe_stream& input() noexcept { return input_; }
  pipe_stream& output() noexcept { return output_; }
  pipe_stream& error() noexcept { return error_; }
  // From here on the signal comes to next_signal, and no longer ends it. Not SIGKILL, not SIGSTOP:
  // std::invalid_argument.
  void handle(int signal);
  // Completes with a signal that it handles and that has come, in their order.
  auto next_signal() { return signals_->get(); }

 private:
  friend class detail::simulated_child;
  friend class detail::process_starter;

  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  std::string directory_;
  pid_t pid_ = 0;
  pipe_stream input_;
  pipe_stream output_;
  pipe_stream error_;
  std::uint64_t handled_ = 0;  // signal n is bit n
  std::unique_ptr<queue<int>> signals_ = std::make_unique<queue<int>>(unbounded);
};

namespace detail {

class simulated_program {
 public:
  simulated_program() = default;
  simulated_program(const simulated_program&) = delete;
  simulated_program& operator=(const simulated_program&) = delete;
  virtual ~simulated_program() = default;
  virtual task<int> main(simulated_process& me) = 0;
};

void add_simulated_program(std::string name, std::shared_ptr<simulated_program> program);

}  // namespace detail

// Makes `main` play the program of this name, from now on and for this run: a callable that takes
// simulated_process& and gives a task<int>, its exit code. A program is looked for by the name in
// the command, then by what follows its last slash; one that nobody plays is not there (ENOENT).
// Throws std::logic_error outside a simulation.
template <class Main>
void simulate_program(std::string name, Main main) {
  static_assert(std::is_same_v<std::invoke_result_t<Main&, simulated_process&>, task<int>>,
                "a simulated program takes simulated_process& and gives a task<int>");
  struct held final : detail::simulated_program {
    explicit held(Main m) : play(std::move(m)) {}
    task<int> main(simulated_process& me) override { return play(me); }
    Main play;
  };
  detail::add_simulated_program(std::move(name), std::make_shared<held>(std::move(main)));
}

}  // namespace rondo::net
