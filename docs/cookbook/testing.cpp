#include "stage.hpp"

#include <array>

// begin an_hour_in_a_moment
task<> session_ends(bool& ended) {
  co_await sleep_for(1h);
  ended = true;
}

void an_hour_in_a_moment() {
  run(
      []() -> task<> {
        bool ended = false;
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(session_ends(ended));
          co_await sleep_for(1h - 1ns);
          test::expect(!ended, "not too early");
          co_await sleep_for(1ns);
          co_await wait_until_idle();  // whatever is due now has happened
          test::expect(ended, "in time");
        });
      },
      run_options().reactor(reactor_kind::simulated));
  std::printf("passed\n");
}
// end an_hour_in_a_moment

// begin find_the_seed
task<> transfer(std::uint64_t) {
  auto at = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  auto [in, out] = co_await gather(at.accept(), net::tcp_stream::connect(at.local_endpoint()));
  co_await out.write_all(net::bytes_of("12345678"));
  std::array<std::byte, 8> buffer;
  const std::size_t n = co_await in.read_some(buffer);  // wrong: it may give less
  test::expect(n == 8, "all of it has come");
}

void find_the_seed() {
  try {
    test::seeds(0, 100, [](std::uint64_t seed) {
      run(transfer(seed),
          run_options().simulation(simulation_options().seed(seed).short_transfers(0.05)));
    });
  } catch (const test::failure& e) {
    std::printf("%s\n", e.what());
  }
}
// end find_the_seed

// begin cancelled_everywhere
task<> borrows(semaphore& permits) {
  const auto permit = co_await permits.acquire();
  co_await sleep_for(1s);
  co_await yield_now();
}

void cancelled_everywhere() {
  semaphore permits(3);
  const auto n = test::cancel_at_every_wait(
      [&] { return borrows(permits); },
      [&] { test::expect(permits.available() == 3, "all permits are back"); });
  std::printf("cancelled in %d waits\n", static_cast<int>(n.at_rest));
}
// end cancelled_everywhere

// begin no_socket
task<http::server_response> hello(http::server_request& r) {
  co_return http::server_response::text("hello " + std::string(r.param("name")));
}

task<> no_socket() {
  http::server s;
  s.route("GET", "/hello/{name}", hello);
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    http::response r = co_await c.get("http://test/hello/Ada");
    test::expect(co_await r.text() == "hello Ada", "it greets by name");
  });
  std::printf("passed\n");
}
// end no_socket

// begin a_scripted_peer
task<int> length_of_greeting(net::memory_stream& s) {
  co_await s.write_all(net::bytes_of("HELO\r\n"));
  net::buffered_reader in(s);
  co_return static_cast<int>((co_await in.read_line(100)).size());
}

task<> a_scripted_peer() {
  auto [mine, peer] = net::make_memory_streams();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(test::play(test::script().expects("HELO\r\n").sends_in_pieces("250 welcome\r\n", 1, 1s),
                       net::any_stream(std::move(peer))));
    std::printf("%d characters after %.0f s\n", co_await length_of_greeting(mine), elapsed());
  });
}
// end a_scripted_peer

namespace {

const cookbook::recipe r80("an_hour_in_a_moment", an_hour_in_a_moment);
const cookbook::recipe r81("find_the_seed", find_the_seed);
const cookbook::recipe r82("cancelled_everywhere", cancelled_everywhere);
const cookbook::recipe r83("no_socket", no_socket);
const cookbook::recipe r84("a_scripted_peer", a_scripted_peer);

}  // namespace
