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
#include <functional>

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

// A path ends at its first NUL byte: what stands before it is another file.
TEST(TlsContext, APathWithANulByteIsRefusedBeforeItIsOpened) {
  NEEDS_CERTIFICATES;
  const std::string good = certificate_path("good-chain.pem");
  const std::string key = certificate_path("good.key");
  const std::string root = certificate_path("root.pem");
  const auto nul = [](const std::string& path) { return path + std::string("\0.pem", 5); };
  const std::string log = certificate_path("never-made.log");
  const std::vector<std::pair<std::string, std::function<void()>>> all{
      {root, [&] { tls_context::client(tls_client_options().ca_file(nul(root))); }},
      {root, [&] { tls_context::client(tls_client_options().crl_file(nul(root))); }},
      {certificates(),
       [&] { tls_context::client(tls_client_options().ca_folder(nul(certificates()))); }},
      {log, [&] { tls_context::client(tls_client_options().key_log_file(nul(log))); }},
      {good, [&] { tls_context::client(tls_client_options().certificate_file(nul(good), key)); }},
      {key, [&] { tls_context::server(tls_server_options().certificate_file(good, nul(key))); }},
      {good, [&] { tls_context::server(tls_server_options().certificate_file(nul(good), key)); }},
      {root, [&] { tls_context::server(server_as("good").client_ca_file(nul(root))); }},
      {log, [&] { tls_context::server(server_as("good").key_log_file(nul(log))); }},
  };
  for (const auto& [path, make] : all) {
    const std::string text = refusal(make);
    EXPECT_TRUE(mentions(text, path + "\\0.pem")) << text;
    EXPECT_TRUE(mentions(text, "NUL")) << text;
  }
  EXPECT_FALSE(std::ifstream(log).is_open());
}

TEST(TlsContext, AVersionBelow12IsRefusedWithASentence) {
  NEEDS_CERTIFICATES;
  using net::tls_version;
  for (const tls_version old : {tls_version::tls_1_0, tls_version::tls_1_1}) {
    for (const std::string& text :
         {refusal([&] { tls_context::client(tls_client_options().min_version(old)); }),
          refusal([&] { tls_context::server(server_as("good").min_version(old)); })})
      EXPECT_TRUE(mentions(text, "min_version: TLS 1.0 and 1.1 are not spoken")) << text;
    EXPECT_TRUE(
        mentions(refusal([&] { tls_context::client(tls_client_options().max_version(old)); }),
                 "max_version: TLS 1.0 and 1.1 are not spoken"));
  }
  EXPECT_TRUE(mentions(refusal([] {
                         tls_context::client(tls_client_options()
                                                 .min_version(tls_version::tls_1_3)
                                                 .max_version(tls_version::tls_1_2));
                       }),
                       "no version is left"));
  EXPECT_TRUE(mentions(refusal([] {
                         tls_context::client(
                             tls_client_options().min_version(static_cast<tls_version>(9)));
                       }),
                       "no such version"));
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
// An end at rest, the session that it may take up later included. OpenSSL's own 16 KiB buffers are
// released.
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

// A reader that waits with a small buffer of its own has one of ours besides.
TEST(TlsMemory, AReaderThatWaitsHoldsNoWholeRecord) {
  NEEDS_CERTIFICATES;
  run_on(reactor_kind::epoll, []() -> task<> {
    constexpr std::size_t readers = 100;
    const tls_context client = tls_context::client(client_of_root());
    const tls_context server = tls_context::server(server_as("good"));
    std::vector<tls_pair> idle;
    for (std::size_t i = 0; i < readers; ++i)
      idle.push_back(co_await tls_handshakes(client, server));
    co_await with_task_group([&](task_group& g) -> task<> {
      const std::size_t before = mallinfo2().uordblks;
      for (tls_pair& p : idle) g.spawn([&]() -> task<> { co_await read_piece(p.server, 64); });
      co_await sleep_for(std::chrono::milliseconds(1));
      const std::size_t bytes = (mallinfo2().uordblks - before) / readers;
      EXPECT_LT(bytes, 8'000U);
      g.cancel();
    });
  });
}

// OpenSSL takes 50 KB for a handshake: not before a client has said something.
TEST(TlsMemory, AServerHoldsLittleForAClientThatSaysNothing) {
  NEEDS_CERTIFICATES;
  run_on(reactor_kind::epoll, []() -> task<> {
    constexpr std::size_t clients = 100;
    const tls_context server = tls_context::server(server_as("good"));
    tcp_listener listener = listen_here();
    std::vector<stream_pair> silent;
    for (std::size_t i = 0; i < clients; ++i) silent.push_back(co_await connect_pair(listener));
    co_await with_task_group([&](task_group& g) -> task<> {
      const std::size_t before = mallinfo2().uordblks;
      for (stream_pair& p : silent)
        g.spawn([&]() -> task<> { co_await tls_tcp::accept(std::move(p.server), server); });
      co_await sleep_for(std::chrono::milliseconds(1));
      const std::size_t bytes = (mallinfo2().uordblks - before) / clients;
      EXPECT_LT(bytes, 16'000U);
      g.cancel();
    });
  });
}
