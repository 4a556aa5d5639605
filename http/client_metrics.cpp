#include <rondo/http/client_metrics.hpp>
#include <rondo/http/parts/metric_labels.hpp>

#include <array>
#include <stdexcept>
#include <unordered_map>

namespace rondo::http {
namespace detail {
namespace {

class error_label {
 public:
  static constexpr std::string_view label = "error_type";
  static constexpr std::size_t count = 3;
  explicit error_label(trace_point end) noexcept
      : at_(end == trace_point::failed     ? 1U
            : end == trace_point::given_up ? 2U
                                           : 0U) {}
  std::size_t index() const noexcept { return at_; }
  std::string_view text() const noexcept {
    return std::array<std::string_view, count>{"", "failed", "given_up"}[at_];
  }

 private:
  std::size_t at_;
};

enum class client_phase : std::uint8_t { pool, resolve, connect, tls, send, first_byte, body };

struct phase_label {
  static constexpr std::string_view label = "phase";
  static constexpr std::size_t count = 7;
  client_phase phase;
  std::size_t index() const noexcept { return static_cast<std::size_t>(phase); }
  std::string_view text() const noexcept {
    return std::array<std::string_view, count>{"pool", "resolve",    "connect", "tls",
                                               "send", "first_byte", "body"}[index()];
  }
};

struct reuse_label {
  static constexpr std::string_view label = "connection";
  static constexpr std::size_t count = 2;
  bool reused;
  std::size_t index() const noexcept { return reused ? 1 : 0; }
  std::string_view text() const noexcept { return reused ? "reused" : "new"; }
};

}  // namespace

struct client_numbers {
  using time = std::chrono::steady_clock::time_point;

  // An exchange under way.
  struct under_way {
    method_label method;
    time began;
    time since;  // when the phase under way began
    int status = 0;
  };

  explicit client_numbers(std::shared_ptr<rondo::metrics> m)
      : registry(std::move(m)),
        seconds(registry->histograms<method_label, status_label, error_label>(
            "http_client_request_duration_seconds", "Duration of HTTP client requests.")),
        phases(registry->histograms<phase_label>("http_client_phase_duration_seconds",
                                                 "Duration of the parts of HTTP client requests.")),
        active(registry->gauges<method_label>("http_client_active_requests",
                                              "Number of active HTTP client requests.")),
        connections(registry->counters<reuse_label>("http_client_connections_total",
                                                    "Connections that requests were sent on.")),
        resends(registry->counter("http_client_resends_total",
                                  "Requests sent again because their connection was stale.")),
        redirects(registry->counter("http_client_redirects_total", "Redirects followed.")) {}

  void begin(const trace_event& e) {
    const method_label method(e.text);
    const auto [at, fresh] = exchanges.try_emplace(e.exchange, under_way{method, e.at, e.at});
    if (fresh) active.with(method).add(1);
  }
  void phase_ends(under_way& u, client_phase p, time at) {
    phases.with({p}).observe(std::chrono::duration<double>(at - u.since).count());
    u.since = at;
  }
  void end(under_way& u, const trace_event& e) {
    seconds.with(u.method, status_label(u.status), error_label(e.what))
        .observe(std::chrono::duration<double>(e.at - u.began).count());
    active.with(u.method).add(-1);
    exchanges.erase(e.exchange);
  }

  std::shared_ptr<rondo::metrics> registry;
  metric_family<metric_histogram, method_label, status_label, error_label>& seconds;
  metric_family<metric_histogram, phase_label>& phases;
  metric_family<metric_gauge, method_label>& active;
  metric_family<metric_counter, reuse_label>& connections;
  metric_counter& resends;
  metric_counter& redirects;
  std::unordered_map<std::uint64_t, under_way> exchanges;
};

}  // namespace detail

client_metrics::client_metrics(std::shared_ptr<rondo::metrics> registry,
                               std::shared_ptr<tracer> also)
    : also_(std::move(also)) {
  if (!registry) throw std::invalid_argument("there are no metrics to count in");
  numbers_ = std::make_unique<detail::client_numbers>(std::move(registry));
}

client_metrics::~client_metrics() = default;

void client_metrics::on(const trace_event& e) {
  detail::client_numbers& n = *numbers_;
  if (e.what == trace_point::begun) n.begin(e);
  // failed may follow done: then it has been counted.
  if (const auto at = n.exchanges.find(e.exchange); at != n.exchanges.end()) {
    using enum detail::client_phase;
    detail::client_numbers::under_way& u = at->second;
    switch (e.what) {
      case trace_point::queued: u.since = e.at; break;
      case trace_point::granted:
        n.phase_ends(u, pool, e.at);
        n.connections.with({e.number == 1}).add();
        break;
      case trace_point::resolved: n.phase_ends(u, resolve, e.at); break;
      case trace_point::connected: n.phase_ends(u, connect, e.at); break;
      case trace_point::secured: n.phase_ends(u, tls, e.at); break;
      case trace_point::sent: n.phase_ends(u, send, e.at); break;
      case trace_point::first_byte: n.phase_ends(u, first_byte, e.at); break;
      case trace_point::head: u.status = static_cast<int>(e.number); break;
      case trace_point::redirected: n.redirects.add(); break;
      case trace_point::retried: n.resends.add(); break;
      case trace_point::done: n.phase_ends(u, body, e.at); break;
      default: break;
    }
    if (e.what == trace_point::done || e.what == trace_point::failed ||
        e.what == trace_point::given_up)
      n.end(u, e);
  }
  if (also_) also_->on(e);
}

}  // namespace rondo::http
