#include <rondo/http/errors.hpp>
#include <rondo/http/resilience.hpp>
#include <rondo/patterns/compose.hpp>
#include <rondo/patterns/hedge.hpp>
#include <rondo/patterns/keyed.hpp>
#include <rondo/patterns/retry.hpp>
#include <rondo/patterns/retry_after.hpp>
#include <rondo/patterns/retry_budget.hpp>
#include <rondo/runtime/as_result.hpp>

#include <optional>
#include <stdexcept>
#include <system_error>

namespace rondo::http {
namespace {

// What the end of an attempt means.
struct meaning {
  verdict of_the_origin = verdict::neutral;
  bool passes = false;         // trying again may help
  bool never_reached = false;  // the server has seen nothing: even POST may go again
  std::optional<std::chrono::nanoseconds> retry_after{};
};

// The end of an attempt as the policies see it: a value whatever became of it, so that what it
// means is found out once, where the request is known.
struct attempt_end {
  outcome<response> result;
  meaning means;
  bool may_go_again;
};

std::optional<std::chrono::nanoseconds> retry_after_of(const headers& fields) {
  const auto value = fields.get("retry-after");
  return value ? parse_retry_after(*value) : std::nullopt;
}

meaning meaning_of(const response& r) {
  switch (r.status()) {
    case 500: return {.of_the_origin = verdict::failure};
    case 502:
    case 503:
    case 504:
      return {.of_the_origin = verdict::failure,
              .passes = true,
              .retry_after = retry_after_of(r.headers())};
    case 429: return {.passes = true, .retry_after = retry_after_of(r.headers())};
    default: return {.of_the_origin = verdict::success};
  }
}

meaning meaning_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const connect_error& e) {
    if (e.code() == std::errc::permission_denied) return {};  // by the guard
    return {.of_the_origin = verdict::failure,
            .passes = true,
            .never_reached = e.phase() == phase::connect || e.phase() == phase::resolve};
  } catch (const timeout_error& e) {
    if (e.phase() == phase::pool) return {};  // our own line, not the server
    return {.of_the_origin = verdict::failure,
            .passes = true,
            .never_reached = e.phase() == phase::connect};
  } catch (const tls_error&) {
    return {.of_the_origin = verdict::failure};
  } catch (const protocol_error&) {
    return {.of_the_origin = verdict::failure};
  } catch (...) {
    return {};  // the request's own fault, or its body's
  }
}

// What a failure was, in a few words.
std::string in_words(const outcome<response>& failed) {
  if (failed.has_value()) return "the server answered " + std::to_string(failed.value().status());
  try {
    std::rethrow_exception(failed.error());
  } catch (const http::error& e) {
    return std::string(e.message());
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an unknown exception";
  }
}

// What the policies are told of an end. A 429 says that this caller asks too often, not that the
// origin is ill: it is tried again, and no breaker counts it.
verdict for_breaker(const outcome<attempt_end>& o) {
  return o.has_value() ? o.value().means.of_the_origin : verdict::neutral;
}
verdict for_retry(const outcome<attempt_end>& o) {
  return o.has_value() && o.value().means.passes ? verdict::failure : for_breaker(o);
}
// Of a failure.
std::optional<std::chrono::nanoseconds> asked_for(const outcome<attempt_end>& o) {
  return o.value().means.retry_after;
}
std::optional<std::chrono::nanoseconds> delay_if_it_may_go_again(const retry_step& step,
                                                                 const outcome<attempt_end>& o) {
  return o.value().may_go_again ? std::optional(step.delay) : std::nullopt;
}

// What the origins share.
struct shared_policies {
  circuit_breaker::options breaker;
  retry again;
  std::optional<hedge> twice{};
};

// What stands between the client and one origin.
class origin_policies {
 public:
  explicit origin_policies(shared_policies& p)
      : breaker_(p.breaker), stack_(compose(p.again, breaker_)) {
    if (p.twice) doubling_stack_.emplace(compose(p.again, breaker_, *p.twice));
  }

  task<outcome<attempt_end>> run(policy_call call) {
    if (doubling_stack_ && call.may_be_doubled())
      return doubling_stack_->run(
          [this, call]() mutable { return send(call, call.attempt_apart()); });
    return stack_.run([this, call]() mutable { return send(call, call.attempt()); });
  }

  [[nodiscard]] circuit_breaker::state state() const noexcept { return breaker_.current(); }
  // For keyed.
  [[nodiscard]] rondo::detail::replaceable replaceable(
      rondo::detail::time_point now) const noexcept {
    return breaker_.replaceable(now);
  }
  [[noreturn]] void refuse(const std::string& origin, rejection why) const {
    std::string text =
        origin + " is not asked: its circuit breaker " +
        (why.reason == rejection_reason::probe_busy ? "is trying a call already" : "is open");
    if (!last_text_.empty()) text += ", after: " + last_text_;
    throw rejected_error(why, text, last_);
  }

