#include <rondo/http/error_pages.hpp>
#include <rondo/runtime/loop.hpp>

#include <exception>

namespace rondo::http {

task<server_response> error_pages::operator()(server_request& r, next& rest) const {
  static constexpr int nobody_is_left = 499;
  static constexpr int first_of_ours = 500;  // the statuses from here on are no client's fault
  int status = 0;
  try {
    server_response answer = co_await rest(r);
    if (!r.route().empty() || answer.status() < 400) co_return answer;
    server_response page = page_->make(r, answer.status());
    if (const auto allow = answer.headers().get("Allow")) page.header("Allow", *allow);
    co_return page;
  } catch (...) {
    status = r.status_for(std::current_exception());
    if (status == nobody_is_left) throw;
    if (status >= first_of_ours) rondo::detail::report_unhandled(std::current_exception());
  }
  co_return page_->make(r, status);
}

}  // namespace rondo::http
