#include "support/allocations.hpp"

#include <rondo/http/websocket/deflate.hpp>
#include <rondo/http/websocket/engine.hpp>
#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace websocket_engine_test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using rondo::detail::random_source;
using namespace rondo::http::detail;
using step = engine::step;

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// --- vectors: what a peer sends, and what the engine says of it ---

constexpr mask_key some_key{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};

// A frame as a peer would write it; what it asks for may be against the rules.
struct wire {
  side to = side::server;
  bool last = true;
  int reserved = 0;
  int kind = 1;
  std::string payload = {};
  bool masked_wrongly = false;
  int length_bytes = -1;  // -1: the shortest

  std::string text() const {
    std::string out;
    out += static_cast<char>((last ? 0x80 : 0) | reserved << 4 | kind);
    const bool masked = (to == side::server) != masked_wrongly;
    int more = payload.size() < 126 ? 0 : payload.size() < 65536 ? 2 : 8;
    if (length_bytes >= 0) more = length_bytes;
    const int seven = more == 0 ? static_cast<int>(payload.size()) : more == 2 ? 126 : 127;
    out += static_cast<char>((masked ? 0x80 : 0) | seven);
    for (int i = more - 1; i >= 0; --i)
      out += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> 8 * i & 0xFF);
    if (!masked) return out + payload;
    std::string body = payload;
    for (const std::byte b : some_key) out += static_cast<char>(b);
    mask(std::as_writable_bytes(std::span(body)), some_key, 0);
    return out + body;
  }
};

struct vector_case {
  std::string name;
  side us;
  std::string input;
  std::string says;  // one line an event
  engine_limits limits = {};
  std::optional<deflate_terms> deflate = {};
};

std::string shown(std::string_view text) {
  if (text.size() <= 40) return std::string(text);
  return std::to_string(text.size()) + " bytes, " +
         std::to_string(std::hash<std::string_view>()(text));
}

std::string line(step s, engine& e) {
  switch (s) {
    case step::message: return (e.is_text() ? "text " : "binary ") + shown(e.message()) + '\n';
    case step::pong: return "pong " + std::string(e.pong_payload()) + '\n';
    case step::closed: return "closed " + std::to_string(e.code()) + ' ' + e.reason() + '\n';
    case step::failed: return "failed " + std::to_string(e.code()) + '\n';
    case step::more: break;
  }
  return {};
}

// What the engine says when the input comes in pieces of what `next_size` gives.
template <class NextSize>
std::string run(const vector_case& v, NextSize next_size) {
  engine e(v.us, v.limits);
  if (v.deflate) e.set_deflate(*v.deflate);
  std::string said;
  std::string input = v.input;
  std::span<std::byte> left = std::as_writable_bytes(std::span(input));
  while (!left.empty()) {
    std::span<std::byte> piece = left.first(std::min<std::size_t>(next_size(), left.size()));
    left = left.subspan(piece.size());
    while (!piece.empty()) {
      const step s = e.take(piece);
      said += line(s, e);
      if (s == step::closed || s == step::failed) return said;
      if (s == step::more) break;
    }
  }
  return said;
}

void check(const vector_case& v) {
  SCOPED_TRACE(v.name);
  EXPECT_EQ(run(v, [&] { return v.input.size(); }), v.says) << "whole";
  EXPECT_EQ(run(v, [] { return std::size_t{1}; }), v.says) << "byte by byte";
  random_source from(7);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(run(v, [&] { return 1 + from.next() % 97; }), v.says) << "split at random";
}

std::string close_payload(int code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} +
         std::string(reason);
}

std::string failed(int code) { return "failed " + std::to_string(code) + '\n'; }

// Each of these is asked of both sides.
std::vector<vector_case> both_sides(const std::function<std::vector<vector_case>(side)>& make) {
  std::vector<vector_case> all = make(side::server);
  for (vector_case& v : make(side::client)) all.push_back(std::move(v));
  return all;
}

