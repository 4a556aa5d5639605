#include "stage.hpp"

namespace guide::minute {
namespace {

std::string path = "notes.txt";

// begin minute
using namespace rondo;

task<int> answer() {  // lazy; runs when awaited
  co_await sleep_for(10ms);
  co_return 42;
}

task<> show() {
  int n = co_await timeout(1s, answer());   // throws timed_out
  auto m = co_await try_for(1s, answer());  // std::optional instead

  // Left when everything in it has ended.
  co_await with_task_group([&](task_group& g) -> task<> {
    auto& q = g.make<queue<int>>(10);  // lives as long as the group
    g.spawn([&q]() -> task<> {
      for (int i = 0; i < 100; ++i) co_await q.put(i);  // waits while it is full
      q.close();
    });
    while (auto item = co_await q.next()) use(*item);  // ends when closed and drained
  });

  auto [a, b] = co_await gather(answer(), answer());       // one fails: the other is cancelled
  std::string text = co_await to_thread(read_file, path);  // blocking work
}

// Says what went wrong; the exit code is 0, 1, or 130 after Ctrl-C.
int main() { return run_main(show()); }
// end minute

TEST(Readme, TheMinuteRuns) { EXPECT_EQ(minute::main(), 0); }

}  // namespace
}  // namespace guide::minute

namespace guide::client {

[[maybe_unused]] static task<> send() {
  // begin client
  http::client c(http::client_options()
                     .base_url("https://api.example.org/v1/")
                     .timeout(http::phase::first_byte, 5s)  // each phase, and the total
                     .policy(http::standard_policies()));   // retries, a breaker for each origin

  http::response r =
      co_await c.send(c.make("POST", "users").query("q", "a b").form({{"name", "x"}}).follow(3));
  r.raise_for_status();
  for (const auto& hop : r.history()) log(hop.status, hop.url.href());
  std::string text = co_await r.text();  // or read_some, next_chunk: streamed, decoded
  // end client
}

}  // namespace guide::client

namespace guide::server {
namespace {

// begin server
task<http::server_response> hello(http::server_request& r) {
  co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
}

task<> app(http::stop_handle stop) {
  http::server s;
  s.use(http::access_log()).use(http::compress()).use(http::time_limit(10s));
  s.route("GET", "/hello/{name}", hello);
  co_await s.serve(net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:8080")), stop);
}

int main() { return http::run_server(app, 1); }
// end server

TEST(Readme, TheServerServesUntilItIsStopped) {
  [[maybe_unused]] const auto program = server::main;
  simulated([]() -> task<> {
    http::stop_handle stop;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(app(stop));
      http::response r = co_await http::client().get("http://127.0.0.1:8080/hello/ada");
      EXPECT_EQ(co_await r.text(), "hello ada\n");
      stop.stop();
    });
  });
}

}  // namespace
}  // namespace guide::server

namespace guide::simulated_service {
namespace {

task<> my_service() { co_await sleep_for(1h); }

void in_a_simulation() {
  // begin simulated
  run(my_service(),
      run_options().simulation(
          simulation_options().seed(7).latency(1ms, 20ms).short_transfers(0.2).resets(0.001)));
  // end simulated
}

TEST(Readme, AnHourPassesInTheSimulation) { in_a_simulation(); }

}  // namespace
}  // namespace guide::simulated_service
