#include <rondo/http/errors.hpp>
#include <rondo/http/request_limits.hpp>
#include <rondo/runtime/scope.hpp>

#include <charconv>
#include <string>

namespace rondo::http {

task<server_response> body_limit::operator()(server_request& r, next& rest) const {
  // The parser has seen that it is a number.
  const std::string_view said = r.headers().get("Content-Length").value_or("0");
  std::uint64_t size = 0;
  std::from_chars(said.data(), said.data() + said.size(), size);
  if (size > most_)
    r.refuse_body(body_error(body_error::reason::too_large, "the request's body is larger than " +
                                                                std::to_string(most_) + " bytes"));
  r.max_body(most_);
  co_return co_await rest(r);
}

task<server_response> time_limit::operator()(server_request& r, next& rest) const {
  auto answer = co_await try_for(after_, rest(r));
  if (!answer) co_return server_response::text("the answer took too long\n", 503);
  co_return std::move(*answer);
}

}  // namespace rondo::http
