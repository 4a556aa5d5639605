// A peer that follows an answer with a second whole response, which nobody asked for, and a client
// that asks again when that one has come: it must get the answer to its own request.
#pragma once

#include "http/http_support.hpp"

#include <rondo/runtime/core/random.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace rondo_test {

// When the second response is sent.
enum class unasked { same_segment, right_behind, while_idle };

struct first_answer {
  std::string_view method;
  std::string_view reply;
};
inline constexpr std::array<first_answer, 6> first_answers{{
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"},
    {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
}};

class unasked_script {
 public:
  // Answers what is asked for; what has "attack" in its path with one response too many.
  template <class S>
  rondo::task<> answer(S& s) {
    rondo::net::buffered_reader<S> in(s);
    for (;;) {
      const auto head = co_await rondo::as_result(in.read_until("\r\n\r\n", 100'000));
      if (!head.has_value()) co_return;
      if (head.value().find("attack") == std::string_view::npos) {
        co_await s.write_all(rondo::net::bytes_of(honest_));
        continue;
      }
      std::string reply(first.reply);
      if (when == unasked::same_segment) reply += injected_;
      co_await s.write_all(rondo::net::bytes_of(reply));
      if (when == unasked::while_idle) {
        co_await first_heard_.wait();
        co_await rondo::sleep_for(delay(300));
      }
      if (when != unasked::same_segment) co_await s.write_all(rondo::net::bytes_of(injected_));
      sent_.set();
    }
  }

  // Pairs of requests, on connections that have carried some already. How many of the second got
  // what is not theirs.
  rondo::task<int> attack(rondo::reactor_kind kind, http::client& c, std::string origin,
                          int pairs) {
    using namespace std::chrono_literals;
    int foreign = 0;
    for (int i = 0; i < pairs; ++i) {
      first = first_answers[below(first_answers.size())];
      when = static_cast<unasked>(below(3));
      first_heard_.clear();
      sent_.clear();
      // Some, because io_uring begins a stream on a connection that has brought small messages.
      for (auto before = below(6); before > 0; --before)
        foreign += co_await get_text(c, origin + "/") == "honest" ? 0 : 1;
      http::response r = co_await c.send(http::request(first.method, origin + "/attack"));
      co_await r.text();
      first_heard_.set();
      co_await sent_.wait();
      // Over loopback it is there when it has been sent. The simulated network takes its (virtual)
      // time.
      if (kind == rondo::reactor_kind::simulated) co_await rondo::sleep_for(10ms);
      if (random_.chance(0.7)) co_await rondo::sleep_for(delay(800));
      const bool post = random_.chance(0.2);
      http::response second = co_await c.send(http::request(post ? "POST" : "GET", origin + "/"));
      foreign += co_await second.text() == "honest" ? 0 : 1;
    }
    co_return foreign;
  }

  first_answer first;
  unasked when = unasked::same_segment;

 private:
  std::chrono::microseconds delay(std::uint64_t most) {
    return std::chrono::microseconds(below(most));
  }
  std::uint64_t below(std::uint64_t end) {
    return static_cast<std::uint64_t>(random_.between(0, static_cast<std::int64_t>(end) - 1));
  }

  const std::string honest_ = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest";
  const std::string injected_ = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ninjected";
  rondo::detail::random_source random_{29};
  rondo::event first_heard_;
  rondo::event sent_;
};

}  // namespace rondo_test
