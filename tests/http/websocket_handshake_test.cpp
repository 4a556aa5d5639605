#include <rondo/http/errors.hpp>
#include <rondo/http/websocket/handshake.hpp>
#include <rondo/http/websocket/sha1.hpp>

#include <gtest/gtest.h>

#include <string>

namespace websocket_handshake_test {
namespace {

using namespace rondo::http;
using namespace rondo::http::detail;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}
std::string sha1_hex(std::string_view text) {
  const auto digest = sha1(text);
  return hex({digest.data(), digest.size()});
}

// FIPS 180-4's examples, and every length around the end of a block.
TEST(WebsocketHandshake, Sha1IsThatOfTheStandard) {
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha1_hex(std::string(55, 'a')), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  EXPECT_EQ(sha1_hex(std::string(56, 'a')), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  EXPECT_EQ(sha1_hex(std::string(64, 'a')), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

// RFC 6455, section 1.3.
TEST(WebsocketHandshake, TheAcceptIsThatOfTheRfc) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebsocketHandshake, EveryKeyIsAnotherAndSixteenBytes) {
  const std::string a = make_websocket_key(), b = make_websocket_key();
  EXPECT_TRUE(is_websocket_key(a));
  EXPECT_NE(a, b);
  for (const char* wrong : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==x", "AAAA",
                            "dGhlIHNhbXBsZSBub25jZQ=!", "dGhlIHNhbXBsZSBub25jZSE="})
    EXPECT_FALSE(is_websocket_key(wrong)) << wrong;
}

headers request_fields() {
  return {{"Host", "example.org"},
          {"Sec-WebSocket-Version", "13"},
          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
}

TEST(WebsocketHandshake, WhatIsNotOfVersion13OrHasNoKeyIsRefused) {
  headers h = request_fields();
  EXPECT_EQ(check_websocket_request(h, {}).status, 0);
  h.set("Sec-WebSocket-Version", "8");
  EXPECT_EQ(check_websocket_request(h, {}).status, 426);
  h.remove("Sec-WebSocket-Version");
  EXPECT_EQ(check_websocket_request(h, {}).status, 426);
  h = request_fields();
  h.remove("Sec-WebSocket-Key");
  EXPECT_EQ(check_websocket_request(h, {}).status, 400);
  h = request_fields();
  h.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(check_websocket_request(h, {}).status, 400);
}

TEST(WebsocketHandshake, PagesOfOtherSitesAreRefused) {
  struct {
    const char* host;
    const char* origin;
    int status;
  } const cases[] = {
      {"example.org", "http://example.org", 0},
      {"example.org", "https://example.org", 0},
      {"example.org:8080", "http://example.org:8080", 0},
      {"EXAMPLE.org", "http://example.ORG", 0},
      {"example.org:80", "http://example.org", 0},
      {"example.org", "http://example.org:8080", 403},
      {"example.org", "http://evil.example", 403},
      {"example.org", "http://example.org.evil.example", 403},
      {"example.org", "null", 403},
      {"example.org", "", 403},
      {"example.org", "file://", 403},
  };
  for (const auto& c : cases) {
    headers h = request_fields();
    h.set("Host", c.host);
    h.set("Origin", c.origin);
    EXPECT_EQ(check_websocket_request(h, {}).status, c.status) << c.host << ' ' << c.origin;
    EXPECT_EQ(check_websocket_request(h, websocket_options().any_origin()).status, 0);
  }
  headers h = request_fields();
  h.set("Origin", "https://friend.example");
  EXPECT_EQ(
      check_websocket_request(h, websocket_options().origins({"https://friend.example"})).status,
      0);
  h.set("Origin", "https://example.org");
  EXPECT_EQ(
      check_websocket_request(h, websocket_options().origins({"https://friend.example"})).status,
      403);
}

TEST(WebsocketHandshake, TheClientsBestProtocolThatWeSpeakIsTaken) {
  headers h{{"Sec-WebSocket-Protocol", "a, b"}, {"Sec-WebSocket-Protocol", "c"}};
  EXPECT_EQ(choose_protocol(h, websocket_options().protocols({"c", "b"})), "b");
  EXPECT_EQ(choose_protocol(h, websocket_options().protocols({"d"})), "");
  EXPECT_EQ(choose_protocol({}, websocket_options().protocols({"d"})), "");
  EXPECT_THROW(websocket_options().protocols({"a b"}), std::invalid_argument);
}

// What a server makes of an offer (RFC 7692, section 7.1); "": it declines.
std::string answer_to(const char* offer, const websocket_options& o) {
  const auto agreed = choose_deflate({{"Sec-WebSocket-Extensions", offer}}, o);
  return agreed ? agreed->answer : "";
}

TEST(WebsocketHandshake, OffersOfCompressionAreAnsweredByTheRfc) {
  if (!has_deflate()) GTEST_SKIP() << "built without zlib";
  const auto plain = websocket_options().compress(true);
  const auto context = websocket_options().compress_with_context(true);
  const std::string none = "; server_no_context_takeover; client_no_context_takeover";
  EXPECT_EQ(answer_to("permessage-deflate", websocket_options()), "");
  EXPECT_EQ(answer_to("permessage-deflate", plain), "permessage-deflate" + none);
  EXPECT_EQ(answer_to("permessage-deflate", context),
            "permessage-deflate; server_max_window_bits=12");
  EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits", context),
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
  EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=10", plain),
            "permessage-deflate" + none + "; server_max_window_bits=10");
  EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=\"10\"", plain),
            "permessage-deflate" + none + "; server_max_window_bits=10");
  // The next offer, when the first cannot be taken.
  EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=8, permessage-deflate", plain),
            "permessage-deflate" + none);
  for (const char* wrong :
       {"permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08", "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=7", "permessage-deflate;",
        "x-webkit-deflate-frame", "permessage-deflate; =1", "\"permessage-deflate\"", ""})
    EXPECT_EQ(answer_to(wrong, plain), "") << wrong;
}

