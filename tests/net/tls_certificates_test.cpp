// Which certificates and servers a client accepts with its default settings, and which it refuses
// and why.
//
// Servers that ours would not be are played by `openssl s_server`, told to be as bad as the case
// needs.
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <gtest/gtest.h>

#include <charconv>

using namespace rondo;
using namespace rondo_test;

namespace {

struct certificate_case {
  const char* name;               // of the test
  const char* certificate;        // the server's
  const char* host;               // whom the client wants
  const char* refusal;            // part of the reason; nullptr: it must be accepted
  const char* revoked = nullptr;  // revocation lists given to the client, with commas between
};

constexpr const char* mismatch = "hostname mismatch";
constexpr const char* ip_mismatch = "IP address mismatch";

const certificate_case served_by_us[] = {
    {"AnEllipticCurveChain", "good", "good.test", nullptr},
    {"Rsa2048", "rsa", "good.test", nullptr},
    {"Ed25519", "ed25519", "good.test", nullptr},
    {"P384", "p384", "good.test", nullptr},
    {"TwoIntermediates", "deep", "good.test", nullptr},
    {"NoIntermediate", "direct", "good.test", nullptr},
    {"SurplusCertificates", "surplus", "good.test", nullptr},
    {"AWildcard", "wildcard", "a.wild.test", nullptr},
    {"ATrailingDot", "good", "good.test.", nullptr},
    {"AnotherCase", "good", "GOOD.Test", nullptr},
    {"AnotherCaseInTheCertificate", "upper", "good.test", nullptr},
    {"AnALabel", "idna", "xn--bcher-kva.test", nullptr},
    {"AnIpv4Address", "ip", "127.0.0.1", nullptr},
    {"AnIpv6Address", "ip6", "::1", nullptr},
    {"AnIpv6AddressInAnotherSpelling", "ip6", "0:0:0:0:0:0:0:1", nullptr},
    {"OneOfSeveralNames", "several", "good.test", nullptr},
    {"OneOfSeveralAddresses", "several", "127.0.0.2", nullptr},
    {"UseForBoth", "bothuses", "good.test", nullptr},
    {"UseForAnything", "anyuse", "good.test", nullptr},
    {"NoSubject", "nosubject", "good.test", nullptr},
    {"ANameWithinItsIssuersConstraints", "inside", "good.inside.test", nullptr},
    {"NotRevoked", "good", "good.test", nullptr, "root,inter"},
    {"NotRevokedByTheListOfItsIssuerAlone", "good", "good.test", nullptr, "inter"},

    {"Expired", "expired", "good.test", "certificate has expired"},
    {"NotYetValid", "early", "good.test", "certificate is not yet valid"},
    {"AnotherHost", "good", "bad.test", mismatch},
    {"ASubdomain", "good", "www.good.test", mismatch},
    {"AParentDomain", "good", "test", mismatch},
    {"SelfSigned", "selfsigned", "good.test", "self-signed certificate"},
    {"AnUnknownRoot", "untrusted", "good.test", "self-signed certificate in certificate chain"},
    {"AMissingIntermediate", "missing", "good.test", "unable to get local issuer certificate"},
    {"ForClientsOnly", "clientonly", "good.test", "unsuitable certificate purpose"},
    {"ANameInTheSubjectAlone", "cnonly", "good.test", mismatch},
    {"ANameInTheSubjectAndAnotherBeside", "cnother", "good.test", mismatch},
    {"AMailAddressAndANameInTheSubject", "emailonly", "good.test", mismatch},
    {"APartialWildcard", "partial", "good.test", mismatch},
    {"APartialWildcardBeforeASuffix", "partial", "good.wild.test", mismatch},
    {"AWildcardForTwoLabels", "wildcard", "a.b.wild.test", mismatch},
    {"AWildcardForNoLabel", "wildcard", "wild.test", mismatch},
    {"AWildcardForATopLevelDomain", "top", "good.test", mismatch},
    {"AWildcardForEverything", "star", "good.test", mismatch},
    {"AWildcardForEverythingWithOneLabel", "star", "good", mismatch},
    {"AWildcardInTheMiddle", "middle", "a.b.wild.test", mismatch},
    {"AWildcardInAnALabel", "idnawild", "xn--bcher-kva.wild.test", mismatch},
    {"AnAddressAsAName", "dnsip", "127.0.0.1", ip_mismatch},
    {"AWildcardForAnAddress", "wildip", "127.0.0.1", ip_mismatch},
    {"AnotherIpv4Address", "ip", "127.0.0.3", ip_mismatch},
    {"AnotherIpv6Address", "ip6", "::2", ip_mismatch},
    {"ANameForAnAddress", "good", "127.0.0.1", ip_mismatch},
    {"AnAddressForAName", "ip", "good.test", mismatch},
    {"ANulInTheName", "nul", "good.test", mismatch},
    {"AnEmptyName", "emptyname", "good.test", mismatch},
    {"AnUnknownCriticalExtension", "unknown", "good.test", "unhandled critical extension"},
    {"AChangedSignature", "changed", "good.test", "certificate signature failure"},
    {"Revoked", "revoked", "good.test", "certificate revoked", "root,inter"},
    {"BelowARevokedAuthority", "belowrevoked", "good.test", "certificate revoked",
     "root,revokedinter"},
    {"NoListOfItsIssuer", "good", "good.test", "unable to get certificate CRL", "root"},
    {"AnExpiredList", "good", "good.test", "CRL has expired", "root,old"},
    {"MoreAuthoritiesThanTheirIssuerAllows", "belowshort", "good.test", "path length constraint"},
    {"ANameOutsideItsIssuersConstraints", "outside", "good.test", "permitted subtree violation"},
    {"AnIssuerThatIsNoAuthority", "belownotca", "good.test", "invalid CA certificate"},
    {"AnIssuerThatMayNotSign", "belownosign", "good.test", "invalid CA certificate"},
    {"BelowAnExpiredAuthority", "belowlate", "good.test", "certificate has expired"},
};

// By s_server: what ours refuses to show.
const certificate_case served_by_openssl[] = {
    {"Rsa1024", "weakkey", "good.test", "EE certificate key too weak"},
    {"BelowAnRsa1024Authority", "weakissuer", "good.test", "CA certificate key too weak"},
    {"Sha1", "sha1", "good.test", "CA signature digest algorithm too weak"},
    {"Md5", "md5", "good.test", "CA signature digest algorithm too weak"},
};

struct server_case {
  const char* name;
  std::vector<std::string> arguments;  // of openssl s_server
  bool accepted = false;
};
const server_case servers[] = {
    {"Tls13", {"-tls1_3"}, true},
    {"Tls12", {"-tls1_2"}, true},
    {"Tls12WithRsa", {"-tls1_2", "-cert", "rsa"}, true},
    {"Tls12WithChaCha20", {"-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"}, true},
    {"Tls11", {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}},
    {"Tls10", {"-tls1", "-cipher", "ALL:@SECLEVEL=0"}},
    {"NoEncryption", {"-tls1_2", "-cert", "rsa", "-cipher", "eNULL:@SECLEVEL=0"}},
    {"NoCertificateAtAll", {"-tls1_2", "-nocert", "-cipher", "aNULL:@SECLEVEL=0"}},
    {"StaticRsa", {"-tls1_2", "-cert", "rsa", "-cipher", "AES128-GCM-SHA256"}},
    {"CipherBlockChaining", {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}},
    {"FiniteFieldDiffieHellman",
     {"-tls1_2", "-cert", "rsa", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}},
    {"Ccm8", {"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"}},
    {"Sha1InTheHandshake",
     {"-tls1_2", "-cert", "rsa", "-sigalgs", "RSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"}},
    {"AGroupThatWeDoNotOffer", {"-tls1_3", "-groups", "ffdhe2048"}},
};

tls_client_options client_for(const certificate_case& c) {
  tls_client_options o = client_of_root();
  const std::string lists = c.revoked ? c.revoked : "";
  for (std::size_t at = 0; at < lists.size();) {
    const std::size_t end = std::min(lists.find(',', at), lists.size());
    o.crl_file(certificate_path(lists.substr(at, end - at) + ".crl"));
    at = end + 1;
  }
  return o;
}

void expect_verdict(const certificate_case& c, const outcome<tls_tcp>& r) {
  if (!c.refusal) {
    EXPECT_TRUE(r.has_value());
    if (r.has_error()) try {
        std::rethrow_exception(r.error());
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
    return;
  }
  ASSERT_TRUE(r.has_error()) << "accepted";
  try {
    std::rethrow_exception(r.error());
  } catch (const net::tls_certificate_error& e) {
    EXPECT_NE(std::string(e.what()).find(c.refusal), std::string::npos) << e.what();
    EXPECT_EQ(e.code(), net::tls_errc::certificate_refused);
    EXPECT_FALSE(e.reason().empty());
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another error: " << e.what();
  }
}

// openssl s_server with these arguments, and the port it took; 0 when it does not start.
class openssl_server {
 public:
  explicit openssl_server(std::vector<std::string> arguments)
      : process_(command(std::move(arguments))) {
    for (;;) {
      const std::string line = process_.read(true);
      output_ += line;
      if (line.empty()) return;
      if (!line.starts_with("ACCEPT ")) continue;
      const std::size_t colon = line.rfind(':');
      std::from_chars(line.data() + colon + 1, line.data() + line.size(), port_);
      return;
    }
  }
  std::uint16_t port() const { return port_; }
  const std::string& output() const { return output_; }

 private:
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    // -rev: it does not read its standard input, whose end would be its own.
    std::vector<std::string> all{find_program("openssl"), "s_server", "-rev", "-accept",
                                 "127.0.0.1:0"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  child_process process_;
  std::string output_;
  std::uint16_t port_ = 0;
};

std::vector<std::string> with_certificate(std::vector<std::string> arguments) {
  const bool none = std::ranges::find(arguments, "-nocert") != arguments.end();
  const auto named = std::ranges::find(arguments, "-cert");
  const std::string name = named == arguments.end() ? "good" : *std::next(named);
  if (named != arguments.end()) arguments.erase(named, named + 2);
  if (!none)
    for (const std::string& a :
         {std::string("-cert"), certificate_path(name + ".pem"), std::string("-cert_chain"),
          certificate_path("inter.pem"), std::string("-key"), certificate_path(name + ".key")})
      arguments.push_back(a);
  return arguments;
}

outcome<tls_tcp> connect_to(std::uint16_t port, const char* host) {
  return run_on(reactor_kind::epoll, [=]() -> task<outcome<tls_tcp>> {
    tcp_stream tcp = co_await tcp_stream::connect(loopback(port));
    co_return co_await as_result(
        tls_tcp::connect(std::move(tcp), tls_context::client(client_of_root()), host));
  });
}

class Certificate : public testing::TestWithParam<certificate_case> {};
class CertificateOfOpenssl : public testing::TestWithParam<certificate_case> {};
class Server : public testing::TestWithParam<server_case> {};

constexpr auto name_of_case = [](const auto& info) { return std::string(info.param.name); };

}  // namespace

TEST_P(Certificate, IsAcceptedOrRefused) {
  NEEDS_CERTIFICATES;
  const certificate_case& c = GetParam();
  simulate([&]() -> task<> {
    stream_pair p = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        (void)co_await as_result(
            tls_tcp::accept(std::move(p.server), tls_context::server(server_as(c.certificate))));
      });
      const auto r = co_await as_result(
          tls_tcp::connect(std::move(p.client), tls_context::client(client_for(c)), c.host));
      expect_verdict(c, r);
    });
  });
}
INSTANTIATE_TEST_SUITE_P(Table, Certificate, testing::ValuesIn(served_by_us), name_of_case);

