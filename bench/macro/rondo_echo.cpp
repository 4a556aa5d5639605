// The echo server as a user of Rondo writes it: one task a connection, a buffer in its frame, plain
// read_some and write_all. RONDO_REACTOR chooses the reactor. Prints as the limit programs do
// (limit.h).
#include <rondo/net/serve.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/run.hpp>

#include <sys/signalfd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>

namespace {

using namespace rondo;
using namespace rondo::net;

constexpr std::size_t buffer_size = 4'096;

std::uint64_t round_trips = 0;

task<> echo(tcp_stream stream) {
  std::array<std::byte, buffer_size> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (;;) {
    const std::size_t n = co_await stream.read_some(buffer);
    if (n == 0) co_return;
    co_await stream.write_all(std::span(buffer).first(n));
    ++round_trips;
  }
}

int signal_descriptor() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  return signalfd(-1, &ends, SFD_CLOEXEC);
}

void report(const loop_stats& stats) {
  std::printf("{\"round_trips\": %llu, \"system_calls\": %llu, \"turns\": %llu, \"steps\": %llu}\n",
              static_cast<unsigned long long>(round_trips),
              static_cast<unsigned long long>(stats.system_calls),
              static_cast<unsigned long long>(stats.turns),
              static_cast<unsigned long long>(stats.steps));
}

task<> serve_until(int stop, task_group& group) {
  tcp_listener listener = tcp_listener::bind(endpoint::parse("127.0.0.1:0"));
  std::printf("{\"port\": %d}\n", listener.local_endpoint().port());
  std::fflush(stdout);
  group.spawn(serve(std::move(listener), echo));
  co_await readable(stop);
  group.cancel();
}

task<> serve_until_signal() {
  const int stop = signal_descriptor();
  co_await with_task_group([stop](task_group& group) { return serve_until(stop, group); });
  report(this_loop().stats());
}

}  // namespace

int main() { run(serve_until_signal()); }
