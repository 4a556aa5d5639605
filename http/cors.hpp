// Middleware: which pages of other sites may read what this server answers (CORS, Fetch standard,
// section 3.2).
//
//   s.use(http::cors().origin("https://app.example").credentials().expose("X-Total"));
//   s.use(http::cors().any_origin());
//
// A preflight of an allowed origin is answered here with 204, whatever routes there are; all else
// goes on to the rest, and its answer gets the fields that let the page read it. An origin that is
// not allowed gets the same answer without them: it is the browser that keeps it from the page, and
// who is no browser is held up by nothing. So it is no protection of what a request does.
//
// Errors have the fields too only if they are responses here: put error_pages inside of this link.
// Before a link of authentication, because a preflight brings no credentials.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rondo::http {

class cors {
 public:
  // Allows this origin: "https://app.example", "http://localhost:3000"; compared byte by byte.
  // Throws std::invalid_argument for what no browser sends so: without scheme, with a path, with
  // upper case in it. "null", which anybody's page can have, is taken when it is said.
  cors& origin(std::string_view text);
  // Any page may read. Throws std::invalid_argument together with credentials().
  cors& any_origin();
  // Whether requests with cookies or Authorization may be read. No. Throws std::invalid_argument
  // together with any_origin(): every site could act as the user.
  cors& credentials(bool on = true);
  // Methods that a page may use beyond GET, HEAD and POST, which it may always. Nothing: those that
  // it asks for. Throws std::invalid_argument for what is no token.
  cors& method(std::string_view name);
  // Fields that a page may set beyond the safe ones. Nothing: those that it asks for.
  cors& request_field(std::string_view name);
  // Fields of the response that a page may read beyond the safe ones.
  cors& expose(std::string_view name);
  // How long a browser may keep the answer to a preflight. 10 minutes.
  template <class Rep, class Period>
  cors& max_age(std::chrono::duration<Rep, Period> d) {
    max_age_ = std::chrono::duration_cast<std::chrono::seconds>(rondo::detail::saturate(d));
    return *this;
  }

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  // The origin that asks, when it is allowed; else empty.
  std::string_view allowed_origin(const server_request& r) const;
  void let_read(server_response& answer, std::string_view origin) const;
  server_response preflight(const server_request& r, std::string_view origin) const;

  std::vector<std::string> origins_;
  bool any_ = false;
  bool credentials_ = false;
  std::string methods_;
  std::string request_fields_;
  std::string exposed_;
  std::chrono::seconds max_age_ = std::chrono::minutes(10);
};

}  // namespace rondo::http
