// Wrong: exits with 1 and says "caught where the loop runs, and nobody there knows of a page".
//
// A try block around what only begins something. When the exception comes, the block has been left.
#include "../stage/server.hpp"
#include "fetch.hpp"

struct no_page {};

// begin wrong
void ask(tour::operation_loop& loop, unsigned short port) {
  try {
    tour::fetch(loop, port, "/1000/0", [](const tour::page&, int) { throw no_page(); });
  } catch (const no_page&) {
    std::puts("caught where the page was asked for");
    std::exit(0);
  }
}
// end wrong

int main() {
  tour::server server;
  tour::operation_loop loop;
  ask(loop, server.port());
  try {
    loop.run();
  } catch (const no_page&) {
    std::puts("caught where the loop runs, and nobody there knows of a page");
  }
  return 1;
}