std::vector<vector_case> framing_vectors() {
  return both_sides([](side us) {
    std::vector<vector_case> all;
    for (const std::size_t n : {0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 65535, 65536, 65537}) {
      const std::string text(n, 'a');
      for (const int kind : {1, 2})
        all.push_back({"a message of " + std::to_string(n) + " bytes, " + std::to_string(kind), us,
                       wire{.to = us, .kind = kind, .payload = text}.text(),
                       (kind == 1 ? "text " : "binary ") + shown(text) + '\n'});
    }
    for (const std::size_t n : {0, 5, 125})
      for (const int more : {2, 8})
        all.push_back({std::to_string(n) + " bytes with a length of " + std::to_string(more), us,
                       wire{.to = us, .payload = std::string(n, 'a'), .length_bytes = more}.text(),
                       failed(1002)});
    for (const std::size_t n : {126, 65535})
      all.push_back({std::to_string(n) + " bytes with a length of 8", us,
                     wire{.to = us, .payload = std::string(n, 'a'), .length_bytes = 8}.text(),
                     failed(1002)});
    all.push_back({"the mask is on the wrong side", us,
                   wire{.to = us, .payload = "a", .masked_wrongly = true}.text(), failed(1002)});
    const auto head = us == side::server ? "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF____"s
                                         : "\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s;
    all.push_back({"a length of 64 bits", us, head, failed(1002)});
    auto sixty_three = head;
    sixty_three[2] = '\x7F';
    all.push_back({"a length of 63 bits", us, sixty_three, failed(1009)});
    for (int bits = 1; bits < 8; ++bits)
      for (const int kind : {1, 2, 8, 9, 10})
        all.push_back({"reserved bits " + std::to_string(bits) + " of " + std::to_string(kind), us,
                       wire{.to = us, .reserved = bits, .kind = kind}.text(), failed(1002)});
    for (const int kind : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
      for (const bool last : {true, false})
        all.push_back({"the opcode " + std::to_string(kind), us,
                       wire{.to = us, .last = last, .kind = kind}.text(), failed(1002)});
    std::string many, says;
    for (int i = 0; i < 50; ++i) {
      many += wire{.to = us, .payload = std::to_string(i)}.text();
      says += "text " + std::to_string(i) + '\n';
    }
    all.push_back({"fifty messages at once", us, many, says});
    return all;
  });
}

std::vector<vector_case> control_vectors() {
  return both_sides([](side us) {
    std::vector<vector_case> all;
    for (const std::size_t n : {0, 1, 125}) {
      const std::string payload(n, '\xFF');  // need not be text
      all.push_back({"a pong of " + std::to_string(n), us,
                     wire{.to = us, .kind = 10, .payload = payload}.text(),
                     "pong " + payload + '\n'});
      all.push_back({"a ping of " + std::to_string(n), us,
                     wire{.to = us, .kind = 9, .payload = payload}.text(), ""});
    }
    for (const int kind : {8, 9, 10}) {
      all.push_back({"a control frame that is too long", us,
                     wire{.to = us, .kind = kind, .payload = std::string(126, 'a')}.text(),
                     failed(1002)});
      all.push_back({"a control frame in fragments", us,
                     wire{.to = us, .last = false, .kind = kind}.text(), failed(1002)});
    }
    const auto piece = [us](bool last, int kind, std::string payload) {
      return wire{.to = us, .last = last, .kind = kind, .payload = std::move(payload)}.text();
    };
    all.push_back({"pings between fragments", us,
                   piece(false, 1, "a") + piece(true, 9, "1") + piece(false, 0, "b") +
                       piece(true, 10, "2") + piece(true, 0, "c"),
                   "pong 2\ntext abc\n"});
    all.push_back({"a Close between fragments", us,
                   piece(false, 1, "a") + piece(true, 8, close_payload(1000)), "closed 1000 \n"});
    return all;
  });
}

std::vector<vector_case> fragment_vectors() {
  return both_sides([](side us) {
    const auto piece = [us](bool last, int kind, std::string payload) {
      return wire{.to = us, .last = last, .kind = kind, .payload = std::move(payload)}.text();
    };
    std::vector<vector_case> all{
        {"two", us, piece(false, 1, "ab") + piece(true, 0, "cd"), "text abcd\n"},
        {"three, the middle one empty", us,
         piece(false, 2, "ab") + piece(false, 0, "") + piece(true, 0, "cd"), "binary abcd\n"},
        {"all empty", us, piece(false, 1, "") + piece(true, 0, ""), "text \n"},
        {"and then another", us, piece(false, 1, "a") + piece(true, 0, "b") + piece(true, 2, "c"),
         "text ab\nbinary c\n"},
        {"a continuation of nothing", us, piece(true, 0, "a"), failed(1002)},
        {"a continuation of nothing, with more to come", us, piece(false, 0, "a"), failed(1002)},
        {"a continuation of what has ended", us, piece(true, 1, "a") + piece(true, 0, "b"),
         "text a\n" + failed(1002)},
        {"a text within a text", us, piece(false, 1, "a") + piece(true, 1, "b"), failed(1002)},
        {"bytes within a text", us, piece(false, 1, "a") + piece(false, 2, "b"), failed(1002)},
    };
    engine_limits few;
    few.fragments = 4;
    std::string four = piece(false, 1, "");
    for (int i = 0; i < 2; ++i) four += piece(false, 0, "");
    all.push_back({"as many as are taken", us, four + piece(true, 0, ""), "text \n", few});
    all.push_back({"one more, and all empty", us, four + piece(false, 0, "") + piece(true, 0, ""),
                   failed(1009), few});
    engine_limits small;
    small.message_bytes = 10;
    all.push_back(
        {"as large as is taken", us, piece(true, 1, "0123456789"), "text 0123456789\n", small});
    all.push_back({"larger", us, piece(true, 1, "0123456789a"), failed(1009), small});
    all.push_back({"as large in two", us, piece(false, 1, "01234") + piece(true, 0, "56789"),
                   "text 0123456789\n", small});
    all.push_back({"larger in two", us, piece(false, 1, "01234") + piece(true, 0, "56789a"),
                   failed(1009), small});
    all.push_back({"the limit is a message's, not a connection's", us,
                   piece(true, 1, "0123456789") + piece(true, 1, "0123456789"),
                   "text 0123456789\ntext 0123456789\n", small});
    return all;
  });
}

// RFC 3629, section 4: what is UTF-8 and what is not.
constexpr std::string_view good_texts[] = {
    "\x7F",
    "\xC2\x80",
    "\xDF\xBF",
    "\xE0\xA0\x80",
    "\xE1\x80\x80",
    "\xED\x9F\xBF",
    "\xEE\x80\x80",
    "\xEF\xBF\xBD",
    "\xEF\xBF\xBF",
    "\xF0\x90\x80\x80",
    "\xF1\x80\x80\x80",
    "\xF4\x8F\xBF\xBF",
    "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5",
    "Hello \xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!",
};
constexpr std::string_view bad_texts[] = {
    "\x80",
    "\xBF",
    "\xC0\x80",
    "\xC0\xAF",
    "\xC1\xBF",
    "\xC2",
    "\xC2\x7F",
    "\xC2\xC0",
    "\xE0\x80\x80",
    "\xE0\x9F\xBF",
    "\xE0\xA0",
    "\xE1\x80",
    "\xE1\x80\x7F",
    "\xED\xA0\x80",
    "\xED\xBF\xBF",
    "\xF0\x80\x80\x80",
    "\xF0\x8F\xBF\xBF",
    "\xF0\x90\x80",
    "\xF1\x80\x80",
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xF8\x88\x80\x80\x80",
    "\xFE",
    "\xFF",
    "abcdefgh\xFFijk",
    "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80\x65\x64",
};

std::vector<vector_case> text_vectors() {
  return both_sides([](side us) {
    const auto piece = [us](bool last, int kind, std::string_view payload) {
      return wire{.to = us, .last = last, .kind = kind, .payload = std::string(payload)}.text();
    };
    std::vector<vector_case> all;
    for (const std::string_view t : good_texts) {
      all.push_back({"text", us, piece(true, 1, t), "text " + std::string(t) + '\n'});
      std::string split = piece(false, 1, "");
      for (const char c : t) split += piece(false, 0, {&c, 1});
      all.push_back({"text, each byte a fragment", us, split + piece(true, 0, ""),
                     "text " + std::string(t) + '\n'});
    }
    for (const std::string_view t : bad_texts) {
      all.push_back({"no text", us, piece(true, 1, t), failed(1007)});
      all.push_back({"as bytes", us, piece(true, 2, t), "binary " + std::string(t) + '\n'});
      all.push_back({"no reason", us, piece(true, 8, close_payload(1000, t)), failed(1007)});
    }
    // Told before the message has ended.
    all.push_back(
        {"no text, and the end never comes", us, piece(false, 1, "\xF4\x90"), failed(1007)});
    return all;
  });
}

std::vector<vector_case> close_vectors() {
  return both_sides([](side us) {
    const auto close = [us](std::string payload) {
      return wire{.to = us, .kind = 8, .payload = std::move(payload)}.text();
    };
    std::vector<vector_case> all{
        {"without a code", us, close(""), "closed 1005 \n"},
        {"with half a code", us, close("\x03"), failed(1002)},
        {"with a reason", us, close(close_payload(1000, "done")), "closed 1000 done\n"},
        {"with the longest", us, close(close_payload(1000, std::string(123, 'a'))),
         "closed 1000 " + std::string(123, 'a') + '\n'},
        {"and what comes after it is not looked at", us, close("") + "\xFF\xFF\xFF",
         "closed 1005 \n"},
    };
    for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                           3000, 3999, 4000, 4999})
      all.push_back({"code " + std::to_string(code), us, close(close_payload(code)),
                     "closed " + std::to_string(code) + " \n"});
    for (const int code :
         {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 10'000, 65535})
      all.push_back({"code " + std::to_string(code), us, close(close_payload(code)), failed(1002)});
    return all;
  });
}

std::vector<vector_case> deflate_vectors() {
  const deflate_terms terms;
  const deflate_terms takeover{.send_takeover = true, .receive_takeover = true};
  engine_limits small;
  small.message_bytes = 5;
  return both_sides([&](side us) {
    const auto piece = [us](bool last, int reserved, int kind, std::string payload) {
      return wire{
          .to = us, .last = last, .reserved = reserved, .kind = kind, .payload = std::move(payload)}
          .text();
    };
    // RFC 7692, section 7.2.3.
    const auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
    std::vector<vector_case> all{
        {"7.2.3.1", us, piece(true, 4, 1, hello), "text Hello\n", {}, terms},
        {"7.2.3.1 in two frames",
         us,
         piece(false, 4, 1, hello.substr(0, 3)) + piece(true, 0, 0, hello.substr(3)),
         "text Hello\n",
         {},
         terms},
        {"7.2.3.2 with a window that is shared",
         us,
         piece(true, 4, 1, hello) + piece(true, 4, 1, "\xf2\x00\x11\x00\x00"s),
         "text Hello\ntext Hello\n",
         {},
         takeover},
        {"7.2.3.3, a block that is not compressed",
         us,
         piece(true, 4, 1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s),
         "text Hello\n",
         {},
         terms},
        {"7.2.3.4, a block that says it is the last",
         us,
         piece(true, 4, 1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s),
         "text Hello\n",
         {},
         terms},
        {"7.2.3.5, two blocks",
         us,
         piece(true, 4, 1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s),
         "text Hello\n",
         {},
         terms},
        {"7.2.3.6, nothing", us, piece(true, 4, 1, "\0"s), "text \n", {}, terms},
        {"not compressed, though it might be",
         us,
         piece(true, 0, 1, "Hello"),
         "text Hello\n",
         {},
         terms},
        {"compressed, and nobody agreed on it", us, piece(true, 4, 1, hello), failed(1002)},
        {"the bit on a continuation",
         us,
         piece(false, 4, 1, hello) + piece(true, 4, 0, ""),
         failed(1002),
         {},
         terms},
        {"the bit on a ping", us, piece(true, 4, 9, ""), failed(1002), {}, terms},
        {"the other bits", us, piece(true, 2, 1, hello), failed(1002), {}, terms},
        {"damaged", us, piece(true, 4, 1, "\xff\xff\xff\xff"s), failed(1007), {}, terms},
        {"no text within",
         us,
         piece(true, 4, 1, "\x00\x01\x00\xfe\xff\xff\x00"s),
         failed(1007),
         {},
         terms},
        {"bytes within",
         us,
         piece(true, 4, 2, "\x00\x01\x00\xfe\xff\xff\x00"s),
         "binary \xff\n",
         {},
         terms},
        {"as large as is taken", us, piece(true, 4, 1, hello), "text Hello\n", small, terms},
    };
    engine_limits smaller;
    smaller.message_bytes = 4;
    all.push_back(
        {"larger when inflated", us, piece(true, 4, 1, hello), failed(1009), smaller, terms});
    if (!has_deflate())
      for (vector_case& v : all) v.deflate.reset();
    return all;
  });
}

std::vector<vector_case> all_vectors() {
  std::vector<vector_case> all;
  for (const auto& make : {framing_vectors, control_vectors, fragment_vectors, text_vectors,
                           close_vectors, deflate_vectors}) {
    if (make == deflate_vectors && !has_deflate()) continue;
    for (vector_case& v : make()) all.push_back(std::move(v));
  }
  return all;
}

TEST(WebsocketEngine, SaysTheSameOfEachVectorHoweverItIsCut) {
  const std::vector<vector_case> all = all_vectors();
  EXPECT_GE(all.size(), 300U);
  for (const vector_case& v : all) check(v);
}

// The beginning of a frame that announces so many bytes, for a client.
std::string announced(std::uint64_t length) {
  std::array<std::byte, longest_frame_head> head;
  const std::size_t n = write_frame_head({.length = length}, head);
  return {reinterpret_cast<const char*>(head.data()), n};
}

TEST(WebsocketEngine, ALargeMessageIsPutIntoItsPlaceAtOnce) {
  constexpr std::size_t all = std::size_t{1} << 20;
  engine e(side::client);
  std::string bytes = announced(all) + std::string(all, 'a');
  std::span<std::byte> left = std::as_writable_bytes(std::span(bytes));
  const char* place = nullptr;
  step last = step::more;
  while (!left.empty()) {
    std::span<std::byte> piece = left.first(std::min<std::size_t>(16 * 1024, left.size()));
    left = left.subspan(piece.size());
    last = e.take(piece);
    if (place == nullptr) place = e.message().data();
    EXPECT_EQ(e.message().data(), place);
  }
  EXPECT_EQ(last, step::message);
  EXPECT_EQ(e.message().size(), all);
}

TEST(WebsocketEngine, WhatIsOnlyAnnouncedGetsAMebibyteOfRoom) {
  engine e(side::client, {.message_bytes = SIZE_MAX});
  std::string bytes = announced(std::uint64_t{1} << 62) + std::string(100, 'a');
  std::span<std::byte> input = std::as_writable_bytes(std::span(bytes));
  EXPECT_EQ(e.take(input), step::more);
  EXPECT_EQ(e.message().capacity(), std::size_t{1} << 20);
}

// --- what goes ---

std::string taken(engine& e, std::size_t at_a_time = SIZE_MAX) {
  std::string all;
  while (e.has_unsent()) {
    const auto next = e.unsent();
    const std::size_t n = std::min(next.size(), at_a_time);
    all.append(reinterpret_cast<const char*>(next.data()), n);
    e.sent(n);
  }
  return all;
}

// What another engine makes of it.
std::string heard(side by, std::string bytes, std::optional<deflate_terms> terms = {}) {
  return run(
      {.name = {}, .us = by, .input = std::move(bytes), .says = {}, .limits = {}, .deflate = terms},
      [] { return SIZE_MAX; });
}

TEST(WebsocketEngine, WhatAClientSendsIsMaskedWithANewKeyEachTime) {
  engine e(side::client);
  e.put(opcode::text, as_bytes("Hello"));
  const std::string first = taken(e);
  e.put(opcode::text, as_bytes("Hello"));
  const std::string second = taken(e);
  ASSERT_EQ(first.size(), 2 + 4 + 5U);
  EXPECT_EQ(first[1], '\x85');
  EXPECT_NE(first, second);
  EXPECT_EQ(heard(side::server, first + second), "text Hello\ntext Hello\n");
}

TEST(WebsocketEngine, AServersFrameIsTheOneOfTheRfc) {
  engine e(side::server);
  e.put(opcode::text, as_bytes("Hello"));
  EXPECT_EQ(taken(e), "\x81\x05Hello");
}

TEST(WebsocketEngine, AFrameOfWhichNothingHasGoneIsTakenBack) {
  engine e(side::server);
  e.put(opcode::text, as_bytes("first"));
  const std::uint64_t begin = e.put(opcode::text, as_bytes("second"));
  EXPECT_TRUE(e.take_back(begin));
  EXPECT_EQ(taken(e),
            "\x81\x05"
            "first");
}

TEST(WebsocketEngine, AFrameThatWasBegunStaysAndGoesFirst) {
  engine e(side::server);
  const std::uint64_t begin = e.put(opcode::text, as_bytes("first"));
  EXPECT_EQ(e.unsent().size(), 7U);
  e.sent(1);
  EXPECT_FALSE(e.take_back(begin));
  e.put(opcode::text, as_bytes("next"));
  EXPECT_EQ(taken(e),
            "\x05"
            "first\x81\x04next");
}

TEST(WebsocketEngine, AFrameBehindWhichAPongStandsStays) {
  engine e(side::server);
  const std::uint64_t begin = e.put(opcode::text, as_bytes("first"));
  std::string ping = wire{.kind = 9, .payload = "p"}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(ping));
  EXPECT_EQ(e.take(input), step::more);
  EXPECT_FALSE(e.unsent().empty());  // the pong went in
  EXPECT_FALSE(e.take_back(begin));
  EXPECT_EQ(heard(side::client, taken(e)), "text first\npong p\n");
}

