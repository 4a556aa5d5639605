// The client of chapter 14, by TCP: what the article's program needs, and no more.
#pragma once

#include "../stage/on_tour.hpp"

#include "../01_a_page_please/page.hpp"
#include "../14_http/pool.hpp"

namespace tour {

// begin client
class http_client {
 public:
  // Of http://127.0.0.1:PORT/PATH.
  task<page> get(std::string url) {
    const std::size_t colon = url.rfind(':'), slash = url.find('/', colon);
    const auto port =
        static_cast<unsigned short>(number_of(url.substr(colon + 1, slash - colon - 1), 10));
    connection c(stream(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    co_await io({.what = kind::connect, .fd = c.stream.fd(), .name = loopback(port)});
    const std::string request = request_for(url.substr(slash));
    co_await write_all(c.stream, request);
    const std::optional<head> answer = co_await c.read_head();
    if (!answer) throw bad_message{"no answer"};
    const std::string body = co_await c.read_body(framing_of(*answer));
    co_return page{std::atoi(answer->first_line.c_str() + 9), body.size()};
  }
};
// end client

}  // namespace tour
