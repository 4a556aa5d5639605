// A server's memory is flat: whatever it has served, it holds what it held before. It runs in a
// process of its own, which tells what it has: the bytes that malloc has given and not got back
// (those of OpenSSL and nghttp2 too), less the blocks that the frame pool keeps for its next
// frames, and what is resident.
//
// `scripts/test --long`: a million requests, ten thousand connections three times, and a hundred
// thousand connects; over TLS and HTTP/2 two thousand, because one costs a hundred times more.
#include "http/http_support.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"
#include "support/held.hpp"

#include <rondo/http.hpp>

#include <unistd.h>

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
constexpr int points = 5;

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
  // It fills the tables of fields, which else only each new Date would, and is always as long.
  std::uint64_t number = 1'000'000'000;
  s.route("GET", "/", [&number](server_request&) -> task<server_response> {
    co_return server_response::text("hello").header("X-Number", std::to_string(number++));
  });
  s.route("GET", "/memory", [](server_request& r) -> task<server_response> {
    std::ostringstream out;
    out << held_bytes() << ' ' << detail::frames_alive() << ' ' << resident_kib() << ' '
        << r.server().connections();
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
    take_frames_one_by_one();
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
    std::string got;
    std::array<std::byte, 4096> room{};
    while (!got.ends_with("\r\n\r\nhello")) {
      const std::size_t n = co_await stream_.read_some(room);
      EXPECT_GT(n, 0U);
      if (n == 0) co_return;
      got.append(reinterpret_cast<const char*>(room.data()), n);
    }
    answer_size_ = got.size();
  }
  // Sixteen at a time, when once() has seen how long an answer is.
  task<> many(int n) {
    constexpr int at_once = 16;
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
      for (std::size_t left = at_once * answer_size_; left > 0;) {
        const std::size_t got = co_await stream_.read_some(room);
        EXPECT_TRUE(got > 0 && got <= left);
        if (got == 0 || got > left) co_return;
        left -= got;
      }
    }
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

// The last point has no more than the first, but for two things that have a bound. epoll's receive
// buffers are kept as they were cut, sixteen of 4 KiB at a time (buffer_pool.hpp): as many as there
// were connections, at most, that had bytes in the same turn. And a table of fields that is full
// holds some more or fewer of them, as each new Date is longer than what is in its place: `tables`
// of them.
void expect_flat(const std::vector<held>& all, const char* what, std::size_t connections,
                 std::size_t tables = 0) {
  constexpr std::int64_t chunk = 16 * 4096 + 2 * sizeof(std::size_t);
  const auto most_chunks = static_cast<std::int64_t>(connections / 16 + 1);
  const auto full = static_cast<std::int64_t>(tables);
  const held& first = all.front();
  const held& last = all.back();
  auto grown = static_cast<std::int64_t>(last.bytes) - static_cast<std::int64_t>(first.bytes);
  if (grown > 0) grown -= std::min((grown + chunk / 2) / chunk, most_chunks) * chunk;
  EXPECT_LE(grown, 4096 + 1024 * full) << what;
  EXPECT_LE(std::abs(last.frames - first.frames), 8 * full) << what;
}

// More than a table of HPACK has room for: 4 KiB, in which X-Number takes 50 bytes (RFC 7541,
// section 4.1).
constexpr int fields_in_a_table = 96;

// `all` requests over a few connections that are kept.
task<> ask_many(const target& t, int all) {
  constexpr std::size_t connections = 50;
  std::vector<conversation> open;
  for (std::size_t i = 0; i < connections; ++i) {
    open.push_back(co_await conversation::open(t));
    co_await open.back().once();
    if (t.how == protocol::h2) co_await open.back().many(fields_in_a_table);
  }
  std::vector<held> seen;
  for (int point = 0; point <= points; ++point) {
    seen.push_back(co_await look(t, connections));
    tell("requests", static_cast<std::size_t>(all / points * point), seen.back());
    if (point == points) break;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (conversation& c : open) g.spawn(c.many(all / points / static_cast<int>(connections)));
      co_return;
    });
  }
  if (t.how != protocol::h2) seen.erase(seen.begin());
  expect_flat(seen, "requests", connections, t.how == protocol::h2 ? connections : 0);
}

// Three times so many at once, at rest after a request.
task<> open_many(const target& t, std::size_t all) {
  constexpr std::size_t at_once = 50;
  std::vector<held> seen{co_await look(t)};
  tell("connections", 0, seen.back());
  for (int round = 0; round < 3; ++round) {
    std::vector<conversation> open(all);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (std::size_t first = 0; first < at_once; ++first)
        g.spawn([&, first]() -> task<> {
          for (std::size_t i = first; i < all; i += at_once) {
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
  seen.erase(seen.begin());
  expect_flat(seen, "connections", at_once);
}

// `all` connections, each for one request.
task<> connect_many(const target& t, int all) {
  constexpr int at_once = 20;
  std::vector<held> seen;
  for (int point = 0; point <= points; ++point) {
    seen.push_back(co_await look(t));
    tell("connects", static_cast<std::size_t>(all / points * point), seen.back());
    if (point == points) break;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < at_once; ++i)
        g.spawn([&]() -> task<> {
          for (int n = 0; n < all / points / at_once; ++n) {
            conversation c = co_await conversation::open(t);
            co_await c.last();
          }
        });
      co_return;
    });
  }
  seen.erase(seen.begin());
  expect_flat(seen, "connects", at_once);
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
  const amounts some = plain ? amounts{8'000, 200, 1'000} : amounts{4'000, 40, 100};
  const amounts all{1'000'000, plain ? std::size_t{10'000} : std::size_t{2'000}, 100'000};
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
