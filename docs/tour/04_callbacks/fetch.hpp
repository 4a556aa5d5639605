// A page by callbacks.
#pragma once

#include "../01_a_page_please/page.hpp"
#include "callback.hpp"

#include <memory>

namespace tour {

// begin callbacks
struct in_progress {
  descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
  std::string request, text;
  char buffer[4096];
  int reads = 0;
};
using shared = std::shared_ptr<in_progress>;  // who owns it? whoever is called next

template <class Done>
void read_on(operation_loop& loop, shared p, Done done) {
  const operation recv{.fd = p->socket.get(), .buffer = p->buffer, .size = sizeof p->buffer};
  async(loop, recv, [&loop, p, done](ssize_t n) {
    if (n < 0) return done(page(), static_cast<int>(-n));
    ++p->reads;
    if (n == 0) return done(read_page(p->text, p->reads), 0);
    p->text.append(p->buffer, static_cast<std::size_t>(n));
    read_on(loop, p, done);
  });
}

// Calls done(page, error); error: 0, or errno.
template <class Done>
void fetch(operation_loop& loop, unsigned short port, const std::string& path, Done done) {
  const auto p = std::make_shared<in_progress>();
  p->request = request_for(path);
  const int fd = p->socket.get();
  const operation connect{.what = kind::connect, .fd = fd, .name = loopback(port)};
  async(loop, connect, [&loop, p, done, fd](ssize_t r) {
    if (r < 0) return done(page(), static_cast<int>(-r));
    const operation send{
        .what = kind::send, .fd = fd, .data = p->request.data(), .size = p->request.size()};
    async(loop, send, [&loop, p, done](ssize_t r) {
      if (r < 0) return done(page(), static_cast<int>(-r));
      read_on(loop, p, done);
    });
  });
}
// end callbacks

}  // namespace tour
