// WWW-Authenticate as servers write it (RFC 9110, section 11.6.1): Digest is found among whatever
// stands beside it.
#include <rondo/http/client/digest.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace rondo;
using http::detail::digest_challenge;
using http::detail::find_digest_challenge;

namespace {

// realm/nonce/algorithm of the challenge that is answered; "none" when none is.
std::string answered(const http::headers& fields) {
  const std::optional<digest_challenge> c = find_digest_challenge(fields);
  return c ? c->realm + '/' + c->nonce + '/' + c->algorithm + (c->qop_auth ? "/auth" : "") : "none";
}
std::string answered(const std::string& field) {
  return answered(http::headers{{"WWW-Authenticate", field}});
}

const std::string digest = "Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\"";

}  // namespace

TEST(Challenges, OfOtherSchemesHideNoDigest) {
  for (const char* other : {"Negotiate",
                            "Negotiate YWJjZA",
                            "Negotiate YWJjZA==",
                            "Negotiate YW/jZ+A=",
                            "Negotiate  ====",
                            "Bearer",
                            "Basic realm=\"x\"",
                            "Basic realm=\"a, Digest realm=\\\"no\\\"\"",
                            "NTLM TlRMTVNTUAACAAAA/+=",
                            "Unknown a=b, c=\"d,e\", f = g",
                            "DPoP algs=\"ES256 PS256\"",
                            "Unknown a=\"\\\\\"",
                            "Mutual a=",
                            "X a=b=c",
                            "Basic realm=a b",
                            "Basic realm=\"x\"y",
                            "\"quoted, for itself\"",
                            "@bad",
                            "Bad@x y=z",
                            "=",
                            "realm=\"stray\"",
                            "Bad (comment)",
                            "Unknown a b c"})
    for (const std::string& field :
         {other + std::string(", ") + digest, digest + ", " + other, digest + " ,\t" + other + ",",
          ", ," + std::string(other) + " , ," + digest + ", Basic realm=\"y\", Negotiate YQ==",
          other + std::string(",") + digest})
      EXPECT_EQ(answered(field), "r/n/MD5/auth") << field;
}

TEST(Challenges, StandAtTheBeginningOfAnElement) {
  for (const char* within : {"Unknown a ", "Negotiate YQ== ", "Basic realm=\"x\" "})
    EXPECT_EQ(answered(within + digest), "none") << within;
}

TEST(Challenges, MayStandInFieldsOfTheirOwn) {
  EXPECT_EQ(answered({{"WWW-Authenticate", "Negotiate YWJjZA=="},
                      {"www-authenticate", "Basic realm=\"x"},
                      {"Www-Authenticate", digest}}),
            "r/n/MD5/auth");
  EXPECT_EQ(answered(http::headers{}), "none");
  EXPECT_EQ(answered(""), "none");
  EXPECT_EQ(answered(" , ,, "), "none");
  EXPECT_EQ(answered("Digest"), "none");
  EXPECT_EQ(answered("Digest abc=="), "none");
}

TEST(Challenges, AreReadWithWhiteSpaceInEitherCaseAndWithoutQuotes) {
  EXPECT_EQ(answered("DIGEST\tREALM = \"r\" ,,\tNonce=\"n\" , QOP=Auth"), "r/n/MD5/auth");
  EXPECT_EQ(answered("Digest realm=r,nonce=abc/d+e==,algorithm=SHA-256"), "r/abc/d+e==/SHA-256");
  EXPECT_EQ(answered("Digest nonce=\"a\\\"b,c\" realm=\"r\""), "r/a\"b,c/MD5");
  EXPECT_EQ(answered("Digest realm=\"\", nonce=\"n"), "/n/MD5") << "a quote that is not closed";
}

TEST(Challenges, AreAnsweredForTheQualityOfProtectionThatIsSpoken) {
  const auto with_qop = [](const std::string& q) {
    return answered("Digest realm=\"r\", nonce=\"n\"" + q);
  };
  for (const char* q : {", qop=\"auth\"", ", qop=\"auth,auth-int\"", ", qop=\"auth-int , auth\"",
                        ", qop=\",auth,\"", ", qop=auth"})
    EXPECT_EQ(with_qop(q), "r/n/MD5/auth") << q;
  for (const char* q : {", qop=\"auth-int\"", ", qop=\"auth_\"", ", qop=\"\"", ", qop=\"au th\""})
    EXPECT_EQ(with_qop(q), "none") << q;
  EXPECT_EQ(with_qop(""), "r/n/MD5") << "as RFC 2069 has it";
}

TEST(Challenges, AreChosenByTheirAlgorithm) {
  const auto one = [](const std::string& nonce, const std::string& algorithm) {
    return "Digest realm=\"r\", nonce=\"" + nonce + "\", algorithm=" + algorithm;
  };
  EXPECT_EQ(answered(one("a", "MD5") + ", " + one("b", "SHA-256")), "r/b/SHA-256");
  EXPECT_EQ(answered(one("a", "SHA-256") + ", " + one("b", "MD5")), "r/a/SHA-256");
  EXPECT_EQ(answered(one("a", "SHA-512-256") + ", " + one("b", "md5-SESS")), "r/b/md5-SESS");
  EXPECT_EQ(answered(one("a", "\"MD5, SHA-256\"")), "r/a/SHA-256");
  EXPECT_EQ(answered(one("a", "\"token, MD5, MD5-sess\"")), "r/a/MD5");
  EXPECT_EQ(answered(one("a", "SHA-512-256")), "none");
  EXPECT_EQ(answered(one("a", "\"\"")), "none");
}

TEST(Challenges, TakeWhatIsSaidTwiceAsItWasSaidFirst) {
  EXPECT_EQ(answered("Digest realm=\"r\", nonce=\"n\", nonce=\"m\", realm=\"s\""), "r/n/MD5");
}