websocket_agreement answer_read(
    std::initializer_list<std::pair<std::string_view, std::string_view>> more,
    const websocket_options& o) {
  headers h{{"Connection", "Upgrade"},
            {"Upgrade", "websocket"},
            {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}};
  for (const auto& [name, value] : more) h.add(name, value);
  check_websocket_answer(h, "dGhlIHNhbXBsZSBub25jZQ==");
  return read_websocket_answer(h, o);
}

TEST(WebsocketHandshake, AnAnswerThatNamesWhatWasNotOfferedIsRefused) {
  EXPECT_EQ(answer_read({}, {}).protocol, "");
  EXPECT_EQ(
      answer_read({{"Sec-WebSocket-Protocol", "a"}}, websocket_options().protocols({"a"})).protocol,
      "a");
  EXPECT_THROW(
      (void)answer_read({{"Sec-WebSocket-Protocol", "b"}}, websocket_options().protocols({"a"})),
      protocol_error);
  EXPECT_THROW((void)answer_read({{"Sec-WebSocket-Accept", "x"}}, {}), protocol_error);
  EXPECT_THROW((void)answer_read({{"Sec-WebSocket-Extensions", "permessage-deflate"}}, {}),
               protocol_error);
  EXPECT_THROW(
      (void)answer_read({{"Sec-WebSocket-Extensions", "foo"}}, websocket_options().compress(true)),
      protocol_error);
  if (!has_deflate()) return;
  EXPECT_THROW((void)answer_read({{"Sec-WebSocket-Extensions", "permessage-deflate"}},
                                 websocket_options().compress(true)),
               protocol_error);
  const auto agreed =
      answer_read({{"Sec-WebSocket-Extensions",
                    "permessage-deflate; server_no_context_takeover; client_max_window_bits=10"}},
                  websocket_options().compress(true));
  ASSERT_TRUE(agreed.deflate);
  EXPECT_EQ(agreed.deflate->send_bits, 10);
  EXPECT_FALSE(agreed.deflate->send_takeover);
}

TEST(WebsocketHandshake, AnAnswerToAnotherKeyIsRefused) {
  const headers h{{"Connection", "Upgrade"},
                  {"Upgrade", "websocket"},
                  {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}};
  EXPECT_THROW(check_websocket_answer(h, make_websocket_key()), protocol_error);
}

}  // namespace
}  // namespace websocket_handshake_test
