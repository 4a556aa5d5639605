// The echo server as a user of Rondo writes it: one task a connection, a buffer in its frame, plain
// read_some and write_all. RONDO_REACTOR chooses the reactor.
#include "rondo_serving.hpp"

#include <array>

namespace {

using namespace rondo;
using namespace rondo::net;

constexpr std::size_t buffer_size = 4'096;

task<> echo(tcp_stream stream) {
  std::array<std::byte, buffer_size> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  for (;;) {
    const std::size_t n = co_await stream.read_some(buffer);
    if (n == 0) co_return;
    co_await stream.write_all(std::span(buffer).first(n));
    ++bench::round_trips;
  }
}

}  // namespace

int main() { bench::serve_until_signal(echo); }
