#include <rondo/http/parts/metric_labels.hpp>
#include <rondo/http/server_metrics.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/loop.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <stdexcept>

namespace rondo::http {

namespace detail {
namespace {

// The patterns of routes, each with a number: a table that is only added to, read without a lock.
class route_names {
 public:
  static constexpr std::size_t most = 1024;

  struct route {
    std::string text;
    std::size_t number;
  };

  route_names() = default;
  route_names(const route_names&) = delete;
  route_names& operator=(const route_names&) = delete;
  ~route_names() {
    for (std::atomic<route*>& slot : slots_) delete slot.load(std::memory_order_relaxed);
  }

  // nullptr: there are too many.
  const route* find(std::string_view pattern) {
    const std::size_t begin = std::hash<std::string_view>()(pattern);
    for (std::size_t n = 0; n < most; ++n) {
      std::atomic<route*>& slot = slots_[(begin + n) % most];
      route* there = slot.load(std::memory_order_acquire);
      if (!there) {
        auto fresh = std::make_unique<route>(std::string(pattern), (begin + n) % most);
        if (slot.compare_exchange_strong(there, fresh.get(), std::memory_order_acq_rel))
          return fresh.release();
      }
      if (there->text == pattern) return there;
    }
    return nullptr;
  }

 private:
  std::array<std::atomic<route*>, most> slots_{};
};

struct route_label {
  static constexpr std::string_view label = "http_route";
  static constexpr std::size_t count = route_names::most + 1;
  const route_names::route* route;
  std::size_t index() const noexcept { return route ? route->number : count - 1; }
  std::string_view text() const noexcept { return route ? std::string_view(route->text) : "other"; }
};

std::vector<double> body_sizes() {
  return {100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1e9};
}

}  // namespace

struct server_families {
  using by_request = metric_family<metric_histogram, method_label, route_label, status_label>;

  explicit server_families(rondo::metrics& m)
      : seconds(m.histograms<method_label, route_label, status_label>(
            "http_server_request_duration_seconds", "Duration of HTTP server requests.")),
        bytes(m.histograms<method_label, route_label, status_label>(
            "http_server_response_body_size_bytes", "Size of HTTP server response bodies.",
            body_sizes())),
        active(m.gauges<method_label>("http_server_active_requests",
                                      "Number of active HTTP server requests.")),
        dropped(m.counter("http_server_series_dropped_total",
                          "Requests counted as \"other\" because there were too many series.")) {}

  by_request& seconds;
  by_request& bytes;
  metric_family<metric_gauge, method_label>& active;
  metric_counter& dropped;
  route_names routes;
};

}  // namespace detail

namespace {

// Counts a request when it goes, however it goes.
class pending_measure {
 public:
  pending_measure(std::shared_ptr<server_metrics> m, const server_request& r)
      : metrics_(std::move(m)), request_(&r), begun_(this_loop().now()) {
    metrics_->begin(r.method());
  }
  pending_measure(pending_measure&&) noexcept = default;
  pending_measure& operator=(pending_measure&&) = delete;
  ~pending_measure() {
    if (!metrics_) return;
    try {
      metrics_->end(request_->method());
      metrics_->count(request_->method(), request_->route(), status, this_loop().now() - begun_,
                      bytes);
    } catch (...) {
      rondo::detail::report_unhandled(std::current_exception());
    }
  }

  int status = 499;  // until there is an answer
  std::uint64_t bytes = 0;

 private:
  std::shared_ptr<server_metrics> metrics_;  // null: moved from
  const server_request* request_;
  rondo::detail::time_point begun_;
};

class measured_source final : public body_source {
 public:
  measured_source(std::unique_ptr<body_source> inner, pending_measure m) noexcept
      : measure_(std::move(m)), inner_(std::move(inner)) {}
  task<std::optional<std::string>> next() override {
    std::optional<std::string> piece = co_await inner_->next();
    if (piece) measure_.bytes += piece->size();
    co_return piece;
  }
  http::headers trailers() override { return inner_->trailers(); }

 private:
  pending_measure measure_;
  std::unique_ptr<body_source> inner_;
};

std::shared_ptr<server_metrics> checked(std::shared_ptr<server_metrics> m) {
  if (!m) throw std::invalid_argument("there are no metrics to count in");
  return m;
}

}  // namespace

server_metrics::server_metrics(std::shared_ptr<rondo::metrics> registry)
    : registry_(registry ? std::move(registry) : std::make_shared<rondo::metrics>()),
      families_(std::make_unique<detail::server_families>(*registry_)) {}

server_metrics::~server_metrics() = default;

void server_metrics::count(std::string_view method, std::string_view route, int status,
                           std::chrono::nanoseconds took, std::uint64_t body_bytes) {
  detail::server_families& f = *families_;
  const detail::method_label m(method);
  const detail::route_label r{f.routes.find(route)};
  const detail::status_label s(status);
  const std::uint64_t before = f.seconds.dropped();
  f.seconds.with(m, r, s).observe(std::chrono::duration<double>(took).count());
  f.bytes.with(m, r, s).observe(static_cast<double>(body_bytes));
  if (f.seconds.dropped() != before) f.dropped.add();
}

void server_metrics::begin(std::string_view method) {
  families_->active.with(detail::method_label(method)).add(1);
}

void server_metrics::end(std::string_view method) {
  families_->active.with(detail::method_label(method)).add(-1);
}

measure::measure(std::shared_ptr<server_metrics> m) : metrics_(checked(std::move(m))) {}

task<server_response> measure::operator()(server_request& r, next& rest) const {
  pending_measure mine(metrics_, r);
  try {
    server_response answer = co_await rest(r);
    mine.status = answer.status();
    const bool head_only = r.method() == "HEAD";
    if (answer.is_streamed() && !head_only)
      answer.wrap_body([&mine](std::unique_ptr<body_source> inner) {
        return std::make_unique<measured_source>(std::move(inner), std::move(mine));
      });
    else
      mine.bytes = head_only ? 0 : answer.body().size();
    co_return answer;
  } catch (...) {
    mine.status = r.status_for(std::current_exception());
    throw;
  }
}

metrics_page::metrics_page(std::shared_ptr<server_metrics> m)
    : metrics_page(checked(std::move(m))->registry()) {}

metrics_page::metrics_page(std::shared_ptr<rondo::metrics> m) : metrics_(std::move(m)) {
  if (!metrics_) throw std::invalid_argument("there are no metrics to show");
}

task<server_response> metrics_page::operator()(server_request&) const {
  co_return server_response::text(metrics_->text())
      .header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
      .header("Cache-Control", "no-store");
}

}  // namespace rondo::http
