// refused: without co_await nothing happens
// times: 44
#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#pragma GCC diagnostic error "-Wunused-result"

using namespace rondo;
using namespace std::chrono_literals;

task<int> answer();

void runtime_waits(std::span<std::byte> buffer) {
  sleep_for(1s);
  sleep_until(std::chrono::steady_clock::time_point());
  yield_now();
  readable(0);
  writable(0);
  wait_until_idle();
  timeout(1s, answer());
  try_for(1s, answer());
  shield(answer());
  finally(answer(), [] { return answer(); });
  as_result(yield_now());
  to_thread([] { return 1; });
  next_signal({2});
  with_task_group([](task_group&) -> task<> { co_return; });
  (void)buffer;
}

void lines(mutex& m, mutex::guard& g, semaphore& s, capacity_limiter& c, event& e, barrier& b,
           condition& d, queue<int>& q, thread_channel<int>& t, join_handle<int>& h,
           channel_sender<int>& sender, channel_receiver<int>& receiver) {
  m.lock();
  s.acquire();
  c.acquire();
  e.wait();
  b.arrive_and_wait();
  d.wait(g);
  q.put(1);
  q.get();
  q.next();
  q.join();
  t.put(1);
  t.get();
  t.next();
  h.join();
  sender.send(1);
  receiver.receive();
  receiver.next();
}

void streams(net::tcp_stream& s, net::memory_stream& m, net::any_stream& a, net::udp_socket& u,
             net::tcp_listener& l, std::span<std::byte> in, std::span<const std::byte> out) {
  s.read_some(in);
  s.write_all(out);
  s.shutdown_write();
  m.read_some(in);
  a.write_all(out);
  u.send(out);
  l.accept();
  net::tcp_stream::connect("localhost", 80);
}

void together(bulkhead& b, rate_limiter& r, http::client& c) {
  gather(answer(), answer());
  race(answer(), answer());
  b.acquire();
  r.acquire();
  c.get("http://localhost/");
}
