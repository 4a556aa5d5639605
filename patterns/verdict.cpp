#include <rondo/patterns/verdict.hpp>

namespace rondo::detail {

ending ending_of(const call_result& r, rejection& why) noexcept {
  if (r.has_value()) return ending::value;
  if (r.is_cancelled()) return ending::cancelled;
  if (const small_error* e = r.small()) {
    const std::optional<rejection> found = rejection_of(*e);
    if (!found) return ending::error;
    why = *found;
    return ending::rejected;
  }
  try {
    std::rethrow_exception(r.error());
  } catch (const cancelled_error&) {  // interrupted is one
    return ending::cancelled;
  } catch (const rejected& e) {
    why = {e.reason(), e.retry_after()};
    return ending::rejected;
  } catch (...) {
    return ending::error;
  }
}

bool is_failure(const call_result& r, const classifier& judge) {
  rejection why{};
  if (ending_of(r, why) == ending::cancelled) return false;
  if (const std::optional<verdict> v = judge.ask(r)) return *v == verdict::failure;
  return !r.has_value();
}

}  // namespace rondo::detail
