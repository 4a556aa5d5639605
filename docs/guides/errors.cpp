#include "stage.hpp"

namespace guide::errors {
namespace {

// begin unhandled
void start() {
  run(work(), run_options().on_unhandled([](std::exception_ptr e) { use(e); }));
}
// end unhandled

// begin outcomes
task<> greet() {
  outcome<net::tcp_stream> s = co_await as_result(net::tcp_stream::connect("example.org", 80));
  if (s.code() == std::errc::connection_refused) co_return;  // nothing was thrown
  net::tcp_stream open = std::move(s).value();               // here it would be
  co_await open.write_all(net::bytes_of("hello"));
}
// end outcomes

// begin tidy
task<> tidy(net::tcp_stream s) {
  co_await finally(work(), [&s]() -> task<> { co_await s.write_all(net::bytes_of("bye\r\n")); });
}
// end tidy

TEST(Errors, ARunSaysWhatBecomesOfThem) { start(); }

TEST(Errors, AnOutcomeOfARefusedConnectionThrowsNothing) {
  rondo::test::run_cleanly(
      run_options().simulation(simulation_options().host("example.org", "10.0.0.1")), greet);
}

TEST(Errors, ACleanupSaysGoodBye) {
  simulated([]() -> task<> {
    auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
    const auto connect = [&] { return net::tcp_stream::connect(listener.local_endpoint()); };
    auto [theirs, ours] = co_await gather(listener.accept(), connect);
    net::buffered_reader lines(theirs);
    auto [said, done] = co_await gather(lines.read_line(100), tidy(std::move(ours)));
    EXPECT_EQ(said, "bye");
  });
}

}  // namespace
}  // namespace guide::errors
