// wait_until_idle: for tests that must know that everybody else has come to rest.
//
//   g.spawn(server.run());
//   co_await wait_until_idle();      // it has got as far as it gets without time passing
//   EXPECT_EQ(server.state(), listening);
//
// Every other task of the loop waits then: for a time, for the outside (a descriptor, a thread, a
// signal), or for another task that does. In the simulation nothing that is due at this instant is
// left, and time has not moved: exact, and the same in every run. On a real reactor it is what the
// loop sees in one look: a reply that is on its way may come in the next moment.
#pragma once

#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/wait.hpp>

namespace rondo {
namespace detail {

class [[nodiscard("without co_await nothing happens")]] idle_wait final : public line_wait {
 public:
  bool begin(job& j) noexcept override {
    if (j.stops_here()) return false;
    return stand_in(this_core().waits_for_idle(), j);
  }
  void describe(wait_visitor& v) const override { v.waits_for("everything else to be idle"); }
  void await_resume() const noexcept {}
};

}  // namespace detail

// Completes when no other task of this loop can take a step before time passes or something comes
// from outside. Several may wait for it: they do not wait for each other. Cancellation: stops at
// once.
inline detail::idle_wait wait_until_idle() noexcept { return {}; }

}  // namespace rondo
