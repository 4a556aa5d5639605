#include <rondo/http/http2/session.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http2_session_test {
namespace {

using namespace std::string_view_literals;
using namespace rondo::http::detail;
using rondo::http::headers;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

http2_settings client_settings() {
  http2_settings s;
  s.stream_window = 2 * 1024 * 1024;
  s.connection_window = 16 * 1024 * 1024;
  s.buffered = std::size_t{32} << 20;
  return s;
}

http2_head get(std::string path) {
  http2_head h;
  h.method = "GET";
  h.scheme = "https";
  h.authority = "example.org";
  h.path = std::move(path);
  return h;
}
http2_head post(std::string path) {
  http2_head h = get(std::move(path));
  h.method = "POST";
  return h;
}
http2_head answer(int status) {
  http2_head h;
  h.status = status;
  h.fields = headers{{"Content-Type", "text/plain"}};
  return h;
}

// Two ends joined by nothing but their bytes.
struct both_ends {
  explicit both_ends(const http2_settings& of_server = {},
                     const http2_settings& of_client = client_settings())
      : server(http2_role::server, of_server), client(http2_role::client, of_client) {
    settle();
  }
  static bool carry(http2_session& from, http2_session& to) {
    const std::span<const std::byte> out = from.unsent();
    if (out.empty()) return false;
    const std::string copy = text_of(out);
    from.sent(out.size());
    to.receive(bytes_of(copy), rondo::detail::time_point());
    return true;
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = carry(client, server);
      moved = carry(server, client) || moved;
    }
  }
  http2_stream_ref accepted() {
    settle();
    return server.accept();
  }

  http2_session server;
  http2_session client;
};

// A server that is told frames one by one, and what it answers, frame by frame.
struct frame {
  int type;
  int flags;
  std::uint32_t stream;
  std::string payload;
};
std::string wire_of(int type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out + std::string(payload);
}
std::uint32_t word(std::string_view text, std::size_t at) {
  std::uint32_t n = 0;
  for (std::size_t i = at; i < at + 4; ++i) n = n << 8 | static_cast<unsigned char>(text[i]);
  return n;
}
// :method GET, :scheme http, :path /, :authority a; by the static table, and a literal.
constexpr std::string_view a_request =
    "\x82\x86\x84\x01\x01"
    "a"sv;

struct hostile_peer {
  explicit hostile_peer(const http2_settings& s = {}) : server(http2_role::server, s) {
    say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv);
    say(wire_of(4, 0, 0, ""));
  }
  void say(std::string_view bytes) { server.receive(bytes_of(bytes), now); }
  std::vector<frame> hear() {
    std::string all;
    for (;;) {
      const std::span<const std::byte> out = server.unsent();
      if (out.empty()) break;
      all += text_of(out);
      server.sent(out.size());
    }
    std::vector<frame> frames;
    for (std::string_view rest = all; rest.size() >= 9;) {
      const std::size_t size = word(std::string("\0"sv) + std::string(rest.substr(0, 3)), 0);
      frames.push_back({rest[3], static_cast<unsigned char>(rest[4]), word(rest, 5),
                        std::string(rest.substr(9, size))});
      rest.remove_prefix(9 + size);
    }
    return frames;
  }
  // The code of the GOAWAY that the server has sent.
  std::optional<http2_code> goaway() {
    for (const frame& f : hear())
      if (f.type == 7) return static_cast<http2_code>(word(f.payload, 4));
    return std::nullopt;
  }
  // Of the RST_STREAM for `stream`.
  std::optional<http2_code> reset_of(std::uint32_t stream) {
    for (const frame& f : hear())
      if (f.type == 3 && f.stream == stream) return static_cast<http2_code>(word(f.payload, 0));
    return std::nullopt;
  }
  http2_session server;
  rondo::detail::time_point now{};
};

