// run_on_threads: a loop on each of n threads.
//
//   run_on_threads(4, [](std::size_t i) { return serve(listener_for(i)); });
//
// The loops share nothing; what they tell each other goes through loop_remote and thread_channel.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace rondo {
namespace detail {

// Makes the main task of each loop, on that loop's thread.
class team_main {
 public:
  virtual task<> make(std::size_t index) const = 0;

 protected:
  ~team_main() = default;
};

template <class F>
class typed_team_main final : public team_main {
 public:
  explicit typed_team_main(F f) : f_(std::move(f)) {}
  task<> make(std::size_t index) const override { return to_task(f_, index); }

 private:
  F f_;
};

}  // namespace detail

// Runs main(0) … main(n - 1), each on a loop and a thread of its own (the first on the calling
// thread), and returns when all have ended. Each thread has its own copy of `main`, kept until its
// task has ended.
//
// When one fails, the others are cancelled, and the first exception is thrown when all have ended;
// later ones go to on_unhandled, which may be called from any of the threads. A cancellation of
// one, and SIGINT in particular (`interrupted`), counts as a failure. Throws std::invalid_argument
// for n = 0 and for the simulation, which has one thread; std::logic_error inside a running loop;
// std::system_error when a thread or a reactor cannot be had.
template <class F>
void run_on_threads(detail::amount n, F main, const run_options& options = {}) {
  static_assert(std::is_same_v<std::invoke_result_t<F, std::size_t>, task<>>,
                "run_on_threads wants a callable (std::size_t index) -> task<>");
  detail::run_team(n, detail::typed_team_main<F>(std::move(main)), options);
}

}  // namespace rondo
