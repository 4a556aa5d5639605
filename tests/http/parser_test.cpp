#include "parse_driver.hpp"

#include <gtest/gtest.h>
#include <rondo/http/wire/llhttp_check.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace http = rondo::http;
using http::body_framing;
using rondo::test::describe;
using rondo::test::parse_options;
using rondo::test::parse_request;
using rondo::test::parse_response;
using rondo::test::transcript;
using namespace std::string_literals;

using fields = std::vector<std::pair<std::string, std::string>>;

// The status that a server answers to `stream`; 0 when it is taken.
int answer_to(std::string_view stream, const parse_options& o = {}) {
  return parse_request(stream, o).answer_status;
}

bool refused_response(std::string_view stream, const parse_options& o = {}) {
  const transcript t = parse_response(stream, o);
  if (!t.error.empty()) EXPECT_EQ(t.answer_status, t.truncated ? 400 : 502) << t.error;
  return !t.error.empty();
}

std::string request(std::string_view fields_and_rest) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(fields_and_rest);
}

std::string chunked(std::string_view body) {
  return request("Transfer-Encoding: chunked\r\n\r\n" + std::string(body));
}

// --- requests ---------------------------------------------------------------------------------

TEST(RequestParser, AHeadIsReadInAllItsParts) {
  const auto t =
      parse_request("GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nX-Y:  z \t\r\nE:\r\n\r\n");
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].start, "GET /a?b=c 1.1");
  EXPECT_EQ(t.messages[0].fields, (fields{{"Host", "example.org"}, {"X-Y", "z"}, {"E", ""}}));
  EXPECT_EQ(t.messages[0].framing, body_framing::none);
  EXPECT_TRUE(t.messages[0].keep_alive);
  EXPECT_TRUE(t.messages[0].complete);
  EXPECT_EQ(t.error, "");
}

TEST(RequestParser, ABodyHasTheLengthThatWasSaid) {
  const auto t = parse_request(request("Content-Length: 5\r\n\r\nhello"));
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].body, "hello");
  EXPECT_EQ(t.messages[0].framing, body_framing::length);
  EXPECT_TRUE(t.messages[0].complete);
}

TEST(RequestParser, PipelinedRequestsComeOneAfterAnother) {
  const auto t =
      parse_request(request("Content-Length: 3\r\n\r\nabc") + "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n" +
                    chunked("1\r\nz\r\n0\r\n\r\n"));
  ASSERT_EQ(t.messages.size(), 3u) << describe(t);
  EXPECT_EQ(t.messages[0].body, "abc");
  EXPECT_EQ(t.messages[1].start, "GET /2 1.1");
  EXPECT_EQ(t.messages[2].body, "z");
  EXPECT_TRUE(t.messages[2].complete);
}