TEST(Http2Session, ARequestAndItsAnswerWithBodiesAndTrailers) {
  both_ends e;
  http2_stream_ref asked = e.client.open(post("/x?y"), false);
  EXPECT_EQ(asked->write(bytes_of("hello ")), 6U);
  EXPECT_EQ(asked->write(bytes_of("you")), 3U);
  asked->end(headers{{"Digest", "abc"}});
  http2_stream_ref got = e.accepted();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->head().problem_of_request(), nullptr);
  const rondo::http::request_head r = std::move(got->head()).take_request();
  EXPECT_EQ(r.method, "POST");
  EXPECT_EQ(r.target, "/x?y");
  EXPECT_EQ(r.headers.get("host"), "example.org");
  EXPECT_EQ(r.version, rondo::http::version::http_2);
  EXPECT_EQ(got->take_body(), "hello you");
  EXPECT_TRUE(got->in_ended());
  EXPECT_EQ(got->trailers().get("digest"), "abc");

  got->send_head(answer(200), false);
  EXPECT_EQ(got->write(bytes_of("fine")), 4U);
  got->end(headers{{"After", "all"}});
  e.settle();
  EXPECT_TRUE(got->all_sent());
  EXPECT_TRUE(asked->head_came());
  EXPECT_EQ(asked->head().status, 200);
  EXPECT_EQ(asked->head().fields.get("content-type"), "text/plain");
  EXPECT_EQ(asked->take_body(), "fine");
  EXPECT_TRUE(asked->in_ended());
  EXPECT_EQ(asked->trailers().get("after"), "all");
  EXPECT_TRUE(asked->closed());
  EXPECT_EQ(asked->code(), http2_code::no_error);
  EXPECT_EQ(e.client.places(), 0U);
  EXPECT_EQ(e.server.places(), 0U);
}

TEST(Http2Session, InterimHeadsComeBeforeTheFinalOne) {
  both_ends e;
  http2_stream_ref asked = e.client.open(get("/"), true);
  http2_stream_ref got = e.accepted();
  http2_head hints;
  hints.status = 103;
  hints.fields = headers{{"Link", "</a>; rel=preload"}};
  got->send_head(hints, false);
  e.settle();
  ASSERT_EQ(asked->interim().size(), 1U);
  EXPECT_EQ(asked->interim().front().status, 103);
  EXPECT_FALSE(asked->head_came());
  got->send_head(answer(204), true);
  e.settle();
  EXPECT_EQ(asked->head().status, 204);
  EXPECT_TRUE(asked->in_ended());
}

TEST(Http2Session, AHandleThatGoesCancelsAStreamWhoseBodyIsOnItsWay) {
  both_ends e;
  http2_stream_ref asked = e.client.open(post("/"), false);
  http2_stream_ref got = e.accepted();
  asked.drop();
  EXPECT_EQ(e.client.places(), 1U) << "taken until the reset has been written";
  e.settle();
  EXPECT_EQ(e.client.places(), 0U);
  EXPECT_TRUE(got->closed());
  EXPECT_TRUE(got->closed_by_peer());
  EXPECT_EQ(got->code(), http2_code::cancel);
}

TEST(Http2Session, AHandleThatGoesCancelsAStreamWhoseAnswerHasNotCome) {
  both_ends e;
  http2_stream_ref asked = e.client.open(get("/"), true);
  http2_stream_ref got = e.accepted();
  asked->reset(http2_code::cancel);
  asked.drop();
  (void)e.client.unsent();
  EXPECT_EQ(e.client.places(), 1U) << "made ready, but not written";
  e.settle();
  EXPECT_EQ(e.client.places(), 0U);
  EXPECT_EQ(got->code(), http2_code::cancel);
}

