// Three pages, a port that nobody listens on, and a count of the closures.
#include "../../stage/check.hpp"
#include "../../stage/port.hpp"
#include "../../stage/server.hpp"

#include EXERCISE

#include <cstring>

int main() {
  tour::server server(0);
  tour::operation_loop loop;
  tour::fetching a(loop, server.port(), "/1000"), b(loop, server.port(), "/200000"),
      c(loop, server.port(), "/0");
  loop.run();
  for (const tour::fetching* f : {&a, &b, &c})
    tour::check(f->error == 0 && f->result.status == 200, "a page came with status %d: %s",
                f->result.status, std::strerror(f->error));
  tour::check(a.result.bytes == 1000 && b.result.bytes == 200000 && c.result.bytes == 0,
              "pages of 1000, 200000 and 0 bytes came with %zu, %zu and %zu", a.result.bytes,
              b.result.bytes, c.result.bytes);

  const tour::bound_port nobody;
  tour::fetching refused(loop, nobody.number, "/1000");
  loop.run();
  tour::check(refused.error == ECONNREFUSED, "nobody listens on the port, and it says: %s",
              std::strerror(refused.error));

  tour::check(tour::closures_made == 0, "%d closures were made", tour::closures_made);
  std::puts("three pages and a refusal, and no closure was made");
}
