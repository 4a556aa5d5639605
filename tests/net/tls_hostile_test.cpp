// Peers that speak TLS and mean no good, or speak its rarer words: played by OpenSSL itself, driven
// from the test, over the simulated network.
#include "net/tls_support.hpp"
#include "support/run_on.hpp"

#include <rondo/patterns/gather.hpp>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

// A server whose every move is ours.
class raw_server {
 public:
  explicit raw_server(tcp_stream tcp, int newest = TLS1_3_VERSION) : tcp_(std::move(tcp)) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(context_, certificate_path("good-chain.pem").c_str());
    SSL_CTX_use_PrivateKey_file(context_, certificate_path("good.key").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_max_proto_version(context_, newest);
    ssl_ = SSL_new(context_);
    SSL_set_accept_state(ssl_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
  }
  raw_server(const raw_server&) = delete;
  raw_server& operator=(const raw_server&) = delete;
  ~raw_server() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  SSL* ssl() { return ssl_; }
  tcp_stream& tcp() { return tcp_; }

  // What OpenSSL wants to send.
  std::string outgoing() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &data);
    std::string text(data, static_cast<std::size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl_));
    return text;
  }
  task<> flush() { co_await tcp_.write_all(bytes_of(outgoing())); }
  task<bool> receive() {
    const std::string piece = co_await read_piece(tcp_);
    BIO_write(SSL_get_rbio(ssl_), piece.data(), static_cast<int>(piece.size()));
    co_return !piece.empty();
  }
  task<> handshake() {
    while (SSL_do_handshake(ssl_) != 1) {
      co_await flush();
      co_await receive();
    }
    co_await flush();
  }
  task<> write(std::string text) {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    co_await flush();
  }
  task<std::string> read(std::size_t most = 4096) {
    std::string text(most, '\0');
    for (;;) {
      const int n = SSL_read(ssl_, text.data(), static_cast<int>(text.size()));
      if (n > 0) co_return text.substr(0, static_cast<std::size_t>(n));
      if (SSL_get_error(ssl_, n) != SSL_ERROR_WANT_READ || !co_await receive()) co_return "";
    }
  }

 private:
  tcp_stream tcp_;
  SSL_CTX* context_;
  SSL* ssl_;
};

task<tls_tcp> connect_client(tcp_stream tcp) {
  return tls_tcp::connect(std::move(tcp), tls_context::client(client_of_root()), "good.test");
}

// Runs `body` with a client of ours and a raw server, both past their handshake.
template <class Body>
void against(int newest, Body body) {
  simulate([&]() -> task<> {
    stream_pair p = co_await connect_pair();
    raw_server server(std::move(p.server), newest);
    auto [client, nothing] =
        co_await gather(connect_client(std::move(p.client)), server.handshake());
    co_await body(client, server);
  });
}

}  // namespace

TEST(TlsHostile, AnAskedForKeyUpdateIsAnsweredByTheNextWrite) {
  NEEDS_CERTIFICATES;
  against(TLS1_3_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    for (int round = 0; round < 100; ++round) {
      SSL_key_update(server.ssl(), SSL_KEY_UPDATE_REQUESTED);
      co_await server.write("new keys");
      EXPECT_EQ(co_await read_piece(client), "new keys");
      co_await client.write_all(bytes_of("and mine"));
      EXPECT_EQ(co_await server.read(), "and mine");
    }
  });
}

TEST(TlsHostile, AFloodOfKeyUpdatesIsAnError) {
  NEEDS_CERTIFICATES;
  against(TLS1_3_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    for (int i = 0; i < 100; ++i) {
      SSL_key_update(server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(server.ssl());
    }
    co_await server.flush();
    const auto r = co_await as_result(read_piece(client));
    EXPECT_EQ(r.code(), net::tls_errc::protocol);
    EXPECT_EQ((co_await as_result(client.write_all(bytes_of("x")))).code(),
              net::tls_errc::protocol);
  });
}

TEST(TlsHostile, ThirtyKeyUpdatesWithoutDataAreBorne) {
  NEEDS_CERTIFICATES;
  against(TLS1_3_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 28; ++i) {
        SSL_key_update(server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(server.ssl());
      }
      co_await server.write("at last");
      EXPECT_EQ(co_await read_piece(client), "at last");
    }
  });
}

TEST(TlsHostile, AFloodOfRequestsToRenegotiateIsAnError) {
  NEEDS_CERTIFICATES;
  against(TLS1_2_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    // HelloRequest, again and again: answered by warnings at first.
    for (int i = 0; i < 200; ++i) {
      SSL_renegotiate(server.ssl());
      SSL_do_handshake(server.ssl());
    }
    co_await server.flush();
    const auto r = co_await as_result(read_piece(client));
    EXPECT_EQ(r.code().category(), net::tls_category());
  });
}

TEST(TlsHostile, ARequestToRenegotiateIsDeclinedAndTheConnectionGoesOn) {
  NEEDS_CERTIFICATES;
  against(TLS1_2_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    const SSL_SESSION* before = SSL_get_session(server.ssl());
    SSL_renegotiate(server.ssl());
    SSL_do_handshake(server.ssl());
    co_await server.flush();
    co_await with_task_group([&](task_group& g) -> task<> {
      // The reader owes the refusal; whoever writes next sends it first.
      g.spawn([&]() -> task<> { (void)co_await as_result(read_piece(client)); });
      co_await sleep_for(10ms);
      co_await client.write_all(bytes_of("no"));
      co_await server.receive();
      g.cancel();
    });
    EXPECT_EQ(SSL_get_session(server.ssl()), before);
  });
}

TEST(TlsHostile, AFatalAlertHasItsName) {
  NEEDS_CERTIFICATES;
  against(TLS1_3_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    // Data the server cannot decrypt: it answers bad_record_mac.
    co_await client.transport().write_all(
        bytes_of(std::string_view("\x17\x03\x03\x00\x20"
                                  "01234567890123456789012345678901",
                                  37)));
    (void)co_await server.read();
    co_await server.flush();
    try {
      (void)co_await read_piece(client);
      ADD_FAILURE() << "no error";
    } catch (const net::tls_alert& e) {
      EXPECT_EQ(e.number(), 20);
      EXPECT_EQ(e.name(), "bad record mac");
      EXPECT_EQ(e.code(), net::tls_errc::alert);
    }
  });
}

TEST(TlsHostile, DataAfterCloseNotifyIsNotRead) {
  NEEDS_CERTIFICATES;
  against(TLS1_3_VERSION, [](tls_tcp& client, raw_server& server) -> task<> {
    co_await server.write("all");
    SSL_shutdown(server.ssl());
    co_await server.flush();
    co_await server.tcp().write_all(bytes_of("and then some"));
    EXPECT_EQ(co_await read_piece(client), "all");
    EXPECT_EQ(co_await read_piece(client), "");
    EXPECT_EQ(co_await read_piece(client), "");
  });
}
