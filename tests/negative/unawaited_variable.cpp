// refused: unused variable 'guard'
// times: 13
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#pragma GCC diagnostic error "-Wunused-variable"

using namespace rondo;
using namespace std::chrono_literals;

void wrong(mutex& m, semaphore& s, queue<std::string>& q, event& e, thread_channel<int>& t,
           join_handle<int>& h, bulkhead& b, net::tcp_stream& n, std::span<std::byte> buffer) {
  {
    auto guard = m.lock();
  }
  {
    auto guard = s.acquire();
  }
  {
    auto guard = q.next();
  }
  {
    auto guard = q.put("item");
  }
  {
    auto guard = e.wait();
  }
  {
    auto guard = t.next();
  }
  {
    auto guard = h.join();
  }
  {
    auto guard = b.acquire();
  }
  {
    auto guard = n.read_some(buffer);
  }
  {
    auto guard = sleep_for(1s);
  }
  {
    auto guard = timeout(1s, sleep_for(2s));
  }
  {
    auto guard = to_thread([] { return 1; });
  }
  {
    auto guard = as_result(q.get());
  }
}
