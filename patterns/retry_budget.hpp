// retry_budget: how many retries (or hedges) a group of callers may make together.
//
//   auto budget = std::make_shared<retry_budget>();  // 10 tokens, 0.1 for a success
//   // a fifth of the calls
//   auto other = std::make_shared<retry_budget>(retry_budget_options::share(0.2));
//   retry again = retry().budget(budget);  // any number of policies share it
//
// Retries of single callers multiply the load of a server that is failing already. A budget bounds
// what all callers add: while calls succeed it is full, when they fail it is soon spent, and then
// every call is made once. Two kinds:
//
//   tokens   a failed attempt takes one token, a success gives a part of one back; no retry while
//            half of them or less is left. Source: gRFC A6, "gRPC Retry Design" (throttling of
//            retries).
//   share    retries within a time are at most a share of the calls in it, and a few besides for
//            callers with little to do. Source: Finagle's RetryBudget.
//
// Tokens follow failures, so they do not bound what hedge adds: a callee that is slow and fails
// nobody takes none, and each call may be made twice. For hedges there is the share. A retry that
// is cancelled before it begins counts for nothing.
//
// retry_budget serves one loop's thread; shared_retry_budget any number of threads. They are the
// same, on a plain or an atomic word (word.hpp).
#pragma once

#include <rondo/patterns/parts/word.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rondo {

class retry_budget_options {
 public:
  // `most` tokens, of which a success gives `per_success` back; counted in thousandths. Throws
  // std::invalid_argument unless 0 < most <= 1,000,000 and 0 <= per_success <= most.
  static retry_budget_options tokens(double most = 10, double per_success = 0.1);
  // Retries within `window` are at most `of_calls` times the calls begun in it, and `at_least`
  // besides. The window moves in tenths. Throws std::invalid_argument unless 0 <= of_calls <= 1000
  // and the window is at least 10 ns.
  template <class Rep, class Period>
  static retry_budget_options share(double of_calls, std::chrono::duration<Rep, Period> window,
                                    std::uint32_t at_least = 10) {
    return share_of(of_calls, detail::saturate(window), at_least);
  }
  static retry_budget_options share(double of_calls) {
    return share_of(of_calls, std::chrono::seconds(10), 10);
  }

 private:
  template <class>
  friend class basic_retry_budget;
  static retry_budget_options share_of(double of_calls, std::chrono::nanoseconds window,
                                       std::uint32_t at_least);

  std::int64_t most_ = 0;  // of all that follows, in thousandths
  std::int64_t per_success_ = 0;
  std::int64_t of_calls_ = 0;
  std::int64_t at_least_ = 0;
  std::chrono::nanoseconds slice_{};  // zero: tokens
};

namespace detail {

// What retry and hedge ask of a budget.
class attempt_budget {
 public:
  virtual ~attempt_budget() = default;
  // A call begins (not each attempt of it).
  virtual void began(time_point now) noexcept = 0;
  // An attempt ended; neutral ends are not told.
  virtual void succeeded() noexcept = 0;
  virtual void failed() noexcept = 0;
  // One more attempt is wanted. True: it counts as made.
  virtual bool allows_another(time_point now) noexcept = 0;
  // What was allowed at `then` was not made after all.
  virtual void not_made(time_point then) noexcept = 0;
};

}  // namespace detail

// `Word` says whether it is one loop's or everybody's.
template <class Word>
class basic_retry_budget final : public detail::attempt_budget {
 public:
  using time_point = detail::time_point;

  explicit basic_retry_budget(
      const retry_budget_options& o = retry_budget_options::tokens()) noexcept
      : options_(o), tokens_(o.most_) {}
  basic_retry_budget(const basic_retry_budget&) = delete;
  basic_retry_budget& operator=(const basic_retry_budget&) = delete;

