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

judgement judge(const call_result& r, const classifier& c, bool (*is_failure)(rejection_reason)) {
  judgement j{ending::cancelled, {}, verdict::neutral};
  j.how = ending_of(r, j.why);
  if (j.how == ending::cancelled) return j;
  if (const std::optional<verdict> v = c.ask(r))
    j.says = *v;
  else if (j.how == ending::value)
    j.says = verdict::success;
  else if (j.how == ending::error || (is_failure && is_failure(j.why.reason)))
    j.says = verdict::failure;
  return j;
}

}  // namespace rondo::detail
