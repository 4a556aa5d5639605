#include <rondo/http/server_metrics.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace rondo::http {
namespace {

constexpr std::size_t most_series = 1000;

// "_OTHER" for what RFC 9110 and RFC 5789 do not name, as the conventions have it.
std::string_view method_label(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 9> known{
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(known, method) != known.end() ? method : std::string_view("_OTHER");
}

void append_number(std::string& out, double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end);
}

// A backslash, a quote and a line end are escaped (Prometheus' text format).
void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

// Help text knows no quotes.
void append_help(std::string& out, std::string_view name, std::string_view help,
                 std::string_view type) {
  out.append("# HELP ").append(name).append(" ");
  for (const char c : help) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

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

template <std::size_t N>
void server_metrics::histogram<N>::add(const std::array<double, N>& bounds, double value) noexcept {
  const auto bucket = std::ranges::lower_bound(bounds, value) - bounds.begin();
  ++counts[static_cast<std::size_t>(bucket)];
  sum += value;
}

void server_metrics::count(std::string_view method, std::string_view route, int status,
                           std::chrono::nanoseconds took, std::uint64_t body_bytes) {
  labels key{
      .method = std::string(method_label(method)), .route = std::string(route), .status = status};
  const std::lock_guard lock(mutex_);
  auto at = series_.find(key);
  if (at == series_.end() && series_.size() >= most_series) {
    ++dropped_;
    key = {.method = "other", .route = "other", .status = 0};
  }
  if (at == series_.end()) at = series_.try_emplace(std::move(key)).first;
  at->second.seconds.add(seconds_bounds, std::chrono::duration<double>(took).count());
  at->second.bytes.add(bytes_bounds, static_cast<double>(body_bytes));
}

void server_metrics::begin(std::string_view method) {
  const std::lock_guard lock(mutex_);
  ++active_.try_emplace(std::string(method_label(method))).first->second;
}

void server_metrics::end(std::string_view method) {
  const std::lock_guard lock(mutex_);
  --active_.find(method_label(method))->second;
}

void server_metrics::add_gauge(std::string_view name, std::string_view help,
                               std::unique_ptr<reader> value) {
  const auto is_first = [](char c) { return detail::is_alpha(c) || c == '_' || c == ':'; };
  if (name.empty() || !is_first(name.front()) ||
      !std::ranges::all_of(name, [&](char c) { return is_first(c) || detail::is_digit(c); }))
    throw std::invalid_argument("no name of a metric: \"" + std::string(name) + '"');
  const std::lock_guard lock(mutex_);
  if (std::ranges::any_of(gauges_, [&](const own_gauge& g) { return g.name == name; }))
    throw std::invalid_argument("a metric is there already: \"" + std::string(name) + '"');
  gauges_.push_back({std::string(name), std::string(help), std::move(value)});
}

template <std::size_t N>
void server_metrics::write(std::string& out, std::string_view name,
                           const std::array<double, N>& bounds,
                           histogram<N> series::* which) const {
  for (const auto& [key, of] : series_) {
    std::string common = "http_request_method=\"" + key.method + "\",http_route=\"";
    append_label_value(common, key.route);
    common += "\",http_response_status_code=\"";
    common += key.status == 0 ? "other" : std::to_string(key.status);
    common += '"';
    const histogram<N>& h = of.*which;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i <= N; ++i) {
      so_far += h.counts[i];
      out.append(name).append("_bucket{").append(common).append(",le=\"");
      if (i < N)
        append_number(out, bounds[i]);
      else
        out += "+Inf";
      out.append("\"} ").append(std::to_string(so_far)).append("\n");
    }
    out.append(name).append("_sum{").append(common).append("} ");
    append_number(out, h.sum);
    out.append("\n").append(name).append("_count{").append(common).append("} ");
    out.append(std::to_string(so_far)).append("\n");
  }
}

std::string server_metrics::text() const {
  std::string out;
  const std::lock_guard lock(mutex_);
  append_help(out, "http_server_request_duration_seconds", "Duration of HTTP server requests.",
              "histogram");
  write(out, "http_server_request_duration_seconds", seconds_bounds, &series::seconds);
  append_help(out, "http_server_response_body_size_bytes", "Size of HTTP server response bodies.",
              "histogram");
  write(out, "http_server_response_body_size_bytes", bytes_bounds, &series::bytes);
  append_help(out, "http_server_active_requests", "Number of active HTTP server requests.",
              "gauge");
  for (const auto& [method, n] : active_)
    out.append("http_server_active_requests{http_request_method=\"")
        .append(method)
        .append("\"} ")
        .append(std::to_string(n))
        .append("\n");
  append_help(out, "http_server_series_dropped_total",
              "Requests counted as \"other\" because there were too many series.", "counter");
  out.append("http_server_series_dropped_total ").append(std::to_string(dropped_)).append("\n");
  for (const own_gauge& g : gauges_) {
    append_help(out, g.name, g.help, "gauge");
    out.append(g.name).append(" ");
    append_number(out, g.value->read());
    out += '\n';
  }
  return out;
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

metrics_page::metrics_page(std::shared_ptr<server_metrics> m) : metrics_(checked(std::move(m))) {}

task<server_response> metrics_page::operator()(server_request&) const {
  co_return server_response::text(metrics_->text())
      .header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
      .header("Cache-Control", "no-store");
}

}  // namespace rondo::http