  void began(time_point now) noexcept override {
    if (by_share()) count(now, one_call);
  }
  void succeeded() noexcept override {
    if (by_share()) return;
    tokens_.change([this](std::int64_t& t) {
      if (t == options_.most_) return false;  // nearly always
      t = t + options_.per_success_ < options_.most_ ? t + options_.per_success_ : options_.most_;
      return true;
    });
  }
  void failed() noexcept override {
    if (by_share()) return;
    tokens_.change([](std::int64_t& t) {
      t = t < 1000 ? 0 : t - 1000;
      return true;
    });
  }
  bool allows_another(time_point now) noexcept override {
    if (by_share() ? within_share(now) : tokens_.load() * 2 > options_.most_) return true;
    refused_.change([](std::int64_t& n) {
      ++n;
      return true;
    });
    return false;
  }
  void not_made(time_point then) noexcept override {
    if (by_share()) count(then, -one_retry);
  }

  // Tokens left. Meaningless for a share.
  double tokens() const noexcept { return static_cast<double>(tokens_.load()) / 1000; }
  // How often one more attempt was wanted and not allowed.
  std::uint64_t refused() const noexcept { return static_cast<std::uint64_t>(refused_.load()); }

 private:
  // A slice of the window in one word: 24 bits say which turn of the ring it is from, 20 count
  // calls, 20 count retries. A count stays at its most, which takes a million calls in a tenth of
  // the window.
  static constexpr std::size_t slices = 10;
  static constexpr std::int64_t one_retry = 1;
  static constexpr std::int64_t one_call = std::int64_t{1} << 20;
  static constexpr std::int64_t most_in_slice = one_call - 1;
  struct sums {
    std::int64_t calls = 0;
    std::int64_t retries = 0;
  };

  bool by_share() const noexcept { return options_.slice_ != std::chrono::nanoseconds::zero(); }
  std::uint64_t slice_at(time_point now) const noexcept {
    return static_cast<std::uint64_t>(now.time_since_epoch() / options_.slice_);
  }
  static std::int64_t turn_of(std::uint64_t slice) noexcept {
    return static_cast<std::int64_t>(slice / slices & 0xff'ffff);
  }
  static std::int64_t calls_in(std::int64_t w) noexcept { return w >> 20 & most_in_slice; }
  static std::int64_t retries_in(std::int64_t w) noexcept { return w & most_in_slice; }
  static std::int64_t turn_in(std::int64_t w) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(w) >> 40);
  }

  void count(time_point now, std::int64_t what) noexcept {
    const std::uint64_t slice = slice_at(now);
    ring_[slice % slices].change([&](std::int64_t& w) {
      std::int64_t next = w;
      if (turn_in(w) != turn_of(slice))
        next = static_cast<std::int64_t>(static_cast<std::uint64_t>(turn_of(slice)) << 40);
      const std::int64_t before = what == one_call ? calls_in(next) : retries_in(next);
      if (what > 0 ? before == most_in_slice : before == 0) return false;
      w = next + what;
      return true;
    });
  }
  bool within_share(time_point now) noexcept {
    // Counted first and taken back: several threads at once never exceed the share.
    count(now, one_retry);
    const sums s = within(now);
    if (s.retries * 1000 <= s.calls * options_.of_calls_ + options_.at_least_) return true;
    count(now, -one_retry);
    return false;
  }
  sums within(time_point now) const noexcept {
    sums s;
    const std::uint64_t last = slice_at(now);
    for (std::uint64_t back = 0; back < slices && back <= last; ++back) {
      const std::int64_t w = ring_[(last - back) % slices].load();
      if (turn_in(w) != turn_of(last - back)) continue;
      s.calls += calls_in(w);
      s.retries += retries_in(w);
    }
    return s;
  }

  retry_budget_options options_;
  Word tokens_;
  Word refused_;
  std::array<Word, slices> ring_{};
};

using retry_budget = basic_retry_budget<detail::plain_word>;
using shared_retry_budget = basic_retry_budget<detail::atomic_word>;

}  // namespace rondo
