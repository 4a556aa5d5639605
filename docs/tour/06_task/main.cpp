// Tasks that await tasks: the fetch of chapter 1 again, errors that come home, and a flat stack.
#include "../01_a_page_please/page.hpp"
#include "../stage/port.hpp"
#include "../stage/server.hpp"
#include "../stage/stack.hpp"
#include "io.hpp"
#include "task.hpp"

#include <cstring>

using tour::operation_loop;
using tour::task;

// begin fetch
task<tour::page> fetch(operation_loop& loop, unsigned short port, std::string path) {
  const tour::descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  co_await tour::connect(loop, socket.get(), tour::loopback(port));

  const std::string request = tour::request_for(path);
  co_await tour::send(loop, socket.get(), request.data(), request.size());

  std::string text;
  int reads = 0;
  for (;;) {
    char buffer[4096];
    const ssize_t n = co_await tour::recv(loop, socket.get(), buffer, sizeof buffer);
    ++reads;
    if (n == 0) co_return tour::read_page(text, reads);
    text.append(buffer, static_cast<std::size_t>(n));
  }
}
// end fetch

// begin home
task<> ask_nobody(operation_loop& loop, unsigned short port) {
  try {
    co_await fetch(loop, port, "/1000");
  } catch (const tour::io_error& e) {
    std::printf("caught where the page was asked for: %s: %s\n", e.call, std::strerror(e.number));
  }
}
// end home

// begin awaits
task<int> one(tour::stack_gauge& stack) {
  stack.look();
  co_return 1;
}

task<int> in_a_row(tour::stack_gauge& stack, int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await one(stack);
  co_return sum;
}

task<int> in_each_other(tour::stack_gauge& stack, int n) {
  if (n == 0) co_return co_await one(stack);
  stack.look();
  co_return 1 + co_await in_each_other(stack, n - 1);
}
// end awaits

int main() {
  tour::server server;
  operation_loop loop;
  // begin main
  const task<tour::page> pages[] = {fetch(loop, server.port(), "/1000/60"),
                                    fetch(loop, server.port(), "/2000/80"),
                                    fetch(loop, server.port(), "/3000/100")};
  for (const auto& p : pages) p.start();
  loop.run();
  for (const auto& p : pages) {
    const tour::page page = p.get();
    std::printf("status %d, %zu bytes\n", page.status, page.bytes);
  }
  // end main

  const tour::bound_port port;
  const task<> nobody = ask_nobody(loop, port.number);
  nobody.start();
  loop.run();

  tour::stack_gauge row, nested;
  const task<int> a = in_a_row(row, 100'000), b = in_each_other(nested, 100'000);
  a.start();
  std::printf("%d awaits in a row: %zu bytes of stack\n", a.get(), row.grown());
  b.start();
  std::printf("%d tasks in each other: %zu bytes of stack\n", b.get(), nested.grown());
}
