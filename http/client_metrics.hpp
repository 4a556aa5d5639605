// A tracer that counts: what a client does, as numbers of a registry, under OpenTelemetry's names
// for HTTP (semantic conventions 1.23) where it has one.
//
//   auto numbers = std::make_shared<rondo::metrics>();
//   http::client c(http::client_options().trace(std::make_shared<http::client_metrics>(numbers)));
//   s.route("GET", "/metrics", http::metrics_page(numbers));
//
//   http_client_request_duration_seconds   histogram   method, status, error_type
//   http_client_phase_duration_seconds     histogram   phase: pool, resolve, connect, tls, send,
//                                                      first_byte, body
//   http_client_active_requests            gauge       method
//   http_client_connections_total          counter     connection: new or reused
//   http_client_resends_total              counter     on a fresh connection, the first was stale
//   http_client_redirects_total            counter
//
// A request's time is that of one send(), redirects and the body's last byte included. error_type
// is empty, or "failed", or "given_up" for one that was cancelled or whose response went unread;
// the status is empty where none came. No host and no URL is a label.
//
// One object is for the clients of one loop; the registry may be everybody's.
#pragma once

#include <rondo/http/tracer.hpp>
#include <rondo/runtime/metrics.hpp>

#include <memory>

namespace rondo::http {

namespace detail {
struct client_numbers;
}

class client_metrics final : public tracer {
 public:
  // `also` hears of every event after this. Throws std::invalid_argument when the registry is null,
  // or has other things of these names.
  explicit client_metrics(std::shared_ptr<rondo::metrics> registry,
                          std::shared_ptr<tracer> also = nullptr);
  client_metrics(const client_metrics&) = delete;
  client_metrics& operator=(const client_metrics&) = delete;
  ~client_metrics() override;

  // Counts what a step says, and hands it on to `also`.
  void on(const trace_event& e) override;

 private:
  std::unique_ptr<detail::client_numbers> numbers_;
  std::shared_ptr<tracer> also_;
};

}  // namespace rondo::http
