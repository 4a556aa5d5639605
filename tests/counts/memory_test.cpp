// A server's memory is flat: whatever it has served, it holds what it held before. It runs in a
// process of its own, which tells what it has: the bytes that malloc has given and not got back
// (those of OpenSSL and nghttp2 too), and what is resident.
//
// `scripts/test --long`: a million requests, ten thousand connections five times, and a hundred
// thousand connects; over TLS and HTTP/2 fewer connections, because one costs a hundred times more.
#include "http/http_support.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#ifndef RONDO_TEST_SANITIZED

namespace memory_test {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

constexpr const char* child_variable = "RONDO_TEST_MEMORY_OF";
constexpr int points = 8;
constexpr int connections_kept = 50;
constexpr int at_once = 16;  // requests of a connection

enum class protocol { plain, tls, h2 };
const char* name_of(protocol p) {
  return p == protocol::plain ? "plain" : p == protocol::tls ? "tls" : "h2";
}

// --- the server

std::size_t resident_kib() {
  std::size_t whole = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> whole >> resident;
  return resident * static_cast<std::size_t>(::getpagesize()) / 1024;
}

task<> serve(protocol p) {
  http::server s(http::server_options().max_connections(20'000).max_requests(1 << 30));
  s.route("GET", "/", [](server_request&) -> task<server_response> {
    co_return server_response::text("hello");
  });
  // Answers when as many requests wait, each with a date of its own.
  barrier together(p == protocol::h2 ? connections_kept * at_once : connections_kept);
  s.route("GET", "/together", [&](server_request& r) -> task<server_response> {
    co_await together.arrive_and_wait();
    co_return server_response::text("hello").header("Date", *r.query("date"));
  });
  s.route("GET", "/memory", [](server_request& r) -> task<server_response> {
    std::ostringstream out;
    const struct mallinfo2 heap = mallinfo2();
    out << heap.uordblks + heap.hblkhd << ' ' << detail::frames_alive() << ' ' << resident_kib()
        << ' ' << r.server().connections();
    co_return server_response::text(out.str());
  });
  tcp_listener l = tcp_listener::bind(loopback(), net::listen_options().backlog(4096));
  std::printf("listening %u\n", unsigned{l.local_endpoint().port()});
  std::fflush(stdout);
  if (p == protocol::tls)
    co_await s.serve(std::move(l), tls_context::server(server_as("ip")));
  else
    co_await s.serve(std::move(l));
}

// A test in the child alone. Its variable says which reactor and which protocol.
class serves_until_it_is_ended final : public testing::Test {
  void TestBody() override {
    const std::string what = std::getenv(child_variable);
    const protocol p = what.ends_with("tls")  ? protocol::tls
                       : what.ends_with("h2") ? protocol::h2
                                              : protocol::plain;
    const auto kind = what.starts_with("epoll") ? reactor_kind::epoll : reactor_kind::io_uring;
    run(serve(p), run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {}));
  }
};
[[maybe_unused]] const bool in_the_child = [] {
  if (std::getenv(child_variable) == nullptr) return false;
  testing::RegisterTest("MemoryChild", "Serves", nullptr, nullptr, __FILE__, __LINE__,
                        []() -> testing::Test* { return new serves_until_it_is_ended; });
  return true;
}();

std::vector<std::string> server_command(reactor_kind kind, protocol p) {
  std::array<char, 4096> self{};
  EXPECT_GT(::readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
  // Without a cache for each thread, which would count as given.
  return {"/usr/bin/env",
          "-u",
          "MALLOC_PERTURB_",
          "GLIBC_TUNABLES=glibc.malloc.tcache_count=0",
          std::string(child_variable) + '=' + rondo_test::name_of(kind) + ' ' + name_of(p),
          self.data(),
          "--gtest_filter=MemoryChild.Serves"};
}

// --- its clients

struct held {
  std::size_t bytes = 0;
  std::int64_t frames = 0;
  std::size_t resident_kib = 0;
  std::size_t connections = 0;
};

const std::string ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string ask_together =
    "GET /together?date=Sun,+06+Nov+1994+08:49:37+GMT HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string ask_last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

struct target {
  protocol how;
  endpoint at;
  std::optional<tls_context> context;
  std::string origin() const {
    return (how == protocol::tls ? "https://" : "http://") + at.to_string();
  }
  http::client client() const {
    http::client_options o;
    o.max_connections(1);
    if (how == protocol::tls) o.tls(*context);
    if (how == protocol::h2) o.http2(http::http2::prior_knowledge);
    return http::client(std::move(o));
  }
};

// One connection, of HTTP/1.1 in bytes, and of HTTP/2 by a client.
class conversation {
 public:
  static task<conversation> open(const target& t) {
    conversation c;
    if (t.how == protocol::h2) {
      c.client_.emplace(t.client());
      c.url_ = t.origin() + "/";
      co_return c;
    }
    tcp_stream tcp = co_await tcp_stream::connect(t.at);
    if (t.how == protocol::plain)
      c.stream_ = net::any_stream(std::move(tcp));
    else
      c.stream_ =
          net::any_stream(co_await tls_tcp::connect(std::move(tcp), *t.context, "127.0.0.1"));
    co_return c;
  }
  // One request, alone.
  task<> once() {
    if (client_) {
      EXPECT_EQ(co_await get_text(*client_, url_), "hello");
      co_return;
    }
    co_await stream_.write_all(net::bytes_of(ask));
    answer_size_ = co_await hear_hello();
  }
  // Sixteen at a time, when once() has seen how long an answer is.
  task<> many(int n) {
    std::string requests;
    for (int i = 0; i < at_once; ++i) requests += ask;
    std::vector<std::byte> room(16 * 1024);
    for (int done = 0; done < n; done += at_once) {
      if (client_) {
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < at_once; ++i)
            g.spawn([&]() -> task<> { EXPECT_EQ(co_await get_text(*client_, url_), "hello"); });
          co_return;
        });
        continue;
      }
      co_await stream_.write_all(net::bytes_of(requests));
      for (std::size_t left = std::size_t{at_once} * answer_size_; left > 0;) {
        const std::size_t got = co_await stream_.read_some(room);
        EXPECT_TRUE(got > 0 && got <= left);
        if (got == 0 || got > left) co_return;
        left -= got;
      }
    }
  }
  // As many requests as there will ever be at once, over all connections, and a table of HPACK full
  // of dates: what fills up once is full.
  task<> fill_up() {
    if (!client_) {
      co_await stream_.write_all(net::bytes_of(ask_together));
      co_await hear_hello();
      co_return;
    }
    for (int round = 0; round < 5; ++round)
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < at_once; ++i)
          g.spawn([&, date = round * at_once + i]() -> task<> {
            const std::string day = std::to_string(10 + date);
            EXPECT_EQ(co_await get_text(
                          *client_, url_ + "together?date=Sun,+" + day + "+Nov+1994+08:49:37+GMT"),
                      "hello");
          });
        co_return;
      });
  }
  // One request, and until the server has closed.
  task<> last() {
    if (client_) {
      co_await once();
      co_return;
    }
    co_await stream_.write_all(net::bytes_of(ask_last));
    std::array<std::byte, 4096> room{};
    while (co_await stream_.read_some(room) > 0) continue;
  }

 private:
  // Its size in all.
  task<std::size_t> hear_hello() {
    std::string got;
    std::array<std::byte, 4096> room{};
    while (!got.ends_with("\r\n\r\nhello")) {
      const std::size_t n = co_await stream_.read_some(room);
      EXPECT_GT(n, 0U);
      if (n == 0) break;
      got.append(reinterpret_cast<const char*>(room.data()), n);
    }
    co_return got.size();
  }

  net::any_stream stream_;
  std::size_t answer_size_ = 0;
  std::optional<http::client> client_;
  std::string url_;
};

