#include <rondo/http/request_id.hpp>
#include <rondo/http/trace_requests.hpp>
#include <rondo/runtime/core/unhandled.hpp>

#include <memory>
#include <optional>

namespace rondo::http {
namespace {

// The span of one request, which ends when this goes. The request outlives it.
class request_span {
 public:
  request_span(const server_request& r, const trace_context* around)
      : request_(&r),
        span_(std::make_unique<rondo::detail::span>(std::string(), span_kind::server, around)) {}
  request_span(request_span&&) noexcept = default;
  request_span& operator=(request_span&&) = delete;
  ~request_span() {
    if (!span_) return;
    try {
      describe();
    } catch (...) {
      rondo::detail::report_unhandled(std::current_exception());
    }
  }

  const trace_context& trace() const noexcept { return span_->trace(); }
  void answered(int status) noexcept { status_ = status; }
  void whole() noexcept { whole_ = true; }

 private:
  void describe() {
    std::string name(request_->method());
    if (const std::string_view route = request_->route(); !route.empty()) {
      name.append(" ").append(route);
      span_->set("http.route", std::string(route));
    }
    span_->set_name(std::move(name));
    span_->set("http.request.method", std::string(request_->method()));
    if (status_ != 0) span_->set("http.response.status_code", std::to_string(status_));
    if (status_ >= 500)
      span_->ends(span_end::error);
    else if (whole_)
      span_->ends(span_end::ok);
  }

  const server_request* request_;
  std::unique_ptr<rondo::detail::span> span_;  // null: moved from
  int status_ = 0;                             // nobody was answered
  bool whole_ = false;
};

// A body that is made within the span.
class traced_source final : public body_source {
 public:
  traced_source(std::unique_ptr<body_source> inner, request_span s) noexcept
      : span_(std::move(s)), inner_(std::move(inner)) {}
  task<std::optional<std::string>> next() override {
    std::optional<std::string> piece = co_await with_trace(span_.trace(), inner_->next());
    if (!piece) span_.whole();
    co_return piece;
  }
  http::headers trailers() override { return inner_->trailers(); }

 private:
  request_span span_;
  std::unique_ptr<body_source> inner_;
};

}  // namespace

task<server_response> trace_requests::operator()(server_request& r, next& rest) const {
  std::optional<trace_context> given;
  if (r.headers().count("traceparent") == 1)
    given = parse_traceparent(*r.headers().get("traceparent"));
  request_span mine(r, given ? &*given : nullptr);
  r.put(mine.trace());
  try {
    server_response answer = co_await with_trace(mine.trace(), rest(r));
    mine.answered(answer.status());
    if (answer.is_streamed() && r.method() != "HEAD")
      answer.wrap_body([&mine](std::unique_ptr<body_source> inner) {
        return std::make_unique<traced_source>(std::move(inner), std::move(mine));
      });
    else
      mine.whole();
    co_return answer;
  } catch (...) {
    const int status = r.status_for(std::current_exception());
    if (status != 499) {
      mine.answered(status);
      mine.whole();
    }
    throw;
  }
}

}  // namespace rondo::http
