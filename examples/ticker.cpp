// A server of events: what time it is, once a second, for everyone who listens.
//
//   ticker [127.0.0.1:8080]     then open http://127.0.0.1:8080/ in a browser, or:
//                               curl --no-buffer http://127.0.0.1:8080/ticks
//
// One task makes the events and keeps the latest; every client has a line of 16. One that falls
// behind, or was away, comes again and says which event was its last: so nobody holds up anybody,
// and nobody misses one. Ctrl-C ends it.
#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace http = rondo::http;
using namespace std::chrono_literals;

constexpr std::string_view page =
    R"(<!doctype html><title>ticker</title><pre id="log"></pre><script>
new EventSource("/ticks").onmessage = e => { log.textContent = e.data + "\n" + log.textContent; };
</script>)";

class ticker {
 public:
  rondo::task<> make() {
    for (;;) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const std::string text =
          std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
      http::event e = http::event().id(std::to_string(++latest_)).data(text);
      past_.push_back(e);
      if (past_.size() > kept) past_.pop_front();
      co_await live_.send(std::move(e));
      co_await rondo::sleep_for(1s);
    }
  }

  rondo::task<> serve(http::server_request& r, http::event_sink& out) {
    // Nothing waits between the two lines: what is not among the missed is in the line.
    auto mine = live_.subscribe(16, rondo::overflow::close);
    for (const http::event& e : missed_since(r.last_event_id())) co_await out.send(e);
    while (const auto e = co_await mine.next()) co_await out.send(*e);
  }

 private:
  static constexpr std::size_t kept = 600;

  // A client without a last event gets none of the past.
  std::vector<http::event> missed_since(std::string_view last) const {
    std::uint64_t n = latest_;
    std::from_chars(last.data(), last.data() + last.size(), n);
    const std::size_t missed = latest_ - std::min(n, latest_);
    return {past_.end() - static_cast<std::ptrdiff_t>(std::min(missed, past_.size())), past_.end()};
  }

  rondo::broadcast<http::event> live_;
  std::deque<http::event> past_;
  std::uint64_t latest_ = 0;
};

rondo::task<> serve(std::string at) {
  ticker ticks;
  http::server server;
  server.route("GET", "/", [](http::server_request&) -> rondo::task<http::server_response> {
    co_return http::server_response::text(std::string(page)).header("Content-Type", "text/html");
  });
  server.events("/ticks", [&ticks](http::server_request& r, http::event_sink& out) {
    return ticks.serve(r, out);
  });
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse(at));
  std::printf("http://%s/\n", listener.local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    g.spawn(ticks.make());
    co_await server.serve(std::move(listener));
  });
}

int main(int argc, char** argv) {
  return rondo::run_main(serve(argc > 1 ? argv[1] : "127.0.0.1:8080"));
}
