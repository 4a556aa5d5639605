#include <rondo/patterns/hedge.hpp>

#include <stdexcept>

namespace rondo {
namespace detail {

void hedge_wait::add(hedge_attempt& a) noexcept {
  hedge_attempt** end = &first_;
  while (*end) end = &(*end)->next;
  *end = &a;
  if (a.ended) return;
  ++running_;
  a.call->start(*this);
}

void hedge_wait::set_delay(nanoseconds d) noexcept {
  this_core().timers().disarm(*this);
  due_ = false;
  if (d == nanoseconds::max()) return;
  this_core().timers().arm(*this, d);
}

hedge_attempt* hedge_wait::next_ended() noexcept {
  for (hedge_attempt* a = first_; a; a = a->next)
    if (a->ended && !a->seen) {
      a->seen = true;
      return a;
    }
  return nullptr;
}

void hedge_wait::decide() noexcept {
  decided_ = true;
  this_core().timers().disarm(*this);
  cancel_running();
}

bool hedge_wait::begin(job& parent) noexcept {
  waiting_ = true;
  parent.wait_on(*this);
  if (parent.must_stop()) cancel(parent);
  return false;
}

void hedge_wait::cancel(job&) noexcept {
  if (decided_) return;
  outside_ = true;
  this_core().timers().disarm(*this);
  cancel_running();
}

void hedge_wait::describe(wait_visitor& v) const {
  v.waits_for("a hedge");
  for (const hedge_attempt* a = first_; a; a = a->next)
    if (!a->ended) v.child(*a->call, "call");
}

void hedge_wait::cancel_running() noexcept {
  for (hedge_attempt* a = first_; a; a = a->next)
    if (!a->ended) a->call->cancel();
}

void hedge_wait::on_end(job& j) noexcept {
  for (hedge_attempt* a = first_; a; a = a->next)
    if (a->call == &j) {
      a->ended = true;
      a->call->settle();
    }
  stopped_ |= outside_ && j.stopped();
  --running_;
  if ((decided_ || outside_) && running_ > 0) return;
  if (stopped_ && !decided_)
    parent_->wake_stopped();
  else
    wake();
}

void hedge_wait::wake() noexcept {
  if (!waiting_) return;  // it has been woken, and will see
  waiting_ = false;
  parent_->wake();
}

void hedge_wait::fired(timer& t) noexcept {
  auto& self = static_cast<hedge_wait&>(t);
  self.due_ = true;
  self.wake();
}

}  // namespace detail

// --- options -------------------------------------------------------------------------------------

std::chrono::nanoseconds hedge::options::checked(std::chrono::nanoseconds d) {
  if (d < std::chrono::nanoseconds::zero())
    throw std::invalid_argument("hedge: the delay must not be negative");
  return d;
}

hedge::options& hedge::options::quantile(double q) & {
  if (!(q > 0 && q < 1))
    throw std::invalid_argument("hedge: the quantile must lie between 0 and 1, both excluded");
  quantile_ = q;
  return *this;
}

hedge::options& hedge::options::max_calls(detail::amount32 n) & {
  if (n < 2)
    throw std::invalid_argument("hedge: with fewer than 2 calls there is nothing to hedge");
  if (n > 16) throw std::invalid_argument("hedge: more than 16 calls side by side are an attack");
  max_calls_ = n;
  return *this;
}

hedge::options& hedge::options::share(std::shared_ptr<detail::attempt_budget> b) {
  if (!b) throw std::invalid_argument("hedge: the budget must be there");
  budget_ = std::move(b);
  return *this;
}

// --- hedge ---------------------------------------------------------------------------------------

hedge::hedge() : hedge(options().quantile(0.95)) {}

hedge::hedge(options o)
    : max_calls_(o.max_calls_),
      quantile_(o.quantile_),
      delay_(o.delay_),
      after_failures_(o.after_failures_),
      classifier_(std::move(o.classifier_)),
      budget_(std::move(o.budget_)),
      latencies_(quantile_ > 0 ? std::make_unique<detail::latency_window>() : nullptr) {}

std::optional<std::chrono::nanoseconds> hedge::current_delay() const noexcept {
  constexpr std::size_t enough = 20;
  if (latencies_ && latencies_->size() >= enough) return latencies_->quantile(quantile_);
  if (delay_ == nanoseconds::max()) return std::nullopt;
  return delay_;
}

hedge::part hedge::part_of(const detail::call_result& r, bool first) const {
  if (r.has_value() && !classifier_) {
    if (budget_) budget_->succeeded();
    return part::decides;
  }
  const auto [how, why, says] = detail::judge(r, classifier_);
  if (how == detail::ending::rejected && says == verdict::neutral && !first) return part::refused;
  if (budget_ && says == verdict::success) budget_->succeeded();
  if (budget_ && says == verdict::failure) budget_->failed();
  return says == verdict::failure ? part::failed : part::decides;
}

bool hedge::allows_another(std::uint32_t made) noexcept {
  if (made >= max_calls_ || detail::current_job().must_stop()) return false;
  if (budget_ && !budget_->allows_another(this_loop().now())) return false;
  ++counts_.hedged;
  return true;
}

void hedge::observe(nanoseconds latency) noexcept {
  if (latencies_) latencies_->add(latency);
}

}  // namespace rondo
