// Three pages, one after the other.
#include "../stage/check.hpp"
#include "../stage/clock.hpp"
#include "../stage/server.hpp"
#include "fetch.hpp"

#include <cstdio>

int main() {
  tour::server server;
  // begin main
  const double begun = tour::now(), worked = tour::worked();
  for (const char* path : {"/1000", "/2000", "/3000"}) {
    const tour::page page = tour::fetch(server.port(), path);
    tour::expect(page.reads >= 2, "a page and its end came in %d reads", page.reads);
    std::printf("%s: status %d, %zu bytes, %d reads\n", path, page.status, page.bytes, page.reads);
  }
  const double took = tour::now() - begun, work = tour::worked() - worked;
  std::printf("3 pages in %.2f s, asleep for %.1f %% of it\n", took, 100 * (1 - work / took));
  // end main
}
