// Middleware: who may ask. Basic (RFC 7617) and Bearer (RFC 6750).
//
//   s.use(http::basic_auth("the archive", {{"ada", secret}}));
//   api.use(http::bearer_auth("api", [&](std::string_view token) { return tokens.knows(token); }));
//   …
//   const std::string& user = r.find<http::authenticated>()->user;
//
// Whoever brings no credentials, or others, gets 401 with a challenge; the handler is not asked and
// the request's body is not read. What Basic sends is readable for everybody on the way: use TLS.
//
// Secrets that are given here are compared in a time that does not tell how much of them was right.
#pragma once

#include <rondo/http/middleware.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo::http {

// What a link of authentication leaves for the handler.
struct authenticated {
  std::string user;  // of Bearer: the token
};

namespace detail {

// Whether these are somebody's.
struct credential_check {
  credential_check() = default;
  credential_check(const credential_check&) = delete;
  credential_check& operator=(const credential_check&) = delete;
  virtual ~credential_check() = default;
  virtual task<bool> holds(std::string_view user, std::string_view secret) = 0;
};

// Calls what gives a bool, or a task<bool>.
template <class Fn>
struct typed_check final : credential_check {
  explicit typed_check(Fn f) : fn(std::move(f)) {}
  task<bool> holds(std::string_view user, std::string_view secret) override {
    if constexpr (std::is_invocable_r_v<task<bool>, Fn&, std::string_view, std::string_view>)
      return fn(user, secret);
    else if constexpr (std::is_invocable_r_v<task<bool>, Fn&, std::string_view>)
      return fn(secret);
    else
      return at_once(user, secret);
  }
  task<bool> at_once(std::string_view user, std::string_view secret) {
    if constexpr (std::is_invocable_v<Fn&, std::string_view, std::string_view>)
      co_return fn(user, secret);
    else
      co_return fn(secret);
  }
  Fn fn;
};

// A quoted string. Throws std::invalid_argument for what it cannot hold.
std::string quoted_realm(std::string_view realm);

}  // namespace detail

using credential_list = std::vector<std::pair<std::string, std::string>>;

class basic_auth {
 public:
  // `check` is (std::string_view user, std::string_view password) -> bool or task<bool>; what it is
  // given lives until it has ended. Throws std::invalid_argument for a realm with a control byte.
  template <class Check>
    requires(!std::is_convertible_v<Check, credential_list>)
  basic_auth(std::string_view realm, Check check)
      : realm_(detail::quoted_realm(realm)),
        check_(std::make_shared<detail::typed_check<Check>>(std::move(check))) {}
  // These users and passwords.
  basic_auth(std::string_view realm, credential_list users);

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::string realm_;
  std::shared_ptr<detail::credential_check> check_;
};

class bearer_auth {
 public:
  // `check` is (std::string_view token) -> bool or task<bool>.
  template <class Check>
    requires(!std::is_convertible_v<Check, std::vector<std::string>>)
  bearer_auth(std::string_view realm, Check check)
      : realm_(detail::quoted_realm(realm)),
        check_(std::make_shared<detail::typed_check<Check>>(std::move(check))) {}
  // These tokens.
  bearer_auth(std::string_view realm, std::vector<std::string> tokens);

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::string realm_;
  std::shared_ptr<detail::credential_check> check_;
};

// Whether both are the same, in a time that depends on the length of `given` alone.
[[nodiscard]] bool equal_in_constant_time(std::string_view secret, std::string_view given) noexcept;

}  // namespace rondo::http
