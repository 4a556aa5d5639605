// What Rondo's servers of this suite share: they listen on a free port, print it as the limit
// programs do (limit.h), serve until SIGTERM, and print what they have done.
//
//   int main() { rondo::bench::serve_until_signal([](tcp_stream s) -> task<> { … }); }
#pragma once

#include <rondo/net/serve.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/signals.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>

namespace rondo::bench {

// Round trips of this server, as its handlers count them.
inline std::uint64_t round_trips = 0;

inline void report(const loop_stats& stats) {
  std::printf("{\"round_trips\": %llu, \"system_calls\": %llu, \"turns\": %llu, \"steps\": %llu}\n",
              static_cast<unsigned long long>(round_trips),
              static_cast<unsigned long long>(stats.system_calls),
              static_cast<unsigned long long>(stats.turns),
              static_cast<unsigned long long>(stats.steps));
}

// `serving` gives the task that has the listener until it is cancelled.
template <class Serving>
task<> serve_and_report(Serving serving) {
  signal_watch ends({SIGTERM, SIGINT});
  net::tcp_listener listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  std::printf("{\"port\": %d}\n", listener.local_endpoint().port());
  std::fflush(stdout);
  co_await with_task_group([&](task_group& group) -> task<> {
    group.spawn(serving(std::move(listener)));
    co_await ends.next();
    group.cancel();
  });
  report(this_loop().stats());
}

template <class Handler>
void serve_until_signal(Handler handler) {
  run(serve_and_report(
      [&](net::tcp_listener l) { return net::serve(std::move(l), std::move(handler)); }));
}
// Of an http::server.
template <class Server>
void serve_http_until_signal(Server& server) {
  run(serve_and_report([&](net::tcp_listener l) { return server.serve(std::move(l)); }));
}

}  // namespace rondo::bench
