// A GET and an upload, plain and over TLS, and three streams of HTTP/2, during which one system
// call fails, or one operation of io_uring: the n-th, n = 0, 1, 2, …, with each errno that it may
// have. The client's: it ends with the answer or with an error that says what failed, and leaves
// neither a frame nor a descriptor. The server's: what comes afterwards is answered.
#include "http/http_server_thread.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"
#include "support/system_faults.hpp"

#include <rondo/patterns/gather.hpp>

#ifndef RONDO_TEST_NO_SYSTEM_FAULTS

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace http_faults_cases {
namespace {

constexpr unsigned variants = 5;  // as many as an operation has errors, at most

struct ended {
  std::string how;  // "answered", "refused", or what the error says
  bool answered() const { return how == "answered"; }
};

// Written while the answer is listened for.
task<answer> post_a_stream(http::client c, std::string origin) {
  const std::string piece = pattern(20'000);
  int taken = 0;
  http::response r =
      co_await c.send(http::request("POST", origin + "/echo").body(counted_body(piece, 3, taken)));
  co_return co_await judge(r, piece + piece + piece);
}

// Of HTTP/2: a text, a body that is sent back, and a file, all at once.
task<answer> three_streams(http::client c, std::string origin) {
  const std::string body = pattern(40'000);
  const auto sent_back = [&]() -> task<answer> {
    http::response r = co_await c.post(origin + "/echo", body);
    co_return co_await judge(r, body);
  };
  const auto [hello, echoed, file] =
      co_await gather(get_hello(c, origin), sent_back(), get_a_file(c, origin));
  for (const answer a : {hello, echoed, file})
    if (a != answer::right) co_return a;
  co_return answer::right;
}

ended run_exchange(reactor_kind kind, exchange e, const std::string& origin) {
  // Longer than any answer takes: who waits for what cannot come is found out.
  auto client = http::client_options().total_timeout(20s);
  client.http2(e == three_streams ? http::http2::prior_knowledge : http::http2::never);
  if (origin.starts_with("https:")) client.tls(tls_context::client(client_of_root()));
  try {
    const auto options = run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
    switch (run(e(http::client(std::move(client)), origin), options)) {
      case answer::right: return {"answered"};
      case answer::refused: return {"refused"};
      case answer::wrong: break;
    }
    return {"another answer"};
  } catch (const http::error& error) {
    return {error.what()};
  } catch (const std::system_error& error) {  // the loop could not be made
    return {error.what()};
  }
}

// Of these nothing may be seen: a signal, and what the ring can say of its own state.
bool is_harmless(const std::string& failed) {
  return failed.ends_with("Interrupted system call") || failed.starts_with("io_uring_enter") ||
         failed.starts_with("cancel in the ring");
}

void expect_clear(const ended& e, const std::string& failed) {
  if (failed.empty() || is_harmless(failed)) EXPECT_TRUE(e.answered()) << e.how;
  EXPECT_FALSE(e.how.empty());
  EXPECT_EQ(e.how.find("another"), std::string::npos) << e.how;
  EXPECT_EQ(e.how.find("while in phase"), std::string::npos) << e.how;  // the total timeout
}

using failures = std::set<std::string>;  // what has failed, each once

failures fail_each_call_of_the_client(reactor_kind kind, server_scheme scheme, exchange e) {
  const http_server_thread server(kind, scheme, {"h2", "http/1.1"});
  EXPECT_TRUE(run_exchange(kind, e, server.origin()).answered());
  failures all;
  for (unsigned variant = 0; variant < variants; ++variant) {
    for (std::uint64_t n = 0; !testing::Test::HasFailure(); ++n) {
      fail_system_call(n, variant);
      const ended end = run_exchange(kind, e, server.origin());
      const std::string what = failed_system_call();
      SCOPED_TRACE("call " + std::to_string(n) + ", " + what);
      expect_clear(end, what);
      EXPECT_EQ(rondo::detail::frames_alive(), 0);
      if (what.empty()) break;
      all.insert(what);
    }
  }
  return all;
}

failures fail_each_call_of_the_server(reactor_kind kind, server_scheme scheme,
                                      exchange e = get_hello) {
  http_server_thread server(kind, scheme, {"h2", "http/1.1"});
  EXPECT_TRUE(run_exchange(kind, e, server.origin()).answered());
  failures all;
  for (unsigned variant = 0; variant < variants; ++variant) {
    for (std::uint64_t n = 0; !testing::Test::HasFailure(); ++n) {
      server.on_its_thread([&] { return fail_system_call(n, variant), true; });
      const ended during = run_exchange(kind, e, server.origin());
      const std::string what = server.on_its_thread([] { return failed_system_call(); });
      SCOPED_TRACE("call " + std::to_string(n) + ", " + what);
      expect_clear(during, what);
      const ended after = run_exchange(kind, e, server.origin());
      EXPECT_TRUE(after.answered()) << after.how;
      if (what.empty()) break;
      all.insert(what);
    }
  }
  return all;
}

// Its calls from the moment on in which it is asked to stop: it ends, and who had asked is answered
// or told.
failures fail_each_call_of_a_stop(reactor_kind kind, server_scheme scheme) {
  failures all;
  for (unsigned variant = 0; variant < (long_run() ? variants : 1); ++variant) {
    // How many there are is not always the same: five in a row without the next are the end.
    for (std::uint64_t n = 0, without = 0; without < 5 && !testing::Test::HasFailure();) {
      std::string what;
      http_server_thread server(kind, scheme, {},
                                {.at_stop = [n, variant] { fail_system_call(n, variant); },
                                 .at_end = [&what] { what = failed_system_call(); }});
      const ended during = run_exchange(kind, stop_it, server.origin());
      server.join();
      SCOPED_TRACE("call " + std::to_string(n) + ", " + what);
      expect_clear(during, what);
      if (what.empty()) {
        ++without;
        continue;
      }
      all.insert(what);
      without = 0;
      ++n;
    }
  }
  return all;
}

bool has_begin(const failures& all, const std::string& begin) {
  return std::ranges::any_of(all, [&](const std::string& s) { return s.starts_with(begin); });
}

}  // namespace

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAGetMayFail) {
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::http, get_hello);
  EXPECT_GE(all.size(), 15U);
  if (reactor == reactor_kind::epoll || operations_can_fail())
    for (const char* call : {"eventfd", "socket", "setsockopt", "connect", "send", "recv"})
      EXPECT_TRUE(has_begin(all, call)) << call;
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerOfFilesMayFail) {
  const failures all = fail_each_call_of_the_server(reactor, server_scheme::http, get_a_file);
  for (const char* call : {"sendfile", "preadv2", "fstat"})
    EXPECT_TRUE(has_begin(all, call)) << call;
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerOfFilesOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  const failures all = fail_each_call_of_the_server(reactor, server_scheme::https, get_a_file);
  EXPECT_TRUE(has_begin(all, "fstat"));
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerThatStreamsBothWaysMayFail) {
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::http, stream_both_ways).size(),
            8U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerThatStreamsBothWaysOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::https, stream_both_ways).size(),
            8U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerOfEventsMayFail) {
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::http, hear_events).size(), 8U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAServerOfEventsOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::https, hear_events).size(), 8U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAStopMayFail) {
  // Whether it hears of the client's end before it has asked for it, is the client's speed.
  EXPECT_GE(fail_each_call_of_a_stop(reactor, server_scheme::http).size(), 2U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAStopOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  EXPECT_GE(fail_each_call_of_a_stop(reactor, server_scheme::https).size(), 2U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAGetOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::https, get_hello);
  EXPECT_GE(all.size(), 15U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAnUploadMayFail) {
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::http, post_a_stream);
  EXPECT_GE(all.size(), 15U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfAnUploadOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::https, post_a_stream);
  EXPECT_GE(all.size(), 15U);
}

ON_KERNEL_REACTORS(HttpFaults, TheServerOutlivesEachOfItsCalls) {
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::http).size(), 8U);
}