// What the server holds when nothing but `others` connections and the one that asks is open.
task<held> look(const target& t, std::size_t others = 0) {
  for (;;) {
    held h;
    std::istringstream in(co_await [](http::client c, std::string url) {
      return get_text(c, std::move(url));
    }(t.client(), t.origin() + "/memory"));
    in >> h.bytes >> h.frames >> h.resident_kib >> h.connections;
    EXPECT_TRUE(static_cast<bool>(in));
    if (!in || h.connections == others + 1) co_return h;
    co_await sleep_for(5ms);  // until it has seen that the others have gone
  }
}

void tell(const char* what, std::size_t n, const held& h) {
  std::printf("  %8zu %-24s %10zu bytes %6lld frames %8zu KiB resident\n", n, what, h.bytes,
              static_cast<long long>(h.frames), h.resident_kib);
  std::fflush(stdout);
}

// A leak grows from each point to the next. What fills up once does so between two of them, a pool
// of frames when most are alive at the same moment: so the middle growth is the measure.
void expect_flat(const std::vector<held>& all, const char* what) {
  std::vector<std::int64_t> bytes;
  std::vector<std::int64_t> frames;
  for (std::size_t i = 1; i < all.size(); ++i) {
    bytes.push_back(static_cast<std::int64_t>(all[i].bytes) -
                    static_cast<std::int64_t>(all[i - 1].bytes));
    frames.push_back(all[i].frames - all[i - 1].frames);
  }
  std::ranges::sort(bytes);
  std::ranges::sort(frames);
  EXPECT_LE(bytes[bytes.size() / 2], 512) << what << ": bytes from a point to the next";
  EXPECT_LE(frames[frames.size() / 2], 0) << what << ": frames from a point to the next";
}