TEST(WebsocketEngine, EachPingIsAnsweredThoughTheyComeTogether) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}}) {
    engine e(side::server);
    std::string pings, pongs;
    for (int i = 0; i < 10; ++i) {
      pings += wire{.kind = 9, .payload = "payload-" + std::to_string(i)}.text();
      pongs += "pong payload-" + std::to_string(i) + '\n';
    }
    std::span<std::byte> input = std::as_writable_bytes(std::span(pings));
    while (!input.empty()) {
      std::span<std::byte> one = input.first(std::min(input.size(), piece));
      input = input.subspan(one.size());
      EXPECT_EQ(e.take(one), step::more);
    }
    EXPECT_EQ(heard(side::client, taken(e)), pongs);
  }
}

TEST(WebsocketEngine, APeerThatPingsAndDoesNotReadMakesUsHoldLittleAndIsToldOfTheNewest) {
  engine e(side::server);
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += wire{.kind = 9, .payload = std::to_string(i)}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(pings));
  while (!input.empty()) {
    std::span<std::byte> one = input.first(std::min<std::size_t>(input.size(), 7));
    input = input.subspan(one.size());
    EXPECT_EQ(e.take(one), step::more);
    EXPECT_LE(e.unsent_bytes(), 4096U);
  }
  const std::string pongs = heard(side::client, taken(e));
  EXPECT_TRUE(pongs.starts_with("pong 0\npong 1\npong 2\n")) << pongs;
  EXPECT_TRUE(pongs.ends_with("\npong 999\n")) << pongs;
  EXPECT_LT(std::ranges::count(pongs, '\n'), 500);
}

