// Middleware: pages in place of bare errors.
//
//   s.use(http::error_pages([](http::server_request& r, int status) {
//     return http::server_response::html("<h1>" + std::to_string(status) + "</h1>\n", status);
//   }));
//
// For what a handler throws, and for what no route answers (404, 405, 501). What it throws is told
// to on_unhandled as ever, unless it is the client's fault; the page learns the status alone. An
// error that a handler answers itself stays as it is.
//
// Links outside of this one see a response in any case: put access_log, cors and the like there.
#pragma once

#include <rondo/http/middleware.hpp>

#include <memory>
#include <utility>

namespace rondo::http {

namespace detail {

struct error_page {
  error_page() = default;
  error_page(const error_page&) = delete;
  error_page& operator=(const error_page&) = delete;
  virtual ~error_page() = default;
  virtual server_response make(server_request& r, int status) = 0;
};

template <class Fn>
struct typed_error_page final : error_page {
  explicit typed_error_page(Fn f) : fn(std::move(f)) {}
  server_response make(server_request& r, int status) override { return fn(r, status); }
  Fn fn;
};

}  // namespace detail

class error_pages {
 public:
  // `page` is (server_request&, int status) -> server_response. Its status should be that one; the
  // fields of the answer that it replaces (Allow) are added.
  template <class Page>
  explicit error_pages(Page page)
      : page_(std::make_shared<detail::typed_error_page<Page>>(std::move(page))) {}

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::shared_ptr<detail::error_page> page_;
};

}  // namespace rondo::http