// `all` requests over a few connections that are kept.
task<> ask_many(const target& t, int all) {
  std::vector<conversation> open;
  for (int i = 0; i < connections_kept; ++i) {
    open.push_back(co_await conversation::open(t));
    co_await open.back().once();
  }
  co_await with_task_group([&](task_group& g) -> task<> {
    for (conversation& c : open) g.spawn(c.fill_up());
    co_return;
  });
  std::vector<held> seen;
  for (int point = 0; point <= points; ++point) {
    seen.push_back(co_await look(t, connections_kept));
    tell("requests", static_cast<std::size_t>(all / points * point), seen.back());
    if (point == points) break;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (conversation& c : open) g.spawn(c.many(all / points / connections_kept));
      co_return;
    });
  }
  expect_flat(seen, "requests");
}

// So many at once, at rest after a request, and again.
task<> open_many(const target& t, std::size_t all) {
  std::vector<held> seen{co_await look(t)};
  tell("connections", 0, seen.back());
  for (int round = 0; round < 5; ++round) {
    std::vector<conversation> open(all);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t first = 0; first < 50; ++first)
        g.spawn([&, first]() -> task<> {
          for (std::size_t i = first; i < all; i += 50) {
            open[i] = co_await conversation::open(t);
            co_await open[i].once();
          }
        });
      co_return;
    });
    const held full = co_await look(t, all);
    tell("connections at rest", all, full);
    std::printf("           each holds %zu bytes\n", (full.bytes - seen.front().bytes) / all);
    open.clear();
    seen.push_back(co_await look(t));
    tell("connections again", 0, seen.back());
  }
  expect_flat(seen, "connections");
}

// `all` connections, each for one request.
task<> connect_many(const target& t, int all) {
  std::vector<held> seen;
  for (int point = 0; point <= points; ++point) {
    seen.push_back(co_await look(t));
    tell("connects", static_cast<std::size_t>(all / points * point), seen.back());
    if (point == points) break;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 20; ++i)
        g.spawn([&]() -> task<> {
          for (int n = 0; n < all / points / 20; ++n) {
            conversation c = co_await conversation::open(t);
            co_await c.last();
          }
        });
      co_return;
    });
  }
  expect_flat(seen, "connects");
}

void stays_flat(reactor_kind kind, protocol p) {
  child_process server(server_command(kind, p));
  std::string line;
  do {
    line = server.read(true);
  } while (!line.empty() && !line.starts_with("listening "));
  ASSERT_FALSE(line.empty()) << "the server did not start";
  const endpoint at = loopback(static_cast<std::uint16_t>(std::stoi(line.substr(10))));
  struct amounts {
    int requests;
    std::size_t connections;
    int connects;
  };
  const bool plain = p == protocol::plain;
  const amounts some = plain ? amounts{12'800, 200, 960} : amounts{6'400, 40, 320};
  const amounts all =
      plain ? amounts{1'000'000, 10'000, 100'000} : amounts{1'000'000, 2'000, 10'000};
  const amounts& n = long_run() ? all : some;
  run_on(kind, [&]() -> task<> {
    target t{.how = p, .at = at, .context = {}};
    if (p == protocol::tls) t.context = tls_context::client(tls_client_options().insecure());
    co_await ask_many(t, n.requests);
    co_await open_many(t, n.connections);
    co_await connect_many(t, n.connects);
  });
}

}  // namespace

ON_KERNEL_REACTORS(ServerMemory, IsFlat) { stays_flat(reactor, protocol::plain); }

ON_KERNEL_REACTORS(ServerMemory, IsFlatOverTls) {
  NEEDS_CERTIFICATES;
  stays_flat(reactor, protocol::tls);
}

ON_KERNEL_REACTORS(ServerMemory, IsFlatOverHttp2) {
  if (!features().http2) GTEST_SKIP() << "built without nghttp2";
  stays_flat(reactor, protocol::h2);
}

}  // namespace memory_test

#endif
