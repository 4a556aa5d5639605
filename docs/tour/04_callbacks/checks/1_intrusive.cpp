// Three pages, a port that nobody listens on, and a count of the closures.
#include "../../stage/check.hpp"
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

  const tour::descriptor nobody(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at = tour::loopback(0);
  socklen_t size = sizeof at;
  const auto name = reinterpret_cast<sockaddr*>(&at);
  tour::check(bind(nobody.get(), name, size) == 0, "no port could be had");
  getsockname(nobody.get(), name, &size);
  tour::fetching refused(loop, ntohs(at.sin_port), "/1000");
  loop.run();
  tour::check(refused.error == ECONNREFUSED, "nobody listens on the port, and it says: %s",
              std::strerror(refused.error));

  tour::check(tour::closures_made == 0, "%d closures were made", tour::closures_made);
  std::puts("three pages and a refusal, and no closure was made");
}