TEST_P(CertificateOfOpenssl, IsRefused) {
  NEEDS_CERTIFICATES;
  const certificate_case& c = GetParam();
  const std::string name = c.certificate;
  const std::string issuer = name == "md5" ? "rsa2048" : name == "weakissuer" ? "rsa1024" : "inter";
  openssl_server server({"-cert", certificate_path(name + ".pem"), "-key",
                         certificate_path(name + ".key"), "-cert_chain",
                         certificate_path(issuer + ".pem"), "-cipher", "DEFAULT:@SECLEVEL=0"});
  ASSERT_NE(server.port(), 0) << server.output();
  expect_verdict(c, connect_to(server.port(), c.host));
}
INSTANTIATE_TEST_SUITE_P(Table, CertificateOfOpenssl, testing::ValuesIn(served_by_openssl),
                         name_of_case);

TEST_P(Server, IsAcceptedOrRefused) {
  NEEDS_CERTIFICATES;
  const server_case& c = GetParam();
  openssl_server server(with_certificate(c.arguments));
  ASSERT_NE(server.port(), 0) << server.output();
  const auto r = connect_to(server.port(), "good.test");
  EXPECT_EQ(r.has_value(), c.accepted);
  if (!c.accepted) EXPECT_EQ(r.code().category(), net::tls_category()) << r.code();
}
INSTANTIATE_TEST_SUITE_P(Table, Server, testing::ValuesIn(servers), name_of_case);
