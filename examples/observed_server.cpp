// A server that tells everything: logs, metrics, traces. It asks itself through a client, prints
// what came of it, and ends. RONDO_TRACE=run.json shows the run in Perfetto.
#include <rondo/http.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

using namespace std::chrono_literals;
namespace http = rondo::http;

rondo::task<http::server_response> look_up(http::server_request& r) {
  co_await rondo::with_span("ask the database", rondo::sleep_for(20ms));
  co_return http::server_response::text("user " + std::string(r.param("id")) + "\n");
}

rondo::task<> serve(rondo::net::tcp_listener listener, std::shared_ptr<rondo::metrics> numbers) {
  http::server s;
  s.use(http::trace_requests())
      .use(http::measure(std::make_shared<http::server_metrics>(numbers)))
      .route("GET", "/users/{id}", look_up)
      .route("GET", "/metrics", http::metrics_page(numbers));
  co_await s.serve(std::move(listener));
}

rondo::task<> demo(std::shared_ptr<rondo::metrics> numbers) {
  co_await rondo::with_task_group([&](rondo::task_group& group) -> rondo::task<> {
    auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:0"));
    const std::string base = "http://" + listener.local_endpoint().to_string();
    group.spawn(serve(std::move(listener), numbers));

    http::client client(
        http::client_options().trace(std::make_shared<http::client_metrics>(numbers)));
    for (const char* path : {"/users/7", "/users/8", "/nobody"}) {
      http::response r = co_await client.get(base + path);
      co_await r.text();
    }
    http::response page = co_await client.get(base + "/metrics");
    std::puts((co_await page.text()).c_str());
    group.cancel();
  });
}

int main() {
  rondo::set_log_sink([](const rondo::log_record& r) {
    const std::string sentence(r.sentence);
    std::fprintf(stderr, "%s\n", sentence.c_str());
  });
  rondo::set_span_sink([](const rondo::span_record& s) {
    const std::chrono::duration<double, std::milli> took = s.ended - s.began;
    std::fprintf(stderr, "%s: %.1f ms, trace %s\n", std::string(s.name).c_str(), took.count(),
                 s.trace.trace_id.c_str());
  });
  const auto numbers = std::make_shared<rondo::metrics>();
  return rondo::run_main(demo(numbers), rondo::run_options().metrics(numbers));
}
