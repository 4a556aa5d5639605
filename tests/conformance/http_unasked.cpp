// What came before a request is no answer to it, on whatever way its connection goes.
#include "http/unasked_answers.hpp"
#include "support/conformance.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <atomic>
#include <thread>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

CONFORMANCE(HttpUnasked, AnswersNobodyOverTcp) {
  unasked_script script;
  co_await with_peer([&](tcp_stream& s, int) { return script.answer(s); },
                     [&](std::string origin) -> task<> {
                       http::client c;
                       EXPECT_EQ(co_await script.attack(reactor, c, origin, 400), 0);
                       EXPECT_LE(c.open_connections(), 1U);
                     });
}

CONFORMANCE(HttpUnasked, AnswersNobodyWhereThePoolHasAnEnd) {
  unasked_script script;
  co_await with_peer(
      [&](tcp_stream& s, int) { return script.answer(s); },
      [&](std::string origin) -> task<> {
        http::client c(http::client_options().max_connections(1).timeout(http::phase::pool, 10s));
        EXPECT_EQ(co_await script.attack(reactor, c, origin, 100), 0);
        EXPECT_LE(c.open_connections(), 1U);
      });
}

CONFORMANCE(HttpUnasked, AnswersNobodyByAProxy) {
  unasked_script script;
  co_await with_peer([&](tcp_stream& s, int) { return script.answer(s); },
                     [&](std::string origin) -> task<> {
                       http::client c(http::client_options().proxy(http::proxy(origin)));
                       EXPECT_EQ(co_await script.attack(reactor, c, "http://a.test", 100), 0);
                     });
}

CONFORMANCE(HttpUnasked, AnswersNobodyThroughATunnel) {
  unasked_script script;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        {
          net::buffered_reader in(s);
          co_await read_head(in);
        }
        co_await write_text(s, "HTTP/1.1 200 OK\r\n\r\n");
        co_await script.answer(s);
      },
      [&](std::string origin) -> task<> {
        http::client c(http::client_options().proxy(http::proxy(origin).tunnel()));
        EXPECT_EQ(co_await script.attack(reactor, c, "http://a.test", 100), 0);
      });
}

CONFORMANCE(HttpUnasked, AnswersNobodyOverAUnixSocket) {
  unasked_script script;
  const std::string name = "@rondo-unasked-" + std::to_string(::getpid());
  net::unix_listener listener = net::unix_listener::bind(endpoint::unix_path(name));
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](net::unix_stream s) -> task<> { co_await script.answer(s); };
    g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
    http::client c(http::client_options().unix_socket(name));
    EXPECT_EQ(co_await script.attack(reactor, c, "http://a.test", 100), 0);
    g.cancel();
  });
}

// From hand to hand: whoever waited for the connection looks at it too.
CONFORMANCE(HttpUnasked, AnswersNobodyWhoHasWaitedForTheConnection) {
  unasked_script script;
  script.first = first_answers[4];
  script.when = unasked::same_segment;
  co_await with_peer([&](tcp_stream& s, int) { return script.answer(s); },
                     [&](std::string origin) -> task<> {
                       http::client c(http::client_options().max_connections(1));
                       for (int i = 0; i < 50; ++i) {
                         script.when = i % 2 == 0 ? unasked::same_segment : unasked::right_behind;
                         co_await with_task_group([&](task_group& g) -> task<> {
                           http::response held = co_await c.get(origin + "/attack");
                           auto waiting = g.spawn(get_text(c, origin + "/"));
                           co_await sleep_for(reactor == reactor_kind::simulated ? 10ms : 1ms);
                           EXPECT_EQ(co_await held.text(), "ok");
                           EXPECT_EQ(co_await waiting, "honest");
                         });
                       }
                     });
}