// websockets#1429: a pong after the Close.
TEST(WebsocketEngine, AClosePutsOutWhatIsDueAndNothingGoesBehindIt) {
  engine e(side::server);
  std::string ping = wire{.kind = 9}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(ping));
  EXPECT_EQ(e.take(input), step::more);
  e.put_close(1000, "done");
  e.put_close(1001, "again");
  EXPECT_EQ(heard(side::client, taken(e)), "closed 1000 done\n");
  input = std::as_writable_bytes(std::span(ping = wire{.kind = 9}.text()));
  EXPECT_EQ(e.take(input), step::more);
  EXPECT_FALSE(e.has_unsent());
}

TEST(WebsocketEngine, APeersCloseIsAnsweredWithItsCode) {
  engine e(side::server);
  std::string close = wire{.kind = 8, .payload = close_payload(3333, "why")}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(close));
  EXPECT_EQ(e.take(input), step::closed);
  EXPECT_EQ(taken(e), "\x88\x02" + close_payload(3333));
}

TEST(WebsocketEngine, WhoBreaksARuleIsToldWhich) {
  engine e(side::server);
  std::string bad = wire{.kind = 3}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(bad));
  EXPECT_EQ(e.take(input), step::failed);
  EXPECT_EQ(heard(side::client, taken(e)), "closed 1002 an opcode that is reserved\n");
}

