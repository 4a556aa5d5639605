#include <rondo/patterns/parts/call_window.hpp>

namespace rondo::detail {
namespace {

constexpr std::uint8_t failed_bit = 1;
constexpr std::uint8_t slow_bit = 2;

call_tally tally_of(std::uint8_t bits) noexcept {
  return {1, (bits & failed_bit) != 0 ? 1U : 0U, (bits & slow_bit) != 0 ? 1U : 0U};
}

}  // namespace

call_window call_window::of_calls(std::uint32_t n) {
  call_window w;
  w.last_.resize(n);
  return w;
}

call_window call_window::of_time(nanoseconds d) noexcept {
  constexpr auto n = static_cast<std::int64_t>(parts);
  call_window w;
  w.part_ = nanoseconds(d.count() / n + (d.count() % n != 0 ? 1 : 0));
  return w;
}

void call_window::record(bool failed, bool slow, time_point now) noexcept {
  const auto bits = static_cast<std::uint8_t>((failed ? failed_bit : 0) | (slow ? slow_bit : 0));
  if (last_.empty()) {
    if (now >= part_end_) move_on(now);
    in_part_[next_] += tally_of(bits);
  } else {
    if (sums_.calls == last_.size()) sums_ -= tally_of(last_[next_]);
    last_[next_] = bits;
    if (++next_ == last_.size()) next_ = 0;
  }
  sums_ += tally_of(bits);
}

// To the part that `now` is in.
void call_window::move_on(time_point now) noexcept {
  if (part_end_ == unknown) {
    part_end_ = add(now, part_);
    return;
  }
  const std::int64_t steps = (now - part_end_) / part_ + 1;
  if (steps >= static_cast<std::int64_t>(parts)) {
    in_part_.fill({});
    sums_ = {};
  } else {
    for (std::int64_t i = 0; i < steps; ++i) {
      next_ = (next_ + 1) % parts;
      sums_ -= in_part_[next_];
      in_part_[next_] = {};
    }
  }
  part_end_ = add(part_end_, part_ * steps);
}

void call_window::clear() noexcept {
  sums_ = {};
  next_ = 0;
  in_part_.fill({});
  part_end_ = unknown;
}

}  // namespace rondo::detail
