// Middleware and a page: what a server does, as numbers for Prometheus, under OpenTelemetry's names
// for HTTP (semantic conventions 1.23).
//
//   auto metrics = std::make_shared<http::server_metrics>();
//   s.use(http::measure(metrics));
//   s.route("GET", "/metrics", http::metrics_page(metrics));
//
//   http_server_request_duration_seconds   histogram   method, route, status
//   http_server_response_body_size_bytes   histogram   method, route, status
//   http_server_active_requests            gauge       method
//   http_server_series_dropped_total       counter     requests that were counted as "other"
//
// A request's time is until its response leaves the link, of a streamed body until its end. Every
// label has few values: a method that RFC 9110 does not name is "_OTHER", the route is the pattern
// and never the path, and beyond 1,000 combinations all others are one series, whose labels say
// "other". Who asks for paths at random makes no series.
//
// A request is counted without a lock. One server_metrics may be shared by the servers of several
// loops, and its registry (runtime/metrics.hpp) by everything else that counts: one page has all.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/metrics.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

namespace detail {
struct server_families;
}

class server_metrics {
 public:
  // `registry`: where the numbers stand; one of its own when null. Throws std::invalid_argument
  // when that has other things of these names.
  explicit server_metrics(std::shared_ptr<rondo::metrics> registry = nullptr);
  server_metrics(const server_metrics&) = delete;
  server_metrics& operator=(const server_metrics&) = delete;
  ~server_metrics();

  // One request that has ended. `route` empty: no route answered. Any thread may call.
  void count(std::string_view method, std::string_view route, int status,
             std::chrono::nanoseconds took, std::uint64_t body_bytes);
  void begin(std::string_view method);
  void end(std::string_view method);

  // A number of one's own on the page: metrics::read_gauge of the registry.
  template <class Read>
  void gauge(std::string_view name, std::string_view help, Read read) {
    registry_->read_gauge(name, help, std::move(read));
  }

  // All that the registry has, in Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string text() const { return registry_->text(); }
  const std::shared_ptr<rondo::metrics>& registry() const noexcept { return registry_; }

 private:
  std::shared_ptr<rondo::metrics> registry_;
  std::unique_ptr<detail::server_families> families_;
};

// The link that counts. Outermost it counts what all others answer.
class measure {
 public:
  // Throws std::invalid_argument when null.
  explicit measure(std::shared_ptr<server_metrics> m);
  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::shared_ptr<server_metrics> metrics_;
};

// The handler of the page.
class metrics_page {
 public:
  // Throws std::invalid_argument when null.
  explicit metrics_page(std::shared_ptr<server_metrics> m);
  explicit metrics_page(std::shared_ptr<rondo::metrics> m);
  task<server_response> operator()(server_request& r) const;

 private:
  std::shared_ptr<rondo::metrics> metrics_;
};

}  // namespace rondo::http
