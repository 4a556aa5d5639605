// A GET over https whose n-th request for memory is refused, n = 0, 1, 2, …: those of operator new,
// then those of OpenSSL, which come after its own start. Each ends with the answer, with
// std::bad_alloc or with an error of http, and leaves neither a frame nor a descriptor behind. The
// server has a thread of its own, and memory.
#include "http/http_server_thread.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#ifndef RONDO_TEST_SANITIZED

#include <openssl/crypto.h>

#include <cstdlib>
#include <utility>

using namespace rondo;
using namespace rondo_test;

namespace {

constexpr std::uint64_t none = ~std::uint64_t{0};
constinit thread_local std::uint64_t asked_by_openssl = 0;
constinit thread_local std::uint64_t refused_to_openssl = none;

bool refuse_openssl() noexcept {
  if (asked_by_openssl++ != refused_to_openssl) return false;
  refused_to_openssl = none;
  return true;
}
void* openssl_malloc(std::size_t size, const char* /*file*/, int /*line*/) {
  return refuse_openssl() ? nullptr : std::malloc(size);
}
void* openssl_realloc(void* p, std::size_t size, const char* /*file*/, int /*line*/) {
  return refuse_openssl() ? nullptr : std::realloc(p, size);
}
void openssl_free(void* p, const char* /*file*/, int /*line*/) { std::free(p); }

// Before OpenSSL asks for anything.
const bool counting_openssl =
    CRYPTO_set_mem_functions(&openssl_malloc, &openssl_realloc, &openssl_free) == 1;

task<std::string> fetch(http::client_options options, std::string url) {
  http::client c(std::move(options));
  co_return co_await get_text(c, std::move(url));
}

// How the GET ended: "answered", "no memory", or the error.
std::string get(reactor_kind kind, const http::client_options& client_options,
                const std::string& url) {
  try {
    const auto options = run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
    const std::string text = run(fetch(client_options, url), options);
    return text == "hello\n" ? "answered" : "another answer: " + text;
  } catch (const std::bad_alloc&) {
    return "no memory";
  } catch (const http::error& e) {
    return e.what();
  }
}

// Refuses by refuse(n), n = 0, step, 2 * step, …, until no request is left to refuse. Returns how
// many were.
template <class Refuse, class Pending>
std::uint64_t refuse_each(reactor_kind kind, std::uint64_t step, Refuse refuse, Pending pending) {
  const http_server_thread server(kind, server_scheme::https);
  const auto options = http::client_options().tls(tls_context::client(client_of_root()));
  const std::string url = server.origin() + "/hello";
  EXPECT_EQ(get(kind, options, url), "answered");
  std::uint64_t n = 0;
  for (bool left = true; left && !testing::Test::HasFailure(); n += step) {
    SCOPED_TRACE("request for memory " + std::to_string(n));
    refuse(n);
    const std::string end = get(kind, options, url);
    left = !pending();
    if (!left) EXPECT_EQ(end, "answered");
    EXPECT_EQ(end.find("another"), std::string::npos) << end;
    EXPECT_EQ(end.find("ran out"), std::string::npos) << end;  // nobody waits for what cannot come
    EXPECT_EQ(rondo::detail::frames_alive(),
              0);  // descriptors: at the end, when the server's are gone too
  }
  return n;
}

}  // namespace

ON_KERNEL_REACTORS(HttpNoMemory, EachRequestOfOursMayBeRefused) {
  NEEDS_CERTIFICATES;
  const std::uint64_t n = refuse_each(
      reactor, 1, [](std::uint64_t k) { refuse_allocation(k); },
      [] { return refusal_is_pending(); });
  EXPECT_GT(n, 20U);
}

ON_KERNEL_REACTORS(HttpNoMemory, EachRequestOfOpensslsMayBeRefused) {
  NEEDS_CERTIFICATES;
  EXPECT_TRUE(counting_openssl);
  const std::uint64_t n = refuse_each(
      reactor, long_run() ? 1 : 13,
      [](std::uint64_t k) { refused_to_openssl = asked_by_openssl + k; },
      [] { return std::exchange(refused_to_openssl, none) != none; });
  EXPECT_GT(n, 100U);
}

