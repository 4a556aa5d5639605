#include <rondo/runtime/core/frame_quarantine.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/testing/accounts.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/parts/canceller.hpp>
#include <rondo/testing/parts/crash_note.hpp>

#include <exception>
#include <optional>

namespace rondo::test {

const char* name_of(cancel_moment m) noexcept {
  switch (m) {
    case cancel_moment::at_rest: return "at rest in wait";
    case cancel_moment::posted: return "by a post in the turn of wait";
    case cancel_moment::at_wake: return "before step";
  }
  return "?";
}

namespace detail {
namespace {

constexpr std::size_t more_than_any_scenario_waits = 100'000;

// One run; gives what is wrong after it with frames, descriptors and the loop.
std::string run_and_account(canceller& c, const call<canceller&>& run) {
  const accounts before = accounts::now();
  {
    const rondo::detail::frame_quarantine quarantine;
    run(c);
  }
  std::string text = c.trouble();
  if (const std::string changes = before.changes(); !changes.empty())
    text += (text.empty() ? "" : "\n") + changes;
  return text;
}

// How many allocations more there are after the run than before it; 0 where they are not counted.
std::int64_t kept_by(canceller& c, const call<canceller&>& run, std::string& wrong) {
  const std::optional<std::int64_t> before = accounts::now().allocations;
  wrong = run_and_account(c, run);
  const std::optional<std::int64_t> after = accounts::now().allocations;
  return before && after ? *after - *before : 0;
}

}  // namespace

void canceller::begin(cancel_scope& scope) noexcept {
  scope_ = &scope;
  driver_ = &rondo::detail::current_job();
}
void canceller::before_step(rondo::detail::job& j) noexcept {
  if (moment_ == cancel_moment::at_wake) count(j);
}
void canceller::after_step(rondo::detail::job& j) noexcept {
  if (moment_ != cancel_moment::at_wake) count(j);
}
void canceller::count(const rondo::detail::job& j) noexcept {
  if (!scope_ || &j == driver_ || seen_++ != k_) return;
  if (moment_ != cancel_moment::posted)
    scope_->cancel();
  else
    this_loop().post([this] {
      if (scope_) scope_->cancel();
    });
}

bool cancel_once(cancel_moment m, std::size_t k, call<canceller&> run) {
  const std::string place = std::string("cancelled ") + name_of(m) + ' ' + std::to_string(k);
  if (k == more_than_any_scenario_waits) throw failure(place + ": the scenario waits without end");
  const crash_note note(place);
  canceller c(m, k);
  std::string wrong;
  try {
    // What is kept once may be kept for the next use; what is kept each time is lost.
    if (kept_by(c, run, wrong) > 0 && wrong.empty()) {
      canceller again(m, k);
      std::string wrong_again;
      if (const auto kept = kept_by(again, run, wrong_again); kept > 0)
        wrong = "allocations kept, and kept again when it was repeated: " + std::to_string(kept);
    }
  } catch (const std::exception& e) {
    throw failure(place + ": " + e.what());
  }
  if (!wrong.empty()) throw failure(place + ": " + wrong);
  return c.reached();
}

}  // namespace detail
}  // namespace rondo::test