 private:
  task<attempt_end> send(policy_call call, task<response> attempt) {
    outcome<response> result = co_await as_result(std::move(attempt));
    const meaning means =
        result.has_value() ? meaning_of(result.value()) : meaning_of(result.error());
    if (means.of_the_origin == verdict::failure) {
      last_ = result.error();
      last_text_ = in_words(result);
    }
    const bool may_go_again =
        means.passes && call.may_send_body_again() && (call.idempotent() || means.never_reached);
    co_return attempt_end{std::move(result), means, may_go_again};
  }

  circuit_breaker breaker_;
  decltype(compose(retry(), std::declval<circuit_breaker&>())) stack_;
  std::optional<decltype(compose(retry(), std::declval<circuit_breaker&>(),
                                 std::declval<hedge&>()))>
      doubling_stack_;
  std::exception_ptr last_;  // failure; null: an answer
  std::string last_text_;
};

}  // namespace

struct standard_stack::state {
  explicit state(const resilience_options& o)
      : policies{.breaker = circuit_breaker::options()
                                .consecutive_failures(o.consecutive_failures_)
                                .open_for(o.open_for_)
                                .classify(for_breaker),
                 .again = retry()
                              .max_attempts(o.max_attempts_)
                              .backoff(o.delays_)
                              .retry_if(for_retry)
                              .retry_after(asked_for)
                              .max_retry_after(o.longest_retry_after_)
                              .decide(delay_if_it_may_go_again)
                              .on_retry([this](std::uint64_t, std::chrono::nanoseconds,
                                               const std::exception_ptr&) { ++counts.retries; })
                              .budget(budget)},
        origins(o.max_origins_, [this](const std::string&) { return origin_policies(policies); }) {
    if (o.hedge_after_)
      policies.twice.emplace(
          hedge::options()
              .delay(*o.hedge_after_)
              .only_when_slow()
              .classify(for_retry)
              .budget(std::make_shared<retry_budget>(retry_budget_options::share(0.1))));
  }

  resilience_counts counts;
  std::shared_ptr<retry_budget> budget = std::make_shared<retry_budget>();
  shared_policies policies;
  keyed<origin_policies> origins;
};

resilience_options& resilience_options::max_attempts(int n) {
  if (n < 1) throw std::invalid_argument("resilience_options::max_attempts must be at least 1");
  max_attempts_ = n;
  return *this;
}

resilience_options& resilience_options::consecutive_failures(rondo::detail::amount32 n) {
  if (n == 0)
    throw std::invalid_argument("resilience_options::consecutive_failures must be at least 1");
  consecutive_failures_ = n;
  return *this;
}

resilience_options& resilience_options::set_hedge(std::chrono::nanoseconds d) {
  if (d < std::chrono::nanoseconds::zero())
    throw std::invalid_argument("resilience_options::hedge_after must not be negative");
  hedge_after_ = d;
  return *this;
}

resilience_options& resilience_options::max_origins(rondo::detail::amount n) {
  if (n == 0) throw std::invalid_argument("resilience_options::max_origins must be at least 1");
  max_origins_ = n;
  return *this;
}

standard_stack::standard_stack(resilience_options options)
    : state_(std::make_unique<state>(options)) {}
standard_stack::~standard_stack() = default;

task<response> standard_stack::run(policy_call call) {
  state& s = *state_;
  ++s.counts.calls;
  const std::string origin = call.url().origin();
  const auto kept = s.origins.get(origin);
  std::unique_ptr<origin_policies> not_kept;  // when all that are kept are open or in use
  if (!kept) not_kept = std::make_unique<origin_policies>(s.policies);
  origin_policies& policies = kept ? *kept : *not_kept;
  outcome<attempt_end> end = co_await policies.run(call);
  if (const auto why = rejection::of(end)) {
    ++s.counts.refused;
    policies.refuse(origin, *why);
  }
  co_return std::move(end).value().result.value();
}

circuit_breaker::state standard_stack::state_of(const std::string& origin) const {
  const auto known = state_->origins.find(origin);
  return known ? known->state() : circuit_breaker::state::closed;
}

const resilience_counts& standard_stack::counts() const noexcept {
  state_->counts.budget_spent = state_->budget->refused();
  if (state_->policies.twice) state_->counts.hedged = state_->policies.twice->totals().hedged;
  return state_->counts;
}

std::shared_ptr<standard_stack> standard_policies(resilience_options options) {
  return std::make_shared<standard_stack>(options);
}

}  // namespace rondo::http
