// Three pages by callbacks.
#include "../stage/check.hpp"
#include "../stage/server.hpp"
#include "fetch.hpp"

int main() {
  tour::server server;
  // begin main
  tour::operation_loop loop;
  int pages = 0;
  std::size_t bytes = 0;
  for (const char* path : {"/1000/60", "/2000/80", "/3000/100"})
    tour::fetch(loop, server.port(), path, [&pages, &bytes](const tour::page& p, int error) {
      tour::expect(error == 0 && p.status == 200, "status %d, error %d", p.status, error);
      ++pages;
      bytes += p.bytes;
    });
  std::printf("asked for, and %d have come\n", pages);
  loop.run();
  std::printf("%d pages, %zu bytes\n", pages, bytes);
  // end main
  tour::expect(tour::closures_made >= 12, "%d closures were made", tour::closures_made);
  std::printf("%d closures were made for it\n", tour::closures_made);
}