ON_KERNEL_REACTORS(HttpFaults, TheServerOverTlsOutlivesEachOfItsCalls) {
  NEEDS_CERTIFICATES;
  EXPECT_GE(fail_each_call_of_the_server(reactor, server_scheme::https).size(), 8U);
}

#ifdef RONDO_HAVE_HTTP2
ON_KERNEL_REACTORS(HttpFaults, EachCallOfThreeStreamsMayFail) {
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::http, three_streams);
  EXPECT_GE(all.size(), 15U);
}

ON_KERNEL_REACTORS(HttpFaults, EachCallOfThreeStreamsOverTlsMayFail) {
  NEEDS_CERTIFICATES;
  const failures all = fail_each_call_of_the_client(reactor, server_scheme::https, three_streams);
  EXPECT_GE(all.size(), 15U);
}

ON_KERNEL_REACTORS(HttpFaults, TheServerOutlivesEachOfItsCallsForThreeStreams) {
  const failures all = fail_each_call_of_the_server(reactor, server_scheme::http, three_streams);
  EXPECT_GE(all.size(), 8U);
}

ON_KERNEL_REACTORS(HttpFaults, TheServerOverTlsOutlivesEachOfItsCallsForThreeStreams) {
  NEEDS_CERTIFICATES;
  const failures all = fail_each_call_of_the_server(reactor, server_scheme::https, three_streams);
  EXPECT_GE(all.size(), 8U);
}
#endif

}  // namespace http_faults_cases

#endif
