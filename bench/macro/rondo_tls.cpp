// A TLS server: gives each connection so many bytes in writes of 64 KiB and close_notify; with 0
// bytes it waits for the end. RONDO_REACTOR chooses the reactor.
//
// usage: bench_rondo_tls CERTIFICATE KEY BYTES
#include "rondo_serving.hpp"

#include <rondo/net/tls_stream.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace {

using namespace rondo;
using namespace rondo::net;

constexpr std::size_t piece_size = 65'536;

task<> serve_tls(tcp_stream tcp, tls_context context, std::uint64_t left) {
  try {
    auto stream = co_await tls_stream<tcp_stream>::accept(std::move(tcp), std::move(context));
    ++bench::round_trips;
    const std::vector<std::byte> piece(left > 0 ? piece_size : 0);
    while (left > 0) {
      const std::size_t n = std::min<std::uint64_t>(left, piece_size);
      co_await stream.write_all(std::span(piece).first(n));
      left -= n;
    }
    if (!piece.empty()) co_await stream.shutdown_write();
    std::array<std::byte, 256> rest{};
    while (co_await stream.read_some(rest) > 0) {
    }
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): a load may just leave
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: bench_rondo_tls CERTIFICATE KEY BYTES\n");
    return 2;
  }
  const auto context =
      tls_context::server(tls_server_options().certificate_file(arguments[1], arguments[2]));
  const std::uint64_t bytes = std::strtoull(arguments[3], nullptr, 10);
  bench::serve_until_signal(
      [=](tcp_stream tcp) { return serve_tls(std::move(tcp), context, bytes); });
}