TEST(RequestParser, FourEmptyLinesBeforeARequestAreSkippedAndAFifthIsNot) {
  const std::string four = "\r\n\r\n\r\n\r\n";
  EXPECT_EQ(parse_request(four + request("\r\n")).messages.size(), 1u);
  EXPECT_EQ(parse_request(request("\r\n") + four + request("\r\n")).messages.size(), 2u);
  EXPECT_EQ(answer_to(four + "\r\n" + request("\r\n")), 400);
  EXPECT_EQ(answer_to("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(answer_to("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(answer_to(four), 0) << "empty lines and the end are no broken request";
}

TEST(RequestParser, BytesAfterARequestThatCloses) {
  const auto t = parse_request(request("Connection: close\r\n\r\n") + request("\r\n"));
  ASSERT_EQ(t.messages.size(), 1u) << "what follows close is swallowed";
  EXPECT_FALSE(t.messages[0].keep_alive);
  EXPECT_EQ(t.error, "");
}

TEST(RequestParser, KeepAliveFollowsTheVersionAndTheConnectionField) {
  const auto keeps = [](const std::string& version, const std::string& field) {
    const auto t = parse_request("GET / HTTP/" + version + "\r\nHost: a\r\n" + field + "\r\n");
    EXPECT_EQ(t.messages.size(), 1u) << describe(t);
    return !t.messages.empty() && t.messages[0].keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: close\t\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: x,CLOSE , y\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
  EXPECT_TRUE(keeps("1.1", "Connection: closed\r\n"));
}

TEST(RequestParser, AnUpgradeIsToldAndItsBodyStillRead) {
  const auto t =
      parse_request(request("Connection: Upgrade\r\nUpgrade: ws\r\nContent-Length: 2\r\n\r\nab") +
                    request("\r\n"));
  ASSERT_EQ(t.messages.size(), 2u) << describe(t);
  EXPECT_TRUE(t.messages[0].upgrade);
  EXPECT_EQ(t.messages[0].body, "ab");
  EXPECT_FALSE(t.messages[1].upgrade);
  EXPECT_FALSE(parse_request(request("Upgrade: ws\r\n\r\n")).messages[0].upgrade);
}

TEST(RequestParser, TheBytesAfterAConnectAreLeftToTheCaller) {
  http::request_parser p;
  const std::string_view stream = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01tls";
  auto step = p.next(rondo::test::bytes_of(stream));
  ASSERT_EQ(step.event, http::parse_event::head);
  const auto rest = stream.substr(step.consumed);
  EXPECT_EQ(rest, "\x16\x03\x01tls");
  step = p.next(rondo::test::bytes_of(rest));
  EXPECT_EQ(step.event, http::parse_event::end);
  EXPECT_EQ(step.consumed, 0u);
}

TEST(RequestParser, TheFourFormsOfATargetAreTakenWhereTheyBelong) {
  const auto takes = [](const std::string& method, const std::string& target) {
    return answer_to(method + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n") == 0;
  };
  EXPECT_TRUE(takes("GET", "/"));
  EXPECT_TRUE(takes("GET", "/a?b|\"<>{}"));
  EXPECT_TRUE(takes("GET", "http://a/b"));
  EXPECT_TRUE(takes("OPTIONS", "*"));
  EXPECT_TRUE(takes("CONNECT", "a.example:443"));
  EXPECT_TRUE(takes("CONNECT", "[::1]:443"));
  EXPECT_FALSE(takes("GET", "*"));
  EXPECT_FALSE(takes("GET", "a.example:443"));
  EXPECT_FALSE(takes("GET", "a"));
  EXPECT_FALSE(takes("CONNECT", "/"));
  EXPECT_FALSE(takes("CONNECT", "a.example"));
  EXPECT_FALSE(takes("CONNECT", "a.example:"));
  EXPECT_FALSE(takes("CONNECT", "http://a:1"));
  EXPECT_FALSE(takes("GET", "/a#b"));
}

TEST(RequestParser, ErrorsSayWhichStatusToAnswer) {
  EXPECT_EQ(answer_to("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(answer_to("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(answer_to("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(answer_to("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(answer_to(request("Transfer-Encoding: gzip, chunked\r\n\r\n")), 501);
  EXPECT_EQ(answer_to("GET /\r\n\r\n"), 400);
}

TEST(RequestParser, TheEndOfTheTransportIsTruncationUnlessNothingWasUnderWay) {
  EXPECT_EQ(parse_request("").error, "");
  EXPECT_EQ(parse_request(request("\r\n")).error, "");
  EXPECT_EQ(answer_to("GET / HT"), 400);
  EXPECT_EQ(answer_to(request("")), 400);
  for (const std::string& cut : {request("Content-Length: 5\r\n\r\nhell"), chunked(""),
                                 chunked("5"), chunked("5\r\nhello"), chunked("5\r\nhello\r\n"),
                                 chunked("0\r\n"), chunked("0\r\nA: b\r\n"), chunked("0\r\n\r")}) {
    EXPECT_TRUE(parse_request(cut).truncated) << cut;
  }
}

TEST(RequestParser, AfterAnErrorEveryCallThrows) {
  http::request_parser p;
  EXPECT_THROW((void)p.next(rondo::test::bytes_of("\x01")), http::protocol_error);
  EXPECT_THROW((void)p.next(rondo::test::bytes_of(request("\r\n"))), http::protocol_error);
  EXPECT_THROW((void)p.next({}), http::protocol_error);
  EXPECT_THROW((void)p.finish(), http::protocol_error);
}

TEST(RequestParser, IdleMeansThatNoMessageHasBegun) {
  http::request_parser p;
  EXPECT_TRUE(p.idle());
  (void)p.next(rondo::test::bytes_of("\r\n"));
  EXPECT_TRUE(p.idle());
  (void)p.next(rondo::test::bytes_of("G"));
  EXPECT_FALSE(p.idle());
}

TEST(RequestParser, AParserCanBeMovedInTheMiddleOfAMessage) {
  http::request_parser first;
  (void)first.next(rondo::test::bytes_of("GET / HTTP/1.1\r\nHo"));
  http::request_parser second = std::move(first);
  const auto step = second.next(rondo::test::bytes_of("st: a\r\n\r\n"));
  EXPECT_EQ(step.event, http::parse_event::head);
  EXPECT_EQ(second.head().headers.get("host"), "a");
}

TEST(RequestParser, TheSecondOpinionIsTheStrictLlhttp) {
  EXPECT_TRUE(rondo::http::detail::llhttp_is_strict())
      << "llhttp was built without -DLLHTTP_STRICT_MODE=1";
}

TEST(RequestParser, TheSecondReadingComparesWhatItDoesNotKnowTheMethodOf) {
  using namespace http::detail;
  for (const std::string method : {"POST", "BREW"}) {
    const std::string head = method + " /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    head_scan ours(scan_kind::request, {});
    ASSERT_EQ(ours.scan(head), head.size());
    framing_fields framing = read_framing(ours.fields, ours.version, false, false);
    EXPECT_NO_THROW(check_with_llhttp(head, ours, framing)) << method;
    framing.content_length = 6;
    EXPECT_THROW(check_with_llhttp(head, ours, framing), http::protocol_error) << method;
    framing.content_length = 5;
    ours.target = "/y";
    EXPECT_THROW(check_with_llhttp(head, ours, framing), http::protocol_error) << method;
  }
}

// --- what smuggling is made of ------------------------------------------------------------------

struct bad_request {
  const char* why;
  std::string stream;
};

TEST(RequestParser, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  const bad_request cases[] = {
      {"an end of the head that lacks its LF", get + "\rXGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"an end of the head that lacks its LF, and nothing more", get + "\rX"},
      {"an end of the head that lacks its CR", get + "\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {"bare CR in a value", get + "A: b\rC: d\r\n\r\n"},
      {"bare CR in a name", get + "A\rB: c\r\n\r\n"},
      {"two CRs", get + "A: b\r\r\n\r\n"},
      {"NUL in a value", get + "A: b\0c\r\n\r\n"s},
      {"NUL in a name", get + "A\0B: c\r\n\r\n"s},
      {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
      {"a control in a value", get + "A: \x01\r\n\r\n"},
      {"DEL in a value", get + "A: \x7f\r\n\r\n"},
      {"a folded line", get + "A: b\r\n c\r\n\r\n"},
      {"a line folded by a tab", get + "A: b\r\n\tc\r\n\r\n"},
      {"a space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"a space before the request line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a space before the colon", get + "Content-Length : 0\r\n\r\n"},
      {"a tab before the colon", get + "Content-Length\t: 0\r\n\r\n"},
      {"a space in a name", get + "A B: c\r\n\r\n"},
      {"an empty name", get + ": b\r\n\r\n"},
      {"no colon", get + "A\r\n\r\n"},
      {"a name beyond ASCII", get + "\xc3\xa4: b\r\n\r\n"},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a target beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no version", "GET /\r\nHost: a\r\n\r\n"},
      {"a lower case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"a version with more digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {"another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two Hosts", get + "Host: a\r\n\r\n"},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"a Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"two hosts in one Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
      {"both length and chunked",
       request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")},
      {"chunked and then length",
       request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")},
      {"length 0 and chunked", request("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n")},
      {"two lengths", request("Content-Length: 1\r\nContent-Length: 2\r\n\r\n")},
      {"two equal lengths", request("Content-Length: 1\r\nContent-Length: 1\r\n\r\n")},
      {"a list of lengths", request("Content-Length: 1, 1\r\n\r\n")},
      {"a length with a sign", request("Content-Length: +1\r\n\r\n")},
      {"a negative length", request("Content-Length: -1\r\n\r\n")},
      {"a hexadecimal length", request("Content-Length: 0x1\r\n\r\n")},
      {"a length with a space", request("Content-Length: 1 1\r\n\r\n")},
      {"an empty length", request("Content-Length:\r\n\r\n")},
      {"a length past 63 bits", request("Content-Length: 9223372036854775808\r\n\r\n")},
      {"a length past 64 bits", request("Content-Length: 18446744073709551617\r\n\r\n")},
      {"Transfer-Encoding in HTTP/1.0",
       "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"chunked twice",
       request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n")},
      {"chunked before the last", request("Transfer-Encoding: chunked, gzip\r\n\r\n")},
      {"identity", request("Transfer-Encoding: identity\r\n\r\n")},
      {"an empty Transfer-Encoding", request("Transfer-Encoding:\r\n\r\n")},
      {"chunked in quotes", request("Transfer-Encoding: \"chunked\"\r\n\r\n")},
      {"chunked with a parameter", request("Transfer-Encoding: chunked;q=1\r\n\r\n")},
      {"something like chunked", request("Transfer-Encoding: xchunked\r\n\r\n")},
      {"chunked after a vertical tab", request("Transfer-Encoding: \vchunked\r\n\r\n")},
      {"CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n"},
      {"CONNECT with chunks",
       "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n"},
  };
  for (const bad_request& c : cases) {
    const transcript t = parse_request(c.stream, {.finish = false});
    EXPECT_EQ(t.answer_status, 400) << c.why << ": " << describe(t);
    EXPECT_TRUE(t.messages.empty()) << c.why << ": " << describe(t);
  }
}

TEST(RequestParser, TheCleanVersionsOfThoseAreTaken) {
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: \r\n\r\n"), 0) << "an empty Host";
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0);
  EXPECT_EQ(answer_to("GET / HTTP/1.0\r\n\r\n"), 0) << "HTTP/1.0 needs no Host";
  EXPECT_EQ(answer_to(request("Content-Length: 0000\r\n\r\n")), 0);
  EXPECT_EQ(answer_to(request("content-LENGTH:1\r\n\r\nx")), 0);
  EXPECT_EQ(answer_to(request("Transfer-Encoding: \t Chunked  \r\n\r\n0\r\n\r\n")), 0);
  EXPECT_EQ(answer_to(request("A: \xc3\xa4\t\xff\r\n\r\n")), 0) << "bytes beyond ASCII in a value";
  EXPECT_EQ(answer_to("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n"), 0);
  EXPECT_EQ(answer_to(request("Content-Length: 9223372036854775807\r\n\r\n"), {.finish = false}),
            0);
}

// --- chunked bodies -----------------------------------------------------------------------------

TEST(ChunkedBody, ChunksAreJoinedAndTrailersKeptApart) {
  const auto t = parse_request(chunked("5\r\nhello\r\n006;a=b;c=\"x\\\"; \";d\r\n world\r\n"
                                       "0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n") +
                               request("\r\n"));
  ASSERT_EQ(t.messages.size(), 2u) << describe(t);
  EXPECT_EQ(t.messages[0].body, "hello world");
  EXPECT_EQ(t.messages[0].framing, body_framing::chunked);
  EXPECT_EQ(t.messages[0].fields, (fields{{"Host", "a"}, {"Transfer-Encoding", "chunked"}}));
  EXPECT_EQ(t.messages[0].trailers, (fields{{"X-Sum", "1"}, {"Content-Length", "7"}}));
  EXPECT_TRUE(t.messages[1].trailers.empty());
}

TEST(ChunkedBody, SizesAreHexadecimalInEitherCase) {
  const std::string data(0xaf, 'x');
  EXPECT_EQ(parse_request(chunked("aF\r\n" + data + "\r\n0\r\n\r\n")).messages[0].body, data);
}

// RFC 9112, section 7.1.1, with the BWS of RFC 9110, section 5.6.3: around ";" and "=", and
// nowhere else.
TEST(ChunkedBody, BadWhitespaceAroundExtensionsIsReadAndMeansNothing) {
  for (const std::string& line :
       {"5 ;a=b"s, "5\t; a = \"b\""s, "5;a =\"x;y\""s, "5 \t \t;a"s, "5; a"s, "5;a ;b"s, "5;a= b"s,
        "5;a=b ; c =\td\t;\te"s, "5;a=\"b\" ;c"s, "5 ; a = \" \\\" \" ; b"s, "0005 ;a"s}) {
    const std::string body = line + "\r\nhello\r\n0 ;x\r\nA: b\r\n\r\n";
    const transcript in = parse_request(chunked(body) + request("\r\n"));
    ASSERT_EQ(in.messages.size(), 2u) << line << ": " << describe(in);
    EXPECT_EQ(in.messages[0].body, "hello") << line;
    EXPECT_EQ(in.messages[0].trailers, (fields{{"A", "b"}})) << line;
    const transcript out =
        parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
    ASSERT_EQ(out.messages.size(), 1u) << line << ": " << describe(out);
    EXPECT_TRUE(out.messages[0].complete) << line << ": " << describe(out);
    EXPECT_EQ(out.messages[0].body, "hello") << line;
  }
}

TEST(ChunkedBody, AnythingOutsideTheGrammarIsRefused) {
  for (const std::string& body : {"\r\n"s,
                                  " 5\r\nhello"s,
                                  "5 \r\nhello"s,
                                  "5\t\r\nhello"s,
                                  "+5\r\nhello"s,
                                  "-1\r\n"s,
                                  "0x5\r\n"s,
                                  "g\r\n"s,
                                  "5\nhello"s,
                                  "5\r\nhello\n"s,
                                  "5\r\nhello\rX"s,
                                  "5\r\nhelloX"s,
                                  "5\rX"s,
                                  "5\r\r\n"s,
                                  "5;\r\n"s,
                                  "5;a=\r\n"s,
                                  "5 x\r\n"s,
                                  "5 \t ;\r\n"s,
                                  "5; \r\n"s,
                                  "5 ; ;a\r\n"s,
                                  "5; =b\r\n"s,
                                  "5;a \r\n"s,
                                  "5;a =\r\n"s,
                                  "5;a= \r\n"s,
                                  "5;a= ;b\r\n"s,
                                  "5;a = b c\r\n"s,
                                  "5;a=b \r\n"s,
                                  "5;a=\"b\" \r\n"s,
                                  "5;a=\"b\" c\r\n"s,
                                  "5;a=b =c\r\n"s,
                                  "5\v;a\r\n"s,
                                  "5\r ;a\r\n"s,
                                  "5 \n;a\r\n"s,
                                  "5 ;a\nhello"s,
                                  "5\xa0;a\r\n"s,
                                  "5 5;a\r\n"s,
                                  "0 \r\n\r\n"s,
                                  "5;;a\r\n"s,
                                  "5;a b\r\n"s,
                                  "5;a=\"\n\"\r\n"s,
                                  "5;a=\"b\"c\r\n"s,
                                  "5;a=\"\\\x01\"\r\n"s,
                                  "5;a\n"s,
                                  "5;a=\"b\r\nhello"s,
                                  "5\0\r\n"s,
                                  "10000000000000000\r\n"s,
                                  "ffffffffffffffff\r\n"s,
                                  "8000000000000000\r\n"s,
                                  "00000000000000005\r\nhello"s,
                                  "0\r\n\rX"s,
                                  "0\r\n\n"s,
                                  "0\r\nA b: c\r\n"s,
                                  "0\r\nA: b\n"s,
                                  "0\r\nA: b\r\n c\r\n"s,
                                  "0\r\n : b\r\n"s,
                                  "0\r\nA\r\n"s,
                                  "1\r\nx\r\n\r\n"s}) {
    const transcript t = parse_request(chunked(body), {.finish = false});
    EXPECT_EQ(t.answer_status, 400) << body << ": " << describe(t);
    EXPECT_FALSE(t.messages.empty() || t.messages[0].complete) << body;
    EXPECT_TRUE(refused_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
        << body;
  }
  EXPECT_EQ(answer_to(chunked("7fffffffffffffff\r\n"), {.finish = false}), 0);
  EXPECT_EQ(answer_to(chunked("0000000000000005\r\nhello\r\n0\r\n\r\n")), 0);
}

// --- responses ----------------------------------------------------------------------------------

TEST(ResponseParser, AHeadIsReadInAllItsParts) {
  const auto t =
      parse_response("HTTP/1.1 404 Not Found here\r\nA: b\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].start, "404 Not Found here 1.1");
  EXPECT_EQ(t.messages[0].fields, (fields{{"A", "b"}, {"Content-Length", "2"}}));
  EXPECT_EQ(t.messages[0].body, "no");
  EXPECT_TRUE(t.messages[0].keep_alive);
}

TEST(ResponseParser, TheReasonMayBeEmptyOrMissing) {
  EXPECT_EQ(parse_response("HTTP/1.1 204 \r\n\r\n").messages[0].start, "204  1.1");
  EXPECT_EQ(parse_response("HTTP/1.1 204\r\n\r\n").messages[0].start, "204  1.1");
}

TEST(ResponseParser, ABodyWithoutFramingRunsUntilTheTransportEnds) {
  const auto t = parse_response("HTTP/1.1 200 OK\r\n\r\nall of this");
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].framing, body_framing::until_close);
  EXPECT_EQ(t.messages[0].body, "all of this");
  EXPECT_FALSE(t.messages[0].keep_alive);
  EXPECT_TRUE(t.messages[0].complete);
  EXPECT_FALSE(parse_response("HTTP/1.1 200 OK\r\n\r\nx", {.finish = false}).messages[0].complete);
}

TEST(ResponseParser, SomeResponsesHaveNoBodyWhateverTheyClaim) {
  for (const char* claim : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    for (const char* status : {"204 No Content", "304 Not Modified"}) {
      const auto t = parse_response("HTTP/1.1 "s + status + "\r\n" + claim + "\r\n");
      ASSERT_EQ(t.messages.size(), 1u) << describe(t);
      EXPECT_TRUE(t.messages[0].complete) << describe(t);
      EXPECT_TRUE(t.messages[0].keep_alive);
      EXPECT_EQ(t.messages[0].framing, body_framing::none);
    }
    const auto head = parse_response("HTTP/1.1 200 OK\r\n"s + claim + "\r\n", {.method = "HEAD"});
    EXPECT_TRUE(head.messages[0].complete) << describe(head);
  }
}

TEST(ResponseParser, TheLengthOfABodyThatIsNotSentIsStillTold) {
  http::response_parser p;
  p.expect("HEAD");
  (void)p.next(rondo::test::bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n"));
  EXPECT_EQ(p.content_length(), 123u);
  EXPECT_EQ(p.framing(), body_framing::none);
}

TEST(ResponseParser, InterimResponsesComeBeforeTheOneThatIsWaitedFor) {
  const auto t = parse_response(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: "
      "9\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  ASSERT_EQ(t.messages.size(), 3u) << describe(t);
  EXPECT_EQ(t.messages[0].start, "100 Continue 1.1");
  EXPECT_EQ(t.messages[1].fields.size(), 2u);
  EXPECT_EQ(t.messages[2].body, "x");
}

TEST(ResponseParser, TheConnectionIsHandedOverAfter101AndAfterConnect) {
  const auto t = parse_response(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\nraw\r\n\r\n");
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_TRUE(t.messages[0].upgrade);
  EXPECT_EQ(t.left_over, "raw\r\n\r\n");
  const auto tunnel =
      parse_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nraw", {.method = "CONNECT"});
  EXPECT_EQ(tunnel.left_over, "raw") << describe(tunnel);
  EXPECT_TRUE(tunnel.messages[0].complete);
  const auto denied =
      parse_response("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", {.method = "CONNECT"});
  EXPECT_EQ(denied.messages[0].body, "no");
  EXPECT_EQ(denied.left_over, "");
}

TEST(ResponseParser, NothingMayBeParsedAfterTheConnectionIsHandedOver) {
  http::response_parser p;
  p.expect("GET");
  (void)p.next(rondo::test::bytes_of("HTTP/1.1 101 S\r\n\r\n"));
  EXPECT_EQ(p.next({}).event, http::parse_event::end);
  EXPECT_TRUE(p.hands_over());
  EXPECT_THROW((void)p.next(rondo::test::bytes_of("x")), std::logic_error);
}

TEST(ResponseParser, AResponseThatNoRequestAskedForIsAnError) {
  const std::string one = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(parse_response(one + one, {.responses = 2}).messages.size(), 2u);
  const auto t = parse_response(one + one);
  EXPECT_EQ(t.messages.size(), 1u);
  EXPECT_NE(t.error.find("no request asked for"), std::string::npos);
  EXPECT_TRUE(refused_response(one, {.responses = 0}));
}

TEST(ResponseParser, AFoldedLineBecomesOneSpace) {
  const auto t = parse_response(
      "HTTP/1.1 204 No Content\r\nA: one \t\r\n \t two\r\n\t\r\n three  \r\nB:\r\n  x\r\nC: "
      "y\r\n\r\n");
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].fields, (fields{{"A", "one two three"}, {"B", "x"}, {"C", "y"}}));
}

TEST(ResponseParser, AFoldedFieldMeansWhatItsJoinedValueMeans) {
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nab").messages[0].body,
            "ab");
  EXPECT_TRUE(refused_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 2\r\n\r\nab"));
  EXPECT_TRUE(refused_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n x\r\n\r\n"));
}

TEST(ResponseParser, WhatIsNotExactlyAResponseIsRefused) {
  for (const std::string& stream :
       {"HTTP/2.0 200 OK\r\n\r\n"s,
        "HTTP/0.9 200 OK\r\n\r\n"s,
        "HTTP/1.2 200 OK\r\n\r\n"s,
        "HTTP/1.1  200 OK\r\n\r\n"s,
        "HTTP/1.1 20 OK\r\n\r\n"s,
        "HTTP/1.1 2000 OK\r\n\r\n"s,
        "HTTP/1.1 099 OK\r\n\r\n"s,
        "HTTP/1.1 abc OK\r\n\r\n"s,
        "HTTP/1.1\r\n\r\n"s,
        "ICY 200 OK\r\n\r\n"s,
        "http/1.1 200 OK\r\n\r\n"s,
        "\r\nHTTP/1.1 200 OK\r\n\r\n"s,
        " HTTP/1.1 200 OK\r\n\r\n"s,
        "HTTP/1.1 200 OK\n\r\n"s,
        "HTTP/1.1 200 O\rK\r\n\r\n"s,
        "HTTP/1.1 200 O\0K\r\n\r\n"s,
        "HTTP/1.1\t200 OK\r\n\r\n"s,
        "HTTP/1.1 200\tOK\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nA: b\n\r\n"s,
        "HTTP/1.1 200 OK\r\n\rX"s,
        "HTTP/1.1 200 OK\r\n\nX"s,
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"s,
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"s,
        "HTTP/1.1 204 No\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"s,
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\n"s}) {
    EXPECT_TRUE(refused_response(stream, {.finish = false})) << stream;
  }
}

TEST(ResponseParser, TruncationIsAnErrorInBothFramings) {
  EXPECT_TRUE(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").truncated);
  EXPECT_TRUE(
      parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n").truncated);
  EXPECT_TRUE(refused_response("HTTP/1.1 200 OK\r\nA: b\r\n"));
  EXPECT_EQ(parse_response("").error, "") << "whether that is an error is the client's to say";
}

TEST(ResponseParser, RepeatedEqualLengthsAreTakenWhenAllowedAndSeenOnce) {
  http::parser_limits allow;
  allow.repeated_content_length = true;
  const auto t = parse_response(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\nContent-length: 2\r\nC: d\r\n\r\nab",
      {.limits = allow});
  ASSERT_EQ(t.messages.size(), 1u) << describe(t);
  EXPECT_EQ(t.messages[0].fields, (fields{{"Content-Length", "2"}, {"A", "b"}, {"C", "d"}}));
  EXPECT_EQ(t.messages[0].body, "ab");
  EXPECT_TRUE(refused_response(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\nab", {.limits = allow}));
  EXPECT_EQ(
      answer_to(request("Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"), {.limits = allow}),
      400);
}

// --- limits -------------------------------------------------------------------------------------

TEST(ParserLimits, AHeadAtItsBoundIsTakenAndOneByteMoreIsRefused) {
  http::parser_limits limits;
  limits.head_bytes = 200;
  const std::string frame = request("A: \r\n\r\n");
  const auto of_size = [&](std::size_t n) {
    return request("A: " + std::string(n - frame.size(), 'x') + "\r\n\r\n");
  };
  EXPECT_EQ(answer_to(of_size(200), {.limits = limits}), 0);
  EXPECT_EQ(answer_to(of_size(201), {.limits = limits}), 431);
  EXPECT_EQ(answer_to(of_size(201).substr(0, 200), {.limits = limits, .finish = false}), 0);
}

TEST(ParserLimits, TheDefaultsHold) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (head.size() < 65536 - 9000) head += "A: " + std::string(8000, 'x') + "\r\n";
  const std::size_t left = 65536 - head.size() - 2;
  head += "B: " + std::string(left / 2, 'y') + "\r\n";
  head += "C: " + std::string(65536 - head.size() - 7, 'z') + "\r\n\r\n";
  ASSERT_EQ(head.size(), 65536u);
  EXPECT_EQ(rondo::test::parse_request_pieces({head}, {}).error, "");
  head.insert(head.size() - 4, "z");
  EXPECT_EQ(rondo::test::parse_request_pieces({head}, {}).answer_status, 431);
}

TEST(ParserLimits, FieldsAtTheirBoundAreTakenAndOneMoreIsRefused) {
  const auto with = [](int n) {
    std::string out;
    for (int i = 1; i < n; ++i) out += "A: b\r\n";  // the first is Host
    return request(out + "\r\n");
  };
  EXPECT_EQ(answer_to(with(128)), 0);
  EXPECT_EQ(answer_to(with(129)), 431);
}

TEST(ParserLimits, ALineAtItsBoundIsTakenAndOneByteMoreIsRefused) {
  http::parser_limits limits;
  limits.line_bytes = 50;
  const auto with = [](std::size_t n) {
    return request("A: " + std::string(n - 3, 'x') + "\r\n\r\n");
  };
  EXPECT_EQ(answer_to(with(50), {.limits = limits}), 0);
  EXPECT_EQ(answer_to(with(51), {.limits = limits}), 431);
}

TEST(ParserLimits, AFoldedFieldIsOneLine) {
  http::parser_limits limits;
  limits.line_bytes = 50;
  const auto with = [](std::size_t n) {
    return "HTTP/1.1 204 x\r\nA: b\r\n " + std::string(n - 7, 'x') + "\r\n\r\n";
  };
  EXPECT_FALSE(refused_response(with(50), {.limits = limits}));
  EXPECT_TRUE(refused_response(with(51), {.limits = limits}));
  const std::string endless = "HTTP/1.1 204 x\r\nA: " + std::string(47, 'b') + "\r\n c";
  EXPECT_TRUE(refused_response(endless, {.limits = limits, .finish = false}));
}

TEST(ParserLimits, ATargetAtItsBoundIsTakenAndOneByteMoreIs414) {
  const auto with = [](const std::string& method, std::size_t n) {
    return method + " /" + std::string(n - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(answer_to(with("GET", 8192)), 0);
  EXPECT_EQ(answer_to(with("GET", 8193)), 414);
  EXPECT_EQ(answer_to(with("GET", 9000)), 414);
  EXPECT_EQ(answer_to("GET /" + std::string(9000, 'x'), {.finish = false}), 414);
}

// llhttp knows some forty; which a server has is for its routes to say.
TEST(Parser, TakesAMethodThatLlhttpDoesNotKnow) {
  for (const char* method : {"FROBNICATE", "QUERY", "get", "GETX", "GE", "M-SEARC", "PLAY", "PRI",
                             "X!#$%&'*+-.^_`|~1"}) {
    const std::string line = std::string(method) + " /a?b HTTP/1.1\r\n";
    EXPECT_EQ(answer_to(line + "Host: a\r\n\r\n"), 0) << method;
    // All else is read as strictly as with any other.
    EXPECT_EQ(answer_to(line + "\r\n"), 400) << method;
    EXPECT_EQ(
        answer_to(line + "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400)
        << method;
    EXPECT_EQ(answer_to(line + "Host: a\r\n X: y\r\n\r\n"), 400) << method;
    EXPECT_EQ(answer_to(line + "Host: a\r\nX : y\r\n\r\n"), 400) << method;
    EXPECT_EQ(answer_to(std::string(method) + "  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400) << method;
    EXPECT_EQ(answer_to(std::string(method) + " * HTTP/1.1\r\nHost: a\r\n\r\n"), 400) << method;
  }
  for (const char* none : {"G@T", "GET/", "G(T", "\xc3\xa9"})
    EXPECT_EQ(answer_to(std::string(none) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 400) << none;
}

TEST(ParserLimits, AMethodLongerThanAnyKnownIs501) {
  EXPECT_EQ(answer_to(std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(answer_to(std::string(9000, 'A'), {.finish = false}), 501);
}

TEST(ParserLimits, AStatusLineIsALine) {
  http::parser_limits limits;
  limits.line_bytes = 50;
  const auto with = [](std::size_t n) {
    return "HTTP/1.1 204 " + std::string(n - 13, 'x') + "\r\n\r\n";
  };
  EXPECT_FALSE(refused_response(with(50), {.limits = limits}));
  EXPECT_TRUE(refused_response(with(51), {.limits = limits}));
}

TEST(ParserLimits, TrailersHaveABoundOfTheirOwn) {
  http::parser_limits limits;
  limits.trailer_bytes = 40;
  limits.fields = 3;
  const auto with = [](std::size_t n) {
    return chunked("0\r\nA: " + std::string(n - 7, 'x') + "\r\n\r\n");
  };
  EXPECT_EQ(answer_to(with(40), {.limits = limits}), 0);
  EXPECT_EQ(answer_to(with(41), {.limits = limits}), 431);
  EXPECT_EQ(answer_to(chunked("0\r\nA:\r\nA:\r\nA:\r\n\r\n"), {.limits = limits}), 0);
  EXPECT_EQ(answer_to(chunked("0\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n"), {.limits = limits}), 431);
}

TEST(ParserLimits, ChunkExtensionsMayNotOutweighTheData) {
  http::parser_limits limits;
  limits.chunk_extension_bytes = 20;
  const auto extended = [](std::size_t n, const std::string& data) {
    const char digit = "0123456789"[data.size()];
    return std::string(1, digit) + ";" + std::string(n - 1, 'x') + "\r\n" + data + "\r\n";
  };
  EXPECT_EQ(answer_to(chunked(extended(20, "a") + "0\r\n\r\n"), {.limits = limits}), 0);
  EXPECT_EQ(answer_to(chunked(extended(21, "a") + "0\r\n\r\n"), {.limits = limits}), 400);
  // White space counts as what it stands beside.
  const std::string blanks(19, ' ');
  EXPECT_EQ(answer_to(chunked("1" + blanks.substr(1) + ";a\r\na\r\n0\r\n\r\n"), {.limits = limits}),
            0);
  EXPECT_EQ(answer_to(chunked("1" + blanks + ";a\r\na\r\n0\r\n\r\n"), {.limits = limits}), 400);
  // One byte of data pays for one byte of extension.
  EXPECT_EQ(answer_to(chunked(extended(20, "a") + extended(1 + 1, "b")), {.limits = limits}), 400);
  std::string paid;
  for (int i = 0; i < 50; ++i) paid += extended(9, "123456789");
  EXPECT_EQ(answer_to(chunked(paid + "0\r\n\r\n"), {.limits = limits}), 0);
}

TEST(ParserLimits, ABodyAtItsBoundIsTakenAndOneByteMoreIs413) {
  http::parser_limits limits;
  limits.body_bytes = 5;
  const parse_options o{.limits = limits};
  EXPECT_EQ(answer_to(request("Content-Length: 5\r\n\r\nhello"), o), 0);
  EXPECT_EQ(answer_to(request("Content-Length: 6\r\n\r\nhello!"), o), 413);
  EXPECT_EQ(answer_to(chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), o), 0);
  EXPECT_EQ(answer_to(chunked("2\r\nhe\r\n4\r\nllo!\r\n0\r\n\r\n"), o), 413);
  EXPECT_EQ(rondo::test::parse_response_pieces({"HTTP/1.1 200 OK\r\n\r\nhello"}, o).error, "");
  EXPECT_NE(rondo::test::parse_response_pieces({"HTTP/1.1 200 OK\r\n\r\nhel", "lo!"}, o).error, "");
}

TEST(ParserCost, AByteAtATimeCostsNoMoreLooksThanTheWholeAtOnce) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i)
    head += "Name-" + std::to_string(i) + ": " + std::string(500, 'x') + "\r\n";
  head += "\r\n";
  http::request_parser whole;
  ASSERT_EQ(whole.next(rondo::test::bytes_of(head)).event, http::parse_event::head);
  http::request_parser slow;
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto step = slow.next(rondo::test::bytes_of(std::string_view(head).substr(i, 1)));
    EXPECT_EQ(step.event == http::parse_event::head, i + 1 == head.size());
  }
  EXPECT_EQ(slow.scan_work(), whole.scan_work());
  EXPECT_LE(slow.scan_work(), 2 * head.size()) << "each byte once, and once more with its line";
}

}  // namespace