TEST(WebsocketEngine, AReasonIsCutBetweenTwoCharacters) {
  engine e(side::server);
  std::string reason(122, 'a');
  reason += "\xC3\xA4 and more";
  e.put_close(1000, reason);
  EXPECT_EQ(heard(side::client, taken(e)), "closed 1000 " + std::string(122, 'a') + '\n');
}

TEST(WebsocketEngine, AMessageWhoseBytesTheCallerWritesHoldsBackWhatWouldStandInIt) {
  engine e(side::server);
  e.put_head(opcode::binary, 5);
  std::string all = taken(e);
  std::string ping = wire{.kind = 9, .payload = "p"}.text();
  std::span<std::byte> input = std::as_writable_bytes(std::span(ping));
  EXPECT_EQ(e.take(input), step::more);
  EXPECT_FALSE(e.has_unsent());
  EXPECT_TRUE(e.unsent().empty());
  all += "12345";
  e.frame_ended();
  all += taken(e);
  EXPECT_EQ(heard(side::client, all), "binary 12345\npong p\n");
}

TEST(WebsocketEngine, CompressedOrNotEveryMessageComesAcross) {
  if (!has_deflate()) GTEST_SKIP() << "built without zlib";
  for (const bool takeover : {false, true}) {
    const deflate_terms terms{.send_takeover = takeover, .receive_takeover = takeover};
    engine from(side::client), to(side::server);
    from.set_deflate(terms);
    to.set_deflate(terms);
    random_source random(11);
    for (int i = 0; i < 200; ++i) {
      std::string text;
      const std::size_t n = random.next() % 40'000;
      const bool dull = random.next() % 2 == 0;
      while (text.size() < n)
        text += static_cast<char>(dull ? 'a' + text.size() % 7 : random.next());
      const std::uint64_t begin = from.put(opcode::binary, as_bytes(text));
      if (random.next() % 3 == 0) {
        ASSERT_TRUE(from.take_back(begin));
        continue;
      }
      std::string wire = taken(from, 1 + random.next() % 10'000);
      if (dull && n > 2000) EXPECT_LT(wire.size(), n / 2);
      std::span<std::byte> input = std::as_writable_bytes(std::span(wire));
      ASSERT_EQ(to.take(input), step::message) << i;
      ASSERT_EQ(to.message(), text) << i;
    }
  }
}

// websocketpp#1191, tornado#2391: the limit is looked at when all has been inflated.
TEST(WebsocketEngine, ABombIsStoppedAtTheLimit) {
  if (!has_deflate()) GTEST_SKIP() << "built without zlib";
  engine from(side::server, {.message_bytes = 1 << 20, .fragments = 1, .smallest_compressed = 0});
  from.set_deflate({});
  const std::string much(64 << 20, '\0');
  from.put(opcode::binary, as_bytes(much));
  std::string bomb = taken(from);
  EXPECT_LT(bomb.size(), 100'000U);
  engine to(side::client);
  to.set_deflate({});
  std::span<std::byte> input = std::as_writable_bytes(std::span(bomb));
  EXPECT_EQ(to.take(input), step::failed);
  EXPECT_EQ(to.code(), 1009);
}

#ifndef RONDO_TEST_SANITIZED
TEST(WebsocketEngine, ABombGetsNoMoreMemoryThanItsLimitAndAStep) {
  if (!has_deflate()) GTEST_SKIP() << "built without zlib";
  engine from(side::server, {.message_bytes = 1 << 20, .fragments = 1, .smallest_compressed = 0});
  from.set_deflate({});
  const auto inflated = [&](engine& to, const std::string& message) {
    from.put(opcode::binary, as_bytes(message));
    std::string coded = taken(from);
    std::span<std::byte> input = std::as_writable_bytes(std::span(coded));
    const rondo_test::memory_limit none_larger(64 * 1024 + 1);
    return to.take(input);
  };
  // The loop's inflater, with its window, is there from the first message on.
  engine first(side::client);
  first.set_deflate({});
  EXPECT_EQ(inflated(first, "x"), step::message);
  engine to(side::client, {.message_bytes = 32 * 1024, .fragments = 1});
  to.set_deflate({});
  EXPECT_EQ(inflated(to, std::string(8 << 20, '\0')), step::failed);
  EXPECT_EQ(to.code(), 1009);
}
#endif

}  // namespace
}  // namespace websocket_engine_test
