// Puts items 0 … n-1 into a line of work, over a Redis that may go and come back.
//
// usage: producer SOCKET N
#include "work_queue.hpp"

#include <cstdio>

namespace {

// A hundred at a time; a batch of which the end is not known is put again.
rondo::task<> put_all(std::string socket, int n) {
  for (int next = 0; next < n; next += 100) {
    co_await with_redis_that_may_fail(socket, [&](redis& r) -> rondo::task<> {
      work_queue work(r, "work", {});
      while (next < n) {
        std::vector<rondo::task<>> some;
        for (int i = next; i < std::min(n, next + 100); ++i)
          some.push_back(work.put(std::to_string(i)));
        co_await rondo::gather(std::move(some));
        next += 100;
      }
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: producer SOCKET N\n", stderr);
    return 2;
  }
  return rondo::run_main(put_all(argv[1], std::stoi(argv[2])));
}