// Requests whose body is written beside the answer: the head goes before anything is heard.
CONFORMANCE(HttpUnasked, AnswersNoUpload) {
  unasked_script script;
  script.first = first_answers[4];
  script.when = unasked::right_behind;
  int connections = 0;
  co_await with_peer(
      [&](tcp_stream& s, int) -> task<> {
        ++connections;
        net::buffered_reader in(s);
        for (;;) {
          const auto read = co_await as_result(read_head(in));
          if (!read.has_value() || read.value().empty()) co_return;
          if (read.value().starts_with("POST")) {
            if (read.value().find("Expect:") != std::string::npos)
              co_await write_text(s, "HTTP/1.1 100 Continue\r\n\r\n");
            for (int piece = 0; piece < 100; ++piece) co_await in.read_exactly(1000);
            co_await write_text(s, ok);
          } else {
            co_await write_text(s, ok);
            co_await write_text(s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
          }
        }
      },
      [&](std::string origin) -> task<> {
        http::client c;
        for (int i = 0; i < 20; ++i) {
          EXPECT_EQ(co_await get_text(c, origin), "ok");
          co_await sleep_for(reactor == reactor_kind::simulated ? 10ms : 1ms);
          http::request r("POST", origin);
          if (i % 2 == 0)
            r.body(pattern(100'000));
          else
            r.body(pattern(100'000)).expect_continue();
          http::response answered = co_await c.send(std::move(r));
          EXPECT_EQ(co_await answered.text(), "ok");
          c.close_idle();
        }
      });
  EXPECT_EQ(connections, 40);
}

// The same with a peer that no reactor serves: its bytes come while the client's loop does
// something else.
ON_KERNEL_REACTORS(HttpUnasked, AnswersNobodyWhileTheLoopIsBusy) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  EXPECT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&here), size), 0);
  EXPECT_EQ(::listen(listener, 100), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size);
  constexpr int pairs = 300;
  std::atomic<int> heard{0};  // first answers that the client has read
  std::atomic<int> sent{0};   // second responses that have been sent
  std::thread peer([&] {
    const std::string second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (int fd = -1, attacks = 0; attacks <= pairs;) {
      if (fd < 0) fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      const int at_once = 1;  // else the second response waits here for the next request
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
      std::string head;
      std::array<char, 4096> room{};
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t n = ::recv(fd, room.data(), room.size(), 0);
        if (n <= 0) break;
        head.append(room.data(), static_cast<std::size_t>(n));
      }
      const auto put = [&fd](const std::string& text) {
        (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      };
      if (head.empty()) {
        ::close(std::exchange(fd, -1));
      } else if (head.starts_with("HEAD")) {
        put("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        ++attacks;
        while (heard.load() < attacks) std::this_thread::yield();
        put(second);
        sent.store(attacks);
      } else {
        put(ok);
        if (attacks == pairs) ++attacks;
      }
      if (attacks > pairs) ::close(fd);
    }
  });
  run_on(reactor, [&]() -> task<> {
    http::client c;
    const std::string origin = "http://127.0.0.1:" + std::to_string(ntohs(here.sin_port)) + '/';
    int foreign = 0;
    for (int i = 1; i <= pairs; ++i) {
      for (int before = i % 5; before > 0; --before) co_await get_text(c, origin);
      http::response r = co_await c.head(origin);
      co_await r.text();
      heard.store(i);
      // In the same step of the task: nothing that came is taken from the kernel meanwhile.
      while (sent.load() < i) std::this_thread::yield();
      foreign += co_await get_text(c, origin) == "ok" ? 0 : 1;
    }
    EXPECT_EQ(foreign, 0);
  });
  peer.join();
  ::close(listener);
}

namespace {

// Counts its connections; answers with the field that it is told to say.
struct announcing_peer {
  std::string said;
  bool once = false;  // with the first answer of a connection alone
  int connections = 0;

  task<> operator()(tcp_stream& s, int) {
    ++connections;
    net::buffered_reader in(s);
    for (bool says = true;; says = !once) {
      if ((co_await read_head(in)).empty()) co_return;
      const std::string field = says ? "Keep-Alive: " + said + "\r\n" : std::string();
      co_await write_text(s, "HTTP/1.1 200 OK\r\n" + field + "Content-Length: 0\r\n\r\n");
    }
  }
};

task<> post(http::client& c, const std::string& origin) {
  http::response r = co_await c.post(origin, "");
  co_await r.text();
}

}  // namespace

CONFORMANCE(HttpKeepAlive, IsGivenUpALittleBeforeTheAnnouncedEnd) {
  if (reactor != reactor_kind::simulated) co_return;  // seconds of the virtual clock
  struct announced {
    const char* said;
    std::chrono::milliseconds idle;
    bool used_again;
  };
  for (const announced& a :
       std::initializer_list<announced>{{"timeout=1", 400ms, true},
                                        {"timeout=1", 600ms, false},
                                        {"timeout=1", 1200ms, false},
                                        {"timeout=5, max=100", 3900ms, true},
                                        {"timeout=5, max=100", 4100ms, false},
                                        {"max=100, Timeout = 5", 4100ms, false},
                                        {"timeout=3600", 14s, true},
                                        {"timeout=3600", 16s, false},  // our own limit
                                        {"timeout=4294967295", 14s, true},
                                        {"timeout=99999999999999999999", 14s, true},
                                        {"timeout=-1", 14s, true},
                                        {"timeout=", 14s, true},
                                        {"timeout=1.5", 14s, true},
                                        {"timeout", 14s, true},
                                        {"=1, timeout=x, ,,max=y", 14s, true},
                                        {"\"timeout=1", 14s, true}}) {
    announcing_peer p{.said = a.said};
    co_await with_peer([&](tcp_stream& s, int n) { return p(s, n); },
                       [&](std::string origin) -> task<> {
                         http::client c;
                         co_await post(c, origin);
                         EXPECT_EQ(c.idle_connections(), 1U) << a.said;
                         co_await sleep_for(a.idle);
                         EXPECT_EQ(c.open_connections(), a.used_again ? 1U : 0U) << a.said;
                         co_await post(c, origin);
                       });
    EXPECT_EQ(p.connections, a.used_again ? 1 : 2) << a.said;
  }
}

// The task that closes what is due looks again when something is due earlier than it knew.
CONFORMANCE(HttpKeepAlive, ClosesInTimeWhatIsDueFirst) {
  if (reactor != reactor_kind::simulated) co_return;  // seconds of the virtual clock
  announcing_peer lasting{.said = "timeout=100"};
  announcing_peer brief{.said = "timeout=4"};
  co_await with_peer([&](tcp_stream& s, int n) { return lasting(s, n); },
                     [&](std::string one) -> task<> {
                       co_await with_peer([&](tcp_stream& s, int n) { return brief(s, n); },
                                          [&, one](std::string other) -> task<> {
                                            http::client c;
                                            co_await post(c, one);
                                            co_await sleep_for(1s);
                                            co_await post(c, other);
                                            EXPECT_EQ(c.open_connections(), 2U);
                                            co_await sleep_for(3100ms);
                                            EXPECT_EQ(c.open_connections(), 1U);
                                            co_await sleep_for(12s);
                                            EXPECT_EQ(c.open_connections(), 0U);
                                          });
                     });
}

CONFORMANCE(HttpKeepAlive, TakesAsManyRequestsAsTheServerDoes) {
  struct announced {
    const char* said;
    bool once;
    int connections;
  };
  for (const announced& a :
       std::initializer_list<announced>{{"max=0", false, 6},
                                        {"timeout=0", false, 6},
                                        {"timeout=5, max=1", true, 3},
                                        {"max=2", true, 2},
                                        {"max=100", true, 1},
                                        {"max=1", false, 1},  // each answer says it anew
                                        {"max=-1", false, 1},
                                        {"max=99999999999999999999", false, 1}}) {
    announcing_peer p{.said = a.said, .once = a.once};
    co_await with_peer([&](tcp_stream& s, int n) { return p(s, n); },
                       [&](std::string origin) -> task<> {
                         http::client c;
                         for (int i = 0; i < 6; ++i) co_await post(c, origin);
                       });
    EXPECT_EQ(p.connections, a.connections) << a.said;
  }
}
