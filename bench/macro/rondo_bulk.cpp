// Sends to each connection as many bytes as it asks for, in writes of 64 KiB, as the limit program
// does (limit_bulk.c). RONDO_REACTOR chooses the reactor.
#include "rondo_serving.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

using namespace rondo;
using namespace rondo::net;

constexpr std::size_t piece_size = 65'536;

task<> send_what_it_asks_for(tcp_stream stream) {
  std::uint64_t left = 0;
  for (std::size_t got = 0; got < sizeof left;) {
    const std::size_t n =
        co_await stream.read_some(std::as_writable_bytes(std::span(&left, 1)).subspan(got));
    if (n == 0) co_return;
    got += n;
  }
  const std::vector<std::byte> piece(piece_size);
  while (left > 0) {
    const std::size_t n = std::min<std::uint64_t>(left, piece_size);
    co_await stream.write_all(std::span(piece).first(n));
    left -= n;
  }
  ++bench::round_trips;
}

}  // namespace

int main() { bench::serve_until_signal(send_what_it_asks_for); }
