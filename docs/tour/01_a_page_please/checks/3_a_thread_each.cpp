// A server that answers nobody until eight have asked. Asked one after the other, it gives up after
// 2 s.
#include "../../stage/check.hpp"
#include "../../stage/server.hpp"

#include EXERCISE

int main() {
  constexpr int threads = 8;
  tour::server server(0, threads);
  const tour::fetched all = tour::fetch_each(server.port(), threads);
  tour::check(all.pages == threads, "%d of %d pages came", all.pages, threads);
  tour::check(server.most_at_once() == threads, "%d of %d pages were asked for at the same time",
              server.most_at_once(), threads);
  tour::check(all.stack >= threads * 16384u,
              "no thread has a stack of less than 16 KiB, and yours have %zu bytes", all.stack);
  std::printf("%d pages at once; %zu KiB of stack each: 1,000 threads would reserve %zu MiB\n",
              threads, all.stack / threads / 1024, all.stack / threads * 1000 >> 20);
}
