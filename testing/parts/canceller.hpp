// canceller: hears of every step of a loop, counts the waits of a scenario, and cancels it at one.
#pragma once

#include <rondo/runtime/scope.hpp>
#include <rondo/testing/parts/call.hpp>
#include <rondo/testing/parts/run_watch.hpp>

#include <cstddef>

namespace rondo::test {

// When a wait is cancelled; what each means: cancel_at_every_wait.hpp.
enum class cancel_moment { at_rest, posted, at_wake };

// "at rest in wait", …: what stands before the number in a report.
const char* name_of(cancel_moment m) noexcept;

namespace detail {

// Counts the waits of everything but the main task, and cancels at one of them.
class canceller final : public run_watch {
 public:
  canceller(cancel_moment m, std::size_t k) noexcept : moment_(m), k_(k) {}

  // The scenario runs in `scope`, awaited by the running job.
  void begin(cancel_scope& scope) noexcept;
  void end() noexcept { scope_ = nullptr; }
  bool reached() const noexcept { return seen_ > k_; }

  void before_step(rondo::detail::job& j) noexcept override;
  void after_step(rondo::detail::job& j) noexcept override;

 private:
  void count(const rondo::detail::job& j) noexcept;

  cancel_moment moment_;
  std::size_t k_;
  std::size_t seen_ = 0;
  cancel_scope* scope_ = nullptr;
  rondo::detail::job* driver_ = nullptr;
};

// Runs once with a canceller for the k-th wait and looks at the accounts. False: the scenario ended
// before its k-th wait. Throws a failure that names the wait.
bool cancel_once(cancel_moment m, std::size_t k, call<canceller&> run);

}  // namespace detail
}  // namespace rondo::test
