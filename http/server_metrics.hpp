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
// One server_metrics may be shared by the servers of several loops.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

class server_metrics {
 public:
  server_metrics() = default;
  server_metrics(const server_metrics&) = delete;
  server_metrics& operator=(const server_metrics&) = delete;
  ~server_metrics() = default;

  // One request that has ended. `route` empty: no route answered. Any thread may call.
  void count(std::string_view method, std::string_view route, int status,
             std::chrono::nanoseconds took, std::uint64_t body_bytes);
  void begin(std::string_view method);
  void end(std::string_view method);

  // A number of one's own on the page: `read` is () -> double, and called for each page, in the
  // thread that makes it. Throws std::invalid_argument when the name is none of Prometheus'
  // ([a-zA-Z_:][a-zA-Z0-9_:]*), or is there already.
  template <class Read>
  void gauge(std::string_view name, std::string_view help, Read read) {
    add_gauge(name, help, std::make_unique<typed_reader<Read>>(std::move(read)));
  }

  // All of it in Prometheus' text format, version 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  // Seconds and bytes. Upper bounds, inclusive; a last bucket takes the rest.
  static constexpr std::array<double, 14> seconds_bounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                         0.5,   0.75, 1,     2.5,  5,     7.5, 10};
  static constexpr std::array<double, 8> bytes_bounds{100,       1'000,      10'000,      100'000,
                                                      1'000'000, 10'000'000, 100'000'000, 1e9};
  template <std::size_t N>
  struct histogram {
    std::array<std::uint64_t, N + 1> counts{};
    double sum = 0;
    void add(const std::array<double, N>& bounds, double value) noexcept;
  };
  struct labels {
    std::string method;
    std::string route;
    int status = 0;  // 0: "other"
    auto operator<=>(const labels&) const = default;
  };
  struct series {
    histogram<seconds_bounds.size()> seconds;
    histogram<bytes_bounds.size()> bytes;
  };
  struct reader {
    reader() = default;
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    virtual ~reader() = default;
    virtual double read() = 0;
  };
  template <class Read>
  struct typed_reader final : reader {
    explicit typed_reader(Read r) : fn(std::move(r)) {}
    double read() override { return static_cast<double>(fn()); }
    Read fn;
  };
  struct own_gauge {
    std::string name;
    std::string help;
    std::unique_ptr<reader> value;
  };

  void add_gauge(std::string_view name, std::string_view help, std::unique_ptr<reader> value);
  template <std::size_t N>
  void write(std::string& out, std::string_view name, const std::array<double, N>& bounds,
             histogram<N> series::* which) const;

  mutable std::mutex mutex_;
  std::map<labels, series> series_;
  std::map<std::string, std::int64_t, std::less<>> active_;
  std::uint64_t dropped_ = 0;
  std::vector<own_gauge> gauges_;
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
  task<server_response> operator()(server_request& r) const;

 private:
  std::shared_ptr<server_metrics> metrics_;
};

}  // namespace rondo::http
