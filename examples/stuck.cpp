// Six programs with a fault each, for docs/debugging.md: what hangs, and how it is found.
//
//   RONDO_STALL=100ms RONDO_INSPECT=1 stuck blocking
//                                       (queue, locks, connections, leak, forgotten)
//
// Each runs until it is ended.
#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using rondo::task;
namespace http = rondo::http;
namespace net = rondo::net;

namespace {

// begin blocking
task<> answer(int request) {
  co_await rondo::sleep_for(1ms);
  std::this_thread::sleep_for(std::chrono::hours(request));  // nobody else can run meanwhile
}

task<> serve_requests() {
  rondo::set_task_name("server");
  for (;;) co_await answer(1);
}
// end blocking

// begin queue
task<> produce(rondo::queue<int>& items, rondo::event& more) {
  rondo::set_task_name("producer");
  for (int i = 0; i < 3; ++i) co_await items.put(i);
  co_await more.wait();  // that nobody sets
}

task<> consume(rondo::queue<int>& items) {
  rondo::set_task_name("consumer");
  while (co_await items.next()) {
  }
}
// end queue

// begin locks
task<> transfer(rondo::mutex& from, rondo::mutex& to, const char* name) {
  rondo::set_task_name(name);
  auto first = co_await from.lock();
  co_await rondo::sleep_for(1ms);
  auto second = co_await to.lock();  // the other has it, and wants ours
}
// end locks

// begin connections
task<> collect(http::client client, std::string url) {
  std::vector<http::response> pages;
  for (int n = 0; n < 3; ++n)  // unread, and each keeps its connection
    pages.push_back(co_await client.get(url));
}
// end connections

task<> serve_pages(rondo::task_group& g) {
  auto& server = g.make<http::server>();
  server.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::text("a page\n");
  });
  auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  const std::string url = "http://" + listener.local_endpoint().to_string() + '/';
  g.spawn(collect(http::client(http::client_options().max_connections(2)), url));
  co_await server.serve(std::move(listener));
}

// begin leak
task<> watch_user(int) {
  co_await rondo::sleep_for(std::chrono::hours(24));  // long after the user has gone
}

task<> welcome_users(rondo::task_group& g) {
  for (int user = 0;; ++user) {
    g.spawn(watch_user(user));
    co_await rondo::sleep_for(1ms);
  }
}
// end leak

// begin forgotten
task<> save(int n) {
  co_await rondo::sleep_for(1ms);
  std::printf("saved %d\n", n);
}

task<> work() {
  auto saving = save(1);  // and never awaited
  co_await rondo::sleep_for(1ms);
}
// end forgotten

task<> run_fault(std::string_view fault) {
  if (fault == "forgotten") co_await work();
  co_await rondo::with_task_group([&](rondo::task_group& g) -> task<> {
    if (fault == "blocking") {
      g.spawn(serve_requests());
    } else if (fault == "queue") {
      auto& items = g.make<rondo::queue<int>>(10);
      g.spawn(produce(items, g.make<rondo::event>()));
      g.spawn(consume(items));
    } else if (fault == "locks") {
      auto& alice = g.make<rondo::mutex>();
      auto& bob = g.make<rondo::mutex>();
      g.spawn(transfer(alice, bob, "from Alice to Bob"));
      g.spawn(transfer(bob, alice, "from Bob to Alice"));
    } else if (fault == "connections") {
      g.spawn(serve_pages(g));
    } else if (fault == "leak") {
      g.spawn(welcome_users(g));
    }
    co_return;
  });
}

}  // namespace

int main(int argc, char** argv) { return rondo::run_main(run_fault(argc > 1 ? argv[1] : "queue")); }