namespace {

std::string how_it_ends(reactor_kind kind, exchange e, const std::string& origin) {
  auto client = http::client_options().total_timeout(std::chrono::seconds(20));
  if (origin.starts_with("https:")) client.tls(tls_context::client(client_of_root()));
  try {
    const auto options = run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
    switch (run(e(http::client(std::move(client)), origin), options)) {
      case answer::right: return "answered";
      case answer::refused: return "refused";
      case answer::wrong: break;
    }
    return "another answer";
  } catch (const http::error& error) {
    return error.what();
  }
}

void expect_told(const std::string& during) {
  EXPECT_EQ(during.find("another"), std::string::npos) << during;
  EXPECT_EQ(during.find("ran out"), std::string::npos) << during;
}

// Whatever becomes of the request during which the server was refused memory, the next is answered.
template <class Refuse, class Pending>
std::uint64_t refuse_each_of_the_server(reactor_kind kind, server_scheme scheme, exchange e,
                                        std::uint64_t step, Refuse refuse, Pending pending) {
  http_server_thread server(kind, scheme);
  EXPECT_EQ(how_it_ends(kind, e, server.origin()), "answered");
  std::uint64_t n = 0;
  for (bool left = true; left && !testing::Test::HasFailure(); n += step) {
    SCOPED_TRACE("request for memory " + std::to_string(n));
    server.on_its_thread([&] { return refuse(n), true; });
    const std::string during = how_it_ends(kind, e, server.origin());
    left = !server.on_its_thread(pending);
    if (!left) EXPECT_EQ(during, "answered");
    expect_told(during);
    EXPECT_EQ(how_it_ends(kind, e, server.origin()), "answered");
  }
  return n;
}

void outlives_each_refusal(reactor_kind kind, server_scheme scheme) {
  for (const exchange e : {get_hello, get_a_file, stream_both_ways, hear_events}) {
    const std::uint64_t n = refuse_each_of_the_server(
        kind, scheme, e, 1, [](std::uint64_t k) { refuse_allocation(k); }, &refusal_is_pending);
    EXPECT_GT(n, 5U);
  }
}

// From the moment on in which it is asked to stop.
void ends_with_each_refusal(reactor_kind kind, server_scheme scheme) {
  std::uint64_t n = 0;
  for (bool left = true; left && !testing::Test::HasFailure(); ++n) {
    SCOPED_TRACE("request for memory " + std::to_string(n));
    http_server_thread server(kind, scheme, {},
                              {.at_stop = [n] { refuse_allocation(n); },
                               .at_end = [&left] { left = !refusal_is_pending(); }});
    const std::string during = how_it_ends(kind, stop_it, server.origin());
    server.join();
    if (!left) EXPECT_EQ(during, "answered");
    expect_told(during);
  }
  EXPECT_GT(n, 3U);
}

}  // namespace

ON_KERNEL_REACTORS(HttpNoMemory, TheServerOutlivesEachRequestOfItsOwn) {
  outlives_each_refusal(reactor, server_scheme::http);
}

ON_KERNEL_REACTORS(HttpNoMemory, TheServerOverTlsOutlivesEachRequestOfItsOwn) {
  NEEDS_CERTIFICATES;
  outlives_each_refusal(reactor, server_scheme::https);
}

ON_KERNEL_REACTORS(HttpNoMemory, TheServerOutlivesEachRequestOfOpenssls) {
  NEEDS_CERTIFICATES;
  const std::uint64_t n = refuse_each_of_the_server(
      reactor, server_scheme::https, get_hello, long_run() ? 1 : 29,
      [](std::uint64_t k) { refused_to_openssl = asked_by_openssl + k; },
      [] { return std::exchange(refused_to_openssl, none) != none; });
  EXPECT_GT(n, 100U);
}

ON_KERNEL_REACTORS(HttpNoMemory, AStopEndsWhicheverRequestIsRefused) {
  ends_with_each_refusal(reactor, server_scheme::http);
}

ON_KERNEL_REACTORS(HttpNoMemory, AStopOverTlsEndsWhicheverRequestIsRefused) {
  NEEDS_CERTIFICATES;
  ends_with_each_refusal(reactor, server_scheme::https);
}

#endif
