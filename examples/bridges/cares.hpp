// c-ares: names asked of name servers without a thread.
//
//   cares_resolver names;                                    // of /etc/resolv.conf
//   g.spawn(names.run());
//   std::vector<std::string> at = co_await names.resolve("example.org");
#pragma once

#include "private_poll.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class cares_resolver {
 public:
  // `servers`: as in "127.0.0.1:5353,10.0.0.1"; empty: the system's.
  explicit cares_resolver(const std::string& servers = {}) {
    ares_options o{};
    o.sock_state_cb = [](void* me, ares_socket_t fd, int in, int out) {
      static_cast<cares_resolver*>(me)->sockets_.watch(fd, in != 0, out != 0);
    };
    o.sock_state_cb_data = this;
    if (const int r = ares_init_options(&channel_, &o, ARES_OPT_SOCK_STATE_CB); r != ARES_SUCCESS)
      throw std::runtime_error(ares_strerror(r));
    if (!servers.empty()) ares_set_servers_ports_csv(channel_, servers.c_str());
  }
  cares_resolver(const cares_resolver&) = delete;
  cares_resolver& operator=(const cares_resolver&) = delete;
  ~cares_resolver() { ares_destroy(channel_); }  // whoever waits is told

  // Drives the lookups; for ever.
  rondo::task<> run() {
    while (true) {
      changed_.clear();
      timeval left{};
      if (ares_timeout(channel_, nullptr, &left) != nullptr)
        co_await rondo::race(sockets_.ready(), changed_.wait(),
                             rondo::sleep_for(std::chrono::seconds(left.tv_sec) +
                                              std::chrono::microseconds(left.tv_usec)));
      else
        co_await rondo::race(sockets_.ready(), changed_.wait());
      sockets_.take([&](int fd, unsigned events) {
        ares_process_fd(channel_, events & ~unsigned{EPOLLOUT} ? fd : ARES_SOCKET_BAD,
                        events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
      });
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has taken too long
    }
  }

  // The IPv4 addresses. Throws std::runtime_error with c-ares' words. Cancelled, the lookup goes on
  // and its answer is dropped.
  rondo::task<std::vector<std::string>> resolve(std::string name) {
    auto [promise, answer] = rondo::make_promise<std::vector<std::string>>();
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_INET;
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &answered,
                     new waiting(std::move(promise)));
    changed_.set();  // there is a time limit now
    co_return co_await std::move(answer);
  }

 private:
  using waiting = rondo::promise<std::vector<std::string>>;

  static void answered(void* to, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<waiting> p(static_cast<waiting*>(to));
    const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> all(found, &ares_freeaddrinfo);
    if (status != ARES_SUCCESS) {
      p->set_exception(std::make_exception_ptr(std::runtime_error(ares_strerror(status))));
      return;
    }
    std::vector<std::string> addresses;
    for (const ares_addrinfo_node* n = all->nodes; n; n = n->ai_next) {
      std::array<char, INET_ADDRSTRLEN> text{};
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(n->ai_addr)->sin_addr, text.data(),
                text.size());
      addresses.emplace_back(text.data());
    }
    p->set_value(std::move(addresses));
  }

  private_poll sockets_;
  rondo::event changed_;
  ares_channel channel_ = nullptr;
};
