// What the tests of TLS share: certificates made by tests/net/certificates.sh once a program,
// contexts, and connected pairs.
#pragma once

#include "net/net_support.hpp"

#include <rondo/net.hpp>

#include <fstream>
#include <string>
#include <string_view>

namespace rondo_test {

using rondo::net::tls_client_options;
using rondo::net::tls_context;
using rondo::net::tls_server_options;
using rondo::net::tls_stream;
using tls_tcp = tls_stream<tcp_stream>;

// Where the certificates are; empty when the openssl command is missing. Made once, gone with the
// process.
const std::string& certificates();
// One file of them.
inline std::string certificate_path(std::string_view file) {
  return certificates() + '/' + std::string(file);
}
std::string certificate_text(std::string_view file);

#define NEEDS_CERTIFICATES                                                                \
  if (rondo_test::certificates().empty()) {                                               \
    GTEST_SKIP() << "the openssl command is not installed: no certificates to test with"; \
  }                                                                                       \
  static_assert(true)

// A server that shows the certificate of that name with its chain.
inline tls_server_options server_as(const std::string& name) {
  return tls_server_options().certificate_file(certificate_path(name + "-chain.pem"),
                                               certificate_path(name + ".key"));
}
// A client that trusts our root alone.
inline tls_client_options client_of_root() {
  return tls_client_options().ca_file(certificate_path("root.pem"));
}

struct tls_pair {
  tls_tcp client;
  tls_tcp server;
};

// Both handshakes, side by side. Throws what the client's throws, else what the server's does.
rondo::task<tls_pair> tls_handshakes(tls_context client, tls_context server,
                                     std::string name = "good.test");
inline rondo::task<tls_pair> tls_handshakes() {
  return tls_handshakes(tls_context::client(client_of_root()),
                        tls_context::server(server_as("good")));
}

// What one read gives; empty at the end.
template <rondo::net::byte_stream S>
rondo::task<std::string> read_piece(S& s, std::size_t most = 4096) {
  std::vector<std::byte> buffer(most);
  const std::size_t n = co_await s.read_some(buffer);
  co_return std::string(reinterpret_cast<const char*>(buffer.data()), n);
}
template <rondo::net::byte_stream S>
rondo::task<std::string> read_all(tls_stream<S>& s, std::size_t buffer_size = 16 * 1024) {
  std::string all;
  std::vector<std::byte> buffer(buffer_size);
  while (const std::size_t n = co_await s.read_some(buffer))
    all.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return all;
}

}  // namespace rondo_test
