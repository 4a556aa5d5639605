#include "stage.hpp"

#include <algorithm>

namespace guide::observability {
namespace {

void logs() {
  // begin logs
  rondo::set_log_sink([](const rondo::log_record& r) {
    if (r.level == rondo::log_level::error) log(r.component, r.sentence);
    for (const rondo::log_field& f : r.fields) log(f.name, f.value);  // what varies in it
  });
  rondo::set_log_sink(nullptr);  // nobody listens: nothing is even put into words
  rondo::reset_log_sink();       // standard error again
  // end logs
}

task<> metrics() {
  // begin metrics
  auto numbers = std::make_shared<rondo::metrics>();
  rondo::metric_counter& jobs = numbers->counter("app_jobs_total", "Jobs done.");
  jobs.add();  // any thread, no lock, no allocation

  http::server s;
  s.use(http::measure(std::make_shared<http::server_metrics>(numbers)));
  s.route("GET", "/metrics", http::metrics_page(numbers));
  http::client c(http::client_options().trace(std::make_shared<http::client_metrics>(numbers)));
  rondo::policy_metrics policies(numbers);
  rondo::set_telemetry(&policies);  // retries, refusals, breakers
  // end metrics
  // begin gauge
  numbers->read_gauge("app_pool_open", "Open connections.", [&] { return c.open_connections(); });
  // end gauge
  co_await http::with_test_client(s, [](http::client& here) -> task<> {
    http::response r = co_await here.get("http://test/metrics");
    const std::string page = co_await r.text();
    EXPECT_NE(page.find("app_jobs_total 1\n"), page.npos) << page;
    EXPECT_NE(page.find("app_pool_open 0\n"), page.npos) << page;
  });
  rondo::set_telemetry(nullptr);
}

task<> traces() {
  // begin traces
  rondo::set_span_sink([](const rondo::span_record& s) {
    if (!s.trace.sampled) return;
    log(s.name, s.trace.trace_id, s.trace.span_id, s.trace.parent_id, s.ended - s.began);
  });

  http::server s;
  s.use(http::trace_requests());  // a span each request, in the trace of its traceparent
  s.route("GET", "/cart", [](http::server_request&) -> task<http::server_response> {
    co_await with_span("load it", sleep_for(5ms));  // a child
    http::client c;
    http::response r = co_await c.get("http://stock.internal/");  // a child; it tells the other
    co_return http::server_response::text(co_await r.text());
  });
  // end traces
  std::vector<std::string> spans;
  rondo::set_span_sink([&](const rondo::span_record& r) { spans.emplace_back(r.name); });
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    const auto r = co_await c.get("http://test/cart");
    EXPECT_EQ(r.status(), 502);  // nobody is at stock.internal
  });
  rondo::set_span_sink(nullptr);
  EXPECT_EQ(std::count(spans.begin(), spans.end(), "load it"), 1);
  EXPECT_EQ(std::count(spans.begin(), spans.end(), "GET /cart"), 1);
}

TEST(Observability, LogsMetricsAndTracesAreAsTheirPageShowsThem) {
  logs();
  simulated(metrics);
  simulated(traces);
}

}  // namespace
}  // namespace guide::observability
