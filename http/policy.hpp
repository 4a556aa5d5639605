// What stands between a client and the network: retries, breakers, limits. An interface, so that
// the client needs none of them; http/resilience.hpp has the recommended stack.
//
//   struct twice final : http::request_policy {
//     task<http::response> run(http::policy_call call) override {
//       try { co_return co_await call.attempt(); } catch (const http::connect_error&) {}
//       co_return co_await call.attempt();
//     }
//   };
//   http::client c(http::client_options().policy(std::make_shared<twice>()));
#pragma once

#include <rondo/http/response.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/task.hpp>

#include <string>

namespace rondo::http {

namespace detail {
class exchange;
}

// One request to one origin; of a send() with redirects there is one call for each.
class policy_call {
 public:
  [[nodiscard]] const std::string& method() const noexcept;
  [[nodiscard]] const http::url& url() const noexcept;
  // RFC 9110, section 9.2.2: sending it twice does what sending it once does.
  [[nodiscard]] bool idempotent() const noexcept;
  // Its body, if it has one, can be sent once more.
  [[nodiscard]] bool may_send_body_again() const noexcept;
  // RFC 9110, section 9.2.1: it asks for nothing to be done. And it has no body.
  [[nodiscard]] bool may_be_doubled() const noexcept;
  // Sends it and completes with the head of the response; throws http::error. One at a time.
  // Cancelled: the attempt's connection is closed.
  task<response> attempt();
  // The same, thrown and cancelled likewise, and several may run side by side, each with a copy of
  // the request. Precondition: may_be_doubled().
  task<response> attempt_apart();

 private:
  friend class detail::exchange;
  explicit policy_call(detail::exchange& e) noexcept : exchange_(&e) {}
  detail::exchange* exchange_;
};

class request_policy {
 public:
  request_policy() = default;
  request_policy(const request_policy&) = delete;
  request_policy& operator=(const request_policy&) = delete;
  virtual ~request_policy() = default;
  // Gives the response that the caller gets, or throws. Shared by all requests of a client, side by
  // side. The times that are set for phases count for each attempt, the total for all of them.
  // Cancelled with the request.
  virtual task<response> run(policy_call call) = 0;
};

}  // namespace rondo::http