TEST(Http2Session, AnEarlyAnswerIsWholeAndThenTheUploadIsEnded) {
  both_ends e;
  http2_stream_ref asked = e.client.open(post("/"), false);
  const std::string much(60'000, 'x');
  EXPECT_EQ(asked->write(bytes_of(much)), much.size());
  http2_stream_ref got = e.accepted();
  got->send_head(answer(413), false);
  EXPECT_EQ(got->write(bytes_of("too much")), 8U);
  got->end();
  got.drop();
  e.settle();
  EXPECT_EQ(asked->head().status, 413);
  EXPECT_EQ(asked->take_body(), "too much");
  EXPECT_TRUE(asked->in_ended());
  EXPECT_TRUE(asked->closed());
  EXPECT_EQ(asked->code(), http2_code::no_error);
  EXPECT_EQ(e.server.places(), 0U);
}

TEST(Http2Session, ASenderIsStoppedByTheWindowAndGoesOnWhenTheReaderTakes) {
  http2_settings small;
  small.stream_window = 100'000;
  both_ends e(small);
  http2_stream_ref asked = e.client.open(post("/"), false);
  http2_stream_ref got = e.accepted();
  std::string sent;
  std::string received;
  for (int turn = 0; sent.size() < 1'000'000; ++turn) {
    const std::string piece(10'000, static_cast<char>('a' + turn % 26));
    const std::size_t n = asked->write(bytes_of(piece));
    sent += piece.substr(0, n);
    e.settle();
    EXPECT_LE(got->unread(), 100'000U);
    if (asked->room() < 10'000) received += got->take_body();
  }
  asked->end();
  for (int turn = 0; !got->in_ended() && turn < 100; ++turn) {
    e.settle();
    received += got->take_body();
  }
  e.settle();
  received += got->take_body();
  EXPECT_EQ(received, sent);
  EXPECT_EQ(e.server.buffered(), 0U);
}

TEST(Http2Session, OneSlowReaderDoesNotStopTheOthers) {
  both_ends e;
  http2_stream_ref slow = e.client.open(post("/slow"), false);
  http2_stream_ref quick = e.client.open(post("/quick"), false);
  http2_stream_ref got_slow = e.accepted();
  http2_stream_ref got_quick = e.accepted();
  const std::string piece(50'000, 'x');
  std::size_t moved = 0;
  for (int turn = 0; turn < 200; ++turn) {
    slow->write(bytes_of(piece));
    quick->write(bytes_of(piece));
    e.settle();
    moved += got_quick->take_body().size();
  }
  EXPECT_GT(moved, 5'000'000U) << "five windows of the connection";
  EXPECT_EQ(got_slow->unread(), 256U * 1024U);
}

TEST(Http2Session, WhatIsBufferedIsBoundedByTheCapAndOneWindow) {
  http2_settings small;
  small.buffered = 500'000;
  small.connection_window = 300'000;
  both_ends e(small);
  std::vector<http2_stream_ref> asked;
  std::vector<http2_stream_ref> got;
  const std::string piece(60'000, 'x');
  for (int i = 0; i < 10; ++i) {
    asked.push_back(e.client.open(post("/"), false));
    got.push_back(e.accepted());
  }
  for (int turn = 0; turn < 20; ++turn) {
    for (http2_stream_ref& s : asked) s->write(bytes_of(piece));
    e.settle();
  }
  EXPECT_GE(e.server.buffered(), 500'000U);
  EXPECT_LE(e.server.buffered(), 800'000U);
  got.clear();  // what nobody will take counts as taken
  e.settle();
  EXPECT_EQ(e.server.buffered(), 0U);
  http2_stream_ref next = e.client.open(post("/"), false);
  http2_stream_ref of_it = e.accepted();
  for (int turn = 0; turn < 4; ++turn) {
    next->write(bytes_of(piece));
    e.settle();
  }
  EXPECT_EQ(of_it->unread(), 240'000U) << "the connection's credit has come back";
}

TEST(Http2Session, AConnectionSurvivesManyCancelledDownloads) {
  http2_settings lenient;
  lenient.resets = 1'000'000;
  both_ends e(lenient);
  const std::string piece(60'000, 'x');
  for (int i = 0; i < 2'000; ++i) {
    http2_stream_ref asked = e.client.open(get("/"), true);
    http2_stream_ref got = e.accepted();
    got->send_head(answer(200), false);
    got->write(bytes_of(piece));
    e.settle();
    ASSERT_GT(asked->unread(), 0U) << i;
    if (i % 2 == 0) asked->take_body();
  }
  EXPECT_EQ(e.client.buffered(), 0U);
  EXPECT_FALSE(e.client.failed());
  EXPECT_FALSE(e.server.failed());
}

// Its handler has answered and gone; the word for it has not been written yet.
TEST(Http2Session, WhatComesForAStreamThatWasLeftGivesItsCreditBack) {
  hostile_peer p;
  p.hear();
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    p.say(wire_of(1, 4, id, a_request));
    http2_stream_ref s = p.server.accept();
    s->send_head(answer(200), true);
    s.drop();
    for (int i = 0; i < 15; ++i) p.say(wire_of(0, 0, id, std::string(16'000, 'x')));
  }
  const std::vector<frame> heard = p.hear();
  EXPECT_TRUE(std::ranges::any_of(heard, [](const frame& f) {
    return f.type == 8 && f.stream == 0;
  })) << "720,000 bytes of a window of a MiB were taken";
}

TEST(Http2Session, GoawayRefusesWhatIsAboveItsNumber) {
  both_ends e;
  http2_stream_ref first = e.client.open(get("/1"), true);
  http2_stream_ref got = e.accepted();
  e.server.shut_down();
  http2_stream_ref second = e.client.open(get("/2"), true);
  e.settle();
  EXPECT_TRUE(second->closed());
  EXPECT_TRUE(second->refused());
  EXPECT_FALSE(first->closed());
  EXPECT_TRUE(e.client.goaway_came());
  http2_stream_ref third = e.client.open(get("/3"), true);
  EXPECT_TRUE(third->refused());
  got->send_head(answer(204), true);
  e.settle();
  EXPECT_EQ(first->head().status, 204);
  EXPECT_TRUE(e.server.finished());
  EXPECT_TRUE(e.client.finished());
}

TEST(Http2Session, ANoticeRefusesNothing) {
  both_ends e;
  e.server.announce_shutdown();
  http2_stream_ref asked = e.client.open(get("/"), true);
  http2_stream_ref got = e.accepted();
  ASSERT_TRUE(got);
  EXPECT_TRUE(e.client.goaway_came());
  EXPECT_FALSE(asked->closed());
}

TEST(Http2Session, APingIsAnswered) {
  both_ends e;
  e.client.ping();
  EXPECT_TRUE(e.client.ping_under_way());
  e.settle();
  EXPECT_EQ(e.client.pongs(), 1U);
  EXPECT_FALSE(e.client.ping_under_way());
}

TEST(Http2Session, AHandleOutlivesItsSession) {
  http2_stream_ref asked;
  {
    both_ends e;
    asked = e.client.open(post("/"), false);
    e.settle();
    e.client.lose();
    EXPECT_TRUE(asked->lost());
  }
  EXPECT_TRUE(asked->closed());
  EXPECT_EQ(asked->write(bytes_of("x")), 0U);
  asked->reset(http2_code::cancel);
}

TEST(Http2Session, AHeadThatIsTooLargeIsSaidToBe) {
  both_ends e;
  http2_head big = get("/");
  for (int i = 0; i < 200; ++i) big.fields.add("x-" + std::to_string(i), "v");
  http2_stream_ref asked = e.client.open(big, true);
  http2_stream_ref got = e.accepted();
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->head_too_large());
}

TEST(Http2Session, CookiesOfSeveralFieldsAreOne) {
  both_ends e;
  http2_head h = get("/");
  h.fields.add("cookie", "a=1");
  h.fields.add("cookie", "b=2");
  http2_stream_ref asked = e.client.open(h, true);
  http2_stream_ref got = e.accepted();
  EXPECT_EQ(got->head().problem_of_request(), nullptr);
  EXPECT_EQ(got->head().fields.get("cookie"), "a=1; b=2");
}

TEST(Http2Session, AHostThatIsNotTheAuthorityIsAProblem) {
  http2_head h = get("/");
  h.fields.add("host", "evil.example");
  EXPECT_NE(h.problem_of_request(), nullptr);
  http2_head same = get("/");
  same.fields.add("host", "Example.org");
  EXPECT_EQ(same.problem_of_request(), nullptr);
  http2_head without = get("/a#b");
  EXPECT_NE(without.problem_of_request(), nullptr);
}

// --- what a hostile peer does ---

TEST(Http2SessionHostile, ANumberSmallerThanAnEarlierOneEndsTheConnection) {
  hostile_peer p;
  p.say(wire_of(1, 5, 5, a_request));
  p.say(wire_of(1, 5, 3, a_request));
  EXPECT_EQ(p.goaway(), http2_code::protocol_error);
}

TEST(Http2SessionHostile, FramesAfterEndStreamEndTheConnection) {
  hostile_peer data;
  data.say(wire_of(1, 5, 1, a_request));
  data.say(wire_of(0, 1, 1, "x"));
  EXPECT_EQ(data.goaway(), http2_code::stream_closed);
  hostile_peer head;
  head.say(wire_of(1, 5, 1, a_request));
  head.say(wire_of(1, 5, 1, a_request));
  EXPECT_EQ(head.goaway(), http2_code::stream_closed);
  hostile_peer closed;
  closed.say(wire_of(1, 5, 1, a_request));
  http2_stream_ref s = closed.server.accept();
  s->send_head(answer(204), true);
  closed.hear();
  EXPECT_TRUE(s->closed());
  closed.say(wire_of(0, 1, 1, "x"));
  EXPECT_EQ(closed.goaway(), http2_code::stream_closed);
}

TEST(Http2SessionHostile, WhatWasOnItsWayWhenWeResetIsBorne) {
  hostile_peer p;
  p.say(wire_of(1, 4, 1, a_request));
  http2_stream_ref s = p.server.accept();
  s->reset(http2_code::cancel);
  EXPECT_EQ(p.reset_of(1), http2_code::cancel);
  p.say(wire_of(0, 0, 1, "on its way"));
  p.say(wire_of(1, 5, 1, a_request));
  EXPECT_EQ(p.goaway(), std::nullopt);
  EXPECT_FALSE(p.server.failed());
}

TEST(Http2SessionHostile, RapidResetEndsTheConnection) {
  hostile_peer p;
  int said = 0;
  for (std::uint32_t id = 1; !p.server.failed() && said < 5'000; id += 2, ++said) {
    p.say(wire_of(1, 5, id, a_request));
    p.say(wire_of(3, 0, id, "\0\0\0\x08"sv));
    p.server.accept();
  }
  EXPECT_EQ(said, 1'001);
  EXPECT_EQ(p.goaway(), http2_code::enhance_your_calm);
}

// A client that has its answer ends the upload of which nobody wanted the rest.
TEST(Http2SessionHostile, ResetsBehindTheWholeAnswerAreNotCounted) {
  hostile_peer p;
  for (std::uint32_t id = 1; id < 10'000; id += 2) {
    p.say(wire_of(1, 4, id, a_request));
    http2_stream_ref s = p.server.accept();
    ASSERT_TRUE(s) << id;
    s->send_head(answer(200), true);
    p.hear();
    p.say(wire_of(3, 0, id, "\0\0\0\0"sv));
    EXPECT_TRUE(s->closed());
  }
  EXPECT_FALSE(p.server.failed());
}

TEST(Http2SessionHostile, AnHonestClientThatCancelsAHundredASecondIsNeverCutOff) {
  hostile_peer p;
  std::uint32_t id = 1;
  for (int i = 0; i < 20'000; ++i, id += 2) {
    p.now += std::chrono::milliseconds(10);
    p.say(wire_of(1, 5, id, a_request));
    p.say(wire_of(3, 0, id, "\0\0\0\x08"sv));
    p.server.accept();
    p.hear();
  }
  EXPECT_FALSE(p.server.failed());
}

TEST(Http2SessionHostile, ResetsThatItsFaultsMakeUsSendEndTheConnection) {
  hostile_peer p;
  int said = 0;
  std::vector<http2_stream_ref> kept;
  for (std::uint32_t id = 1; !p.server.failed() && said < 5'000; id += 2, ++said) {
    p.say(wire_of(1, 4, id, a_request));
    kept.push_back(p.server.accept());
    p.say(wire_of(8, 0, id, "\x7f\xff\xff\xff"sv));  // its window overflows
    p.hear();
  }
  EXPECT_LE(said, 1'002);
  EXPECT_EQ(p.server.failure(), http2_code::enhance_your_calm);
}

TEST(Http2SessionHostile, ContinuationsWithoutEndEndTheConnection) {
  for (const std::string_view piece : {""sv, "\x82"sv}) {
    hostile_peer p;
    p.say(wire_of(1, 1, 1, a_request));
    int said = 0;
    for (; !p.server.failed() && said < 100; ++said) p.say(wire_of(9, 0, 1, piece));
    EXPECT_EQ(said, 9);
    EXPECT_EQ(p.goaway(), http2_code::enhance_your_calm);
  }
}

// libnghttp2 1.52 as Debian has it counts a continuation for each piece of its head.
TEST(Http2Session, ContinuationsMayComeByteByByte) {
  hostile_peer p;
  const std::string all =
      wire_of(1, 1, 1, a_request.substr(0, 3)) + wire_of(9, 4, 1, a_request.substr(3));
  for (const char& c : all) p.say({&c, 1});
  EXPECT_FALSE(p.server.failed());
  EXPECT_TRUE(p.server.has_arrived());
}

TEST(Http2SessionHostile, FloodsOfFramesThatCarryNothingEndTheConnection) {
  hostile_peer unread;  // it takes no answer
  int said = 0;
  for (; !unread.server.failed() && said < 100'000; ++said)
    unread.say(wire_of(6, 0, 0, "12345678"));
  EXPECT_LE(said, 1'010);
  EXPECT_EQ(unread.goaway(), http2_code::enhance_your_calm);

  hostile_peer settings;
  for (said = 0; !settings.server.failed() && said < 100'000; ++said)
    settings.say(wire_of(4, 0, 0, ""));
  EXPECT_LE(said, 1'010);
  EXPECT_EQ(settings.goaway(), http2_code::enhance_your_calm);

  hostile_peer empty;
  empty.say(wire_of(1, 4, 1, a_request));
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += wire_of(0, 0, 1, "");
  for (said = 0; !empty.server.failed() && said < 5'000; ++said) empty.say(many);
  EXPECT_LE(said, 1'000);
  EXPECT_EQ(empty.goaway(), http2_code::enhance_your_calm);
}

TEST(Http2SessionHostile, ABombOfHeadersEndsTheConnection) {
  hostile_peer p;
  std::string block(a_request);
  block += "\x40\x01x\x7f\xa1\x1e" + std::string(4'000, 'y');  // indexed: 4,000 bytes for one
  block += std::string(8'000, '\xbe');
  p.say(wire_of(1, 5, 1, block));
  EXPECT_EQ(p.goaway(), http2_code::enhance_your_calm);
  EXPECT_LT(p.server.buffered(), 1U);
}

TEST(Http2SessionHostile, APrefaceThatIsNoneIsRefused) {
  http2_session s(http2_role::server, {});
  s.receive(bytes_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), {});
  EXPECT_TRUE(s.failed());
  EXPECT_EQ(s.failure(), http2_code::protocol_error);
}

TEST(Http2History, RemembersWhoEndedAndWhatWasPassedOver) {
  using fate = stream_history::fate;
  stream_history h;
  h.open(3);
  EXPECT_EQ(h.of(1), fate::unopened);
  EXPECT_EQ(h.of(3), fate::open);
  h.end(3);
  EXPECT_EQ(h.of(3), fate::ended);
  h.open(2001);
  EXPECT_EQ(h.of(3), fate::ended);
  EXPECT_EQ(h.of(5), fate::unopened);
  EXPECT_EQ(h.of(1999), fate::unopened);
  h.open(4001);
  EXPECT_EQ(h.of(3), fate::forgotten);
  EXPECT_EQ(h.of(1955), fate::unopened);
  EXPECT_EQ(h.of(4001), fate::open);
  h.open(0x7fffffff);
  EXPECT_EQ(h.of(4001), fate::forgotten);
  EXPECT_EQ(h.of(0x7ffffffd), fate::unopened);
}

TEST(Http2Budget, ComesBackWithTime) {
  http2_budget b(10, 5);
  rondo::detail::time_point now{};
  now += std::chrono::hours(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(b.take(now));
  EXPECT_FALSE(b.take(now));
  now += std::chrono::milliseconds(199);
  EXPECT_FALSE(b.take(now));
  now += std::chrono::milliseconds(1);
  EXPECT_TRUE(b.take(now));
  EXPECT_FALSE(b.take(now));
  now += std::chrono::hours(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(b.take(now));
  EXPECT_FALSE(b.take(now));
}

}  // namespace
}  // namespace http2_session_test
