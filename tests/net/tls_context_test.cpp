// Contexts: what cannot be set up says why; what is asked for happens.
#include "net/tls_support.hpp"
#include "support/allocations.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/gather.hpp>

#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/stat.h>
#include <cstdio>
#include <fstream>

using namespace rondo;
using namespace rondo_test;

namespace {

template <class Make>
std::string refusal(Make make) {
  try {
    make();
    ADD_FAILURE() << "no error";
  } catch (const net::tls_config_error& e) {
    EXPECT_EQ(e.code(), net::tls_errc::configuration);
    return e.what();
  }
  return {};
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(TlsContext, AServerWithoutACertificateIsRefused) {
  EXPECT_TRUE(mentions(refusal([] { tls_context::server({}); }), "needs a certificate"));
}

TEST(TlsContext, AMissingFileIsNamed) {
  const std::string text =
      refusal([] { tls_context::client(tls_client_options().ca_file("/no/such/ca.pem")); });
  EXPECT_TRUE(mentions(text, "/no/such/ca.pem")) << text;
  EXPECT_TRUE(mentions(text, "No such file")) << text;
  EXPECT_TRUE(mentions(
      refusal([] { tls_context::client(tls_client_options().ca_folder("/no/such/folder")); }),
      "/no/such/folder"));
  EXPECT_TRUE(mentions(
      refusal([] { tls_context::client(tls_client_options().key_log_file("/no/such/log")); }),
      "/no/such/log"));
}

TEST(TlsContext, WhatIsNotPemIsRefused) {
  EXPECT_TRUE(mentions(refusal([] { tls_context::client(tls_client_options().ca_pem("hello")); }),
                       "no certificate in it"));
  EXPECT_TRUE(mentions(refusal([] {
                         tls_context::client(tls_client_options().ca_pem(
                             "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
                       }),
                       "not a certificate"));
  EXPECT_TRUE(mentions(refusal([] { tls_context::client(tls_client_options().crl_pem("x")); }),
                       "no revocation list"));
}

TEST(TlsContext, AKeyOfAnotherCertificateIsRefused) {
  NEEDS_CERTIFICATES;
  const std::string text = refusal([] {
    tls_context::server(tls_server_options().certificate_file(certificate_path("good-chain.pem"),
                                                              certificate_path("p384.key")));
  });
  EXPECT_TRUE(mentions(text, "p384.key")) << text;
}

TEST(TlsContext, AServerDoesNotShowAWeakCertificate) {
  NEEDS_CERTIFICATES;
  EXPECT_TRUE(mentions(refusal([] { tls_context::server(server_as("weakkey")); }), "too small"));
  EXPECT_TRUE(mentions(refusal([] { tls_context::server(server_as("sha1")); }), "too weak"));
}

TEST(TlsContext, TakesPemFromMemory) {
  NEEDS_CERTIFICATES;
  simulate([]() -> task<> {
    tls_pair p = co_await tls_handshakes(
        tls_context::client(tls_client_options().ca_pem(certificate_text("root.pem"))),
        tls_context::server(tls_server_options().certificate_pem(certificate_text("good-chain.pem"),
                                                                 certificate_text("good.key"))));
    EXPECT_EQ(p.client.peer_subject(), "CN=good");
  });
}

TEST(TlsContext, TakesAFolderOfAuthorities) {
  NEEDS_CERTIFICATES;
  const temporary_folder folder;
  const finished hash = run_command(
      {find_program("openssl"), "x509", "-noout", "-hash", "-in", certificate_path("root.pem")});
  folder.write(hash.output.substr(0, 8) + ".0", certificate_text("root.pem"));
  simulate([&]() -> task<> {
    tls_pair p =
        co_await tls_handshakes(tls_context::client(tls_client_options().ca_folder(folder.path())),
                                tls_context::server(server_as("good")));
    EXPECT_EQ(p.client.peer_subject(), "CN=good");
  });
}

TEST(TlsContext, TheSystemsAuthoritiesDoNotKnowOurs) {
  NEEDS_CERTIFICATES;
  simulate([]() -> task<> {
    const auto r = co_await as_result(
        tls_handshakes(tls_context::client(), tls_context::server(server_as("good"))));
    EXPECT_EQ(r.code(), net::tls_errc::certificate_refused);
  });
}

TEST(TlsContext, RolesAreNotMixedUp) {
  NEEDS_CERTIFICATES;
  simulate([]() -> task<> {
    const tls_context client = tls_context::client(client_of_root());
    const tls_context server = tls_context::server(server_as("good"));
    const auto connect = [](tls_context c) -> task<std::error_code> {
      stream_pair p = co_await connect_pair();
      co_return (co_await as_result(tls_tcp::connect(std::move(p.client), c, "good.test"))).code();
    };
    const auto accept = [](tls_context c) -> task<std::error_code> {
      stream_pair p = co_await connect_pair();
      co_return (co_await as_result(tls_tcp::accept(std::move(p.server), c))).code();
    };
    EXPECT_EQ(co_await connect(server), net::tls_errc::configuration);
    EXPECT_EQ(co_await connect(tls_context()), net::tls_errc::configuration);
    EXPECT_EQ(co_await accept(client), net::tls_errc::configuration);
    EXPECT_EQ(co_await accept(tls_context()), net::tls_errc::configuration);
  });
}

TEST(TlsContext, ANameThatNoHostCanHaveIsRefused) {
  NEEDS_CERTIFICATES;
  simulate([]() -> task<> {
    const tls_context client = tls_context::client(client_of_root());
    const tls_context server = tls_context::server(server_as("good"));
    using namespace std::string_literals;
    for (const std::string& name : {""s, "."s, "a..b"s, ".a"s, "a.."s, "good.test\0.evil"s,
                                    "b\xc3\xbc"s
                                    "cher.test"s,
                                    "good.test:443"s, "[::1]"s, "*.test"s,
                                    std::string(64, 'a') + ".test", std::string(254, 'a')}) {
      const auto r = co_await as_result(tls_handshakes(client, server, name));
      EXPECT_EQ(r.code(), net::tls_errc::configuration) << name;
    }
  });
}

TEST(TlsContext, SecretsAreLoggedOnlyWhenAsked) {
  NEEDS_CERTIFICATES;
  const temporary_folder folder;
  const std::string path = folder.path() + "/keys";
  ::setenv("SSLKEYLOGFILE", path.c_str(), 1);
  const auto exchange = [](const tls_client_options& o) {
    simulate([o]() -> task<> {
      tls_pair p =
          co_await tls_handshakes(tls_context::client(o), tls_context::server(server_as("good")));
      co_await p.client.shutdown_write();
    });
  };
  exchange(client_of_root());
  EXPECT_FALSE(std::ifstream(path).good());
  exchange(client_of_root().key_log_from_environment());
  ::unsetenv("SSLKEYLOGFILE");
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(mentions(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ")) << text;
  EXPECT_TRUE(mentions(text, "SERVER_TRAFFIC_SECRET_0 ")) << text;
  struct stat s{};
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600U);
}

#ifndef RONDO_TEST_SANITIZED
// An end at rest, the session that it may take up later included. OpenSSL's own 16 KiB buffers are released.
TEST(TlsMemory, AnEndAtRestHoldsAFewKilobytes) {
  NEEDS_CERTIFICATES;
  run_on(reactor_kind::epoll, []() -> task<> {
    constexpr std::size_t pairs = 100;
    const tls_context client = tls_context::client(client_of_root());
    const tls_context server = tls_context::server(server_as("good"));
    std::vector<tls_pair> idle;
    idle.reserve(pairs + 1);
    std::size_t before = 0;
    for (std::size_t i = 0; i <= pairs; ++i) {
      idle.push_back(co_await tls_handshakes(client, server));
      tls_pair& p = idle.back();
      co_await p.server.write_all(bytes_of("hello"));
      EXPECT_EQ(co_await read_piece(p.client), "hello");
      if (i == 0) before = mallinfo2().uordblks;
    }
    const std::size_t bytes = (mallinfo2().uordblks - before) / (2 * pairs);
    std::printf("a TLS connection at rest holds %zu bytes an end\n", bytes);
    testing::Test::RecordProperty("bytes_an_end", std::to_string(bytes));
    EXPECT_LT(bytes, 32'000U);
  });
}
#endif

// The same seed gives the same handshake: every size and every moment.
TEST(TlsSimulation, IsReplayedByItsSeed) {
  NEEDS_CERTIFICATES;
  const auto trace_of = [](std::uint64_t seed) {
    std::string trace;
    simulation_options world;
    world.seed(seed).short_transfers(0.3).trace(trace);
    run_as(options_for(reactor_kind::simulated).simulation(world), [&]() -> task<> {
      tls_pair p = co_await tls_handshakes();
      const std::string sent = pattern(100'000);
      auto [wrote, got] = co_await gather(
          [](tls_tcp& to, std::string_view text) -> task<> {
            co_await to.write_all(bytes_of(text));
            co_await to.shutdown_write();
          }(p.client, sent),
          read_all(p.server));
      EXPECT_TRUE(got == sent);
    });
    return trace;
  };
  const std::string first = trace_of(7);
  EXPECT_GT(first.size(), 1000U);
  for (int again = 0; again < 3; ++again) EXPECT_EQ(trace_of(7), first);
  EXPECT_NE(trace_of(8), first);
}
