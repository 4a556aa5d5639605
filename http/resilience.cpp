#include <rondo/http/errors.hpp>
#include <rondo/http/resilience.hpp>
#include <rondo/patterns/hedge.hpp>
#include <rondo/patterns/rejection.hpp>
#include <rondo/patterns/retry_after.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <unordered_map>

namespace rondo::http {
namespace {

// What the end of an attempt means.
struct judgement {
  verdict for_breaker = verdict::neutral;
  bool passes = false;         // trying again may help
  bool never_reached = false;  // the server has seen nothing: even POST may go again
  std::optional<std::chrono::nanoseconds> retry_after;
};

std::optional<std::chrono::nanoseconds> retry_after_of(const headers& fields) {
  const auto value = fields.get("retry-after");
  return value ? parse_retry_after(*value) : std::nullopt;
}

judgement judge(const response& r) {
  switch (r.status()) {
    case 500: return {.for_breaker = verdict::failure, .retry_after = {}};
    case 502:
    case 503:
    case 504:
      return {.for_breaker = verdict::failure,
              .passes = true,
              .retry_after = retry_after_of(r.headers())};
    case 429: return {.passes = true, .retry_after = retry_after_of(r.headers())};
    default: return {.for_breaker = verdict::success, .retry_after = {}};
  }
}

judgement judge(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const connect_error& e) {
    const bool by_the_guard = e.code() == std::errc::permission_denied;
    const bool before = e.phase() == phase::connect || e.phase() == phase::resolve;
    if (by_the_guard) return {};
    return {.for_breaker = verdict::failure,
            .passes = true,
            .never_reached = before,
            .retry_after = {}};
  } catch (const timeout_error& e) {
    if (e.phase() == phase::pool) return {};  // our own line, not the server
    return {.for_breaker = verdict::failure,
            .passes = true,
            .never_reached = e.phase() == phase::connect,
            .retry_after = {}};
  } catch (const tls_error&) {
    return {.for_breaker = verdict::failure, .retry_after = {}};
  } catch (const protocol_error&) {
    return {.for_breaker = verdict::failure, .retry_after = {}};
  } catch (...) {
    return {};  // the request's own fault, or its body's
  }
}

// What a failure was, in a few words.
std::string text_of(const std::exception_ptr& error, const std::optional<response>& answer) {
  if (answer) return "the server answered " + std::to_string(answer->status());
  try {
    std::rethrow_exception(error);
  } catch (const http::error& e) {
    return std::string(e.message());
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an unknown exception";
  }
}

constexpr double budget_tokens = 10;
constexpr double tokens_for_a_success = 0.1;

}  // namespace

struct standard_stack::state {
  explicit state(const resilience_options& o) : options(o) {}

  struct entry {
    std::unique_ptr<circuit_breaker> breaker;
    std::exception_ptr last;  // failure; null: an answer
    std::string last_text;
  };

  entry& of(const std::string& origin) {
    const auto found = breakers.find(origin);
    if (found != breakers.end()) return found->second;
    if (breakers.size() >= options.max_origins_) {
      const auto spare = std::ranges::find_if(breakers, [](const auto& b) {
        const circuit_breaker& of_it = *b.second.breaker;
        return of_it.current() == circuit_breaker::state::closed && of_it.in_use() == 0;
      });
      if (spare != breakers.end()) breakers.erase(spare);  // else one more than wanted
    }
    circuit_breaker::options o;
    o.consecutive_failures(options.consecutive_failures_).open_for(options.open_for_);
    return breakers
        .emplace(origin, entry{std::make_unique<circuit_breaker>(std::move(o)), nullptr, {}})
        .first->second;
  }
  [[noreturn]] void refuse(const std::string& origin, rejection why) {
    ++counts.refused;
    const entry& e = of(origin);
    std::string text =
        origin + " is not asked: its circuit breaker " +
        (why.reason == rejection_reason::probe_busy ? "is trying a call already" : "is open");
    if (!e.last_text.empty()) text += ", after: " + e.last_text;
    throw rejected_error(why, text, e.last);
  }

  resilience_options options;
  std::unordered_map<std::string, entry> breakers;
  double tokens = budget_tokens;
  resilience_counts counts;
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

namespace {

// One of two requests. A failure of the first is the answer: whether to try again is for who waits
// for it.
task<response> send_one(policy_call call, bool first, bool& first_failed) {
  try {
    co_return co_await call.attempt_apart();
  } catch (...) {
    if (first) first_failed = true;
    throw;
  }
}

}  // namespace

task<response> standard_stack::send_perhaps_twice(policy_call call) {
  state& s = *state_;
  if (!s.options.hedge_after_ || !call.may_be_doubled()) co_return co_await call.attempt();
  int made = 0;
  bool first_failed = false;
  hedge twice(hedge::options().delay(*s.options.hedge_after_));
  const auto send = [&]() -> task<response> {
    const bool first = made++ == 0;
    if (!first) {
      if (first_failed || s.tokens < budget_tokens / 2)
        throw rejected({.reason = rejection_reason::budget_exhausted, .retry_after = {}});
      s.tokens -= 1;
      ++s.counts.hedged;
    }
    return send_one(call, first, first_failed);
  };
  co_return co_await twice(send);
}

task<response> standard_stack::run(policy_call call) {
  state& s = *state_;
  ++s.counts.calls;
  const std::string origin = call.url().origin();
  rondo::backoff delays = s.options.delays_.branch();
  for (int attempt = 1;; ++attempt) {
    std::optional<response> answer;
    std::exception_ptr error;
    judgement j;
    {
      circuit_breaker::permit permit = s.of(origin).breaker->admit(this_loop().now());
      if (!permit) s.refuse(origin, permit.refusal());
      try {
        answer = co_await send_perhaps_twice(call);
        j = judge(*answer);
      } catch (...) {
        error = std::current_exception();
        j = judge(error);
      }
      if (j.for_breaker == verdict::failure) {
        state::entry& e = s.of(origin);
        e.last = error;
        e.last_text = text_of(error, answer);
      }
      permit.settle(j.for_breaker, this_loop().now());
    }
    if (j.for_breaker == verdict::success)
      s.tokens = std::min(budget_tokens, s.tokens + tokens_for_a_success);

    bool again = j.passes && attempt < s.options.max_attempts_ && call.may_send_body_again() &&
                 (call.idempotent() || j.never_reached);
    if (again && s.tokens < budget_tokens / 2) {
      ++s.counts.budget_spent;
      again = false;
    }
    std::chrono::nanoseconds delay = delays.next();
    if (j.retry_after) {
      again = again && *j.retry_after <= s.options.longest_retry_after_;
      delay = std::max(delay, *j.retry_after);
    }
    if (again)
      if (const auto left = remaining_time()) again = delay < *left;
    if (!again) {
      if (error) std::rethrow_exception(error);
      co_return std::move(*answer);
    }
    s.tokens -= 1;
    ++s.counts.retries;
    answer.reset();  // its connection is given up before we wait
    co_await sleep_for(delay);
  }
}

circuit_breaker::state standard_stack::state_of(const std::string& origin) const {
  const auto found = state_->breakers.find(origin);
  return found == state_->breakers.end() ? circuit_breaker::state::closed
                                         : found->second.breaker->current();
}

const resilience_counts& standard_stack::counts() const noexcept { return state_->counts; }

std::shared_ptr<standard_stack> standard_policies(resilience_options options) {
  return std::make_shared<standard_stack>(options);
}

}  // namespace rondo::http
