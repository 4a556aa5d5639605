// Drives a parser over a stream that is cut into pieces, and writes down what came out.
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/http/wire/parser.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::test {

struct parsed_message {
  std::string start;  // "GET /x 1.1" or "200 OK 1.1"
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  http::body_framing framing = http::body_framing::none;
  bool keep_alive = false;
  bool upgrade = false;
  bool complete = false;

  bool operator==(const parsed_message&) const = default;
};

struct transcript {
  std::vector<parsed_message> messages;
  std::string error;      // the message of what was thrown
  int answer_status = 0;  // that it carries
  bool truncated = false;
  std::string left_over;  // bytes of another protocol

  bool operator==(const transcript&) const = default;
};

// For a message in a failure's text.
inline std::string describe(const transcript& t) {
  std::string out;
  for (const parsed_message& m : t.messages) {
    out += "[" + m.start;
    for (const auto& [name, value] : m.fields) out += "|" + name + "=" + value;
    out += "|body=" + m.body + (m.complete ? "|complete" : "") + "]";
  }
  if (!t.error.empty()) out += " error " + std::to_string(t.answer_status) + ": " + t.error;
  if (!t.left_over.empty()) out += " left over: " + t.left_over;
  return out;
}

inline std::vector<std::pair<std::string, std::string>> copy_of(const http::headers& h) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : h) out.emplace_back(name, value);
  return out;
}

inline std::string version_digits(http::version v) {
  return v == http::version::http_1_0 ? " 1.0" : " 1.1";
}
inline std::string start_of(const http::request_head& h) {
  return h.method + " " + h.target + version_digits(h.version);
}
inline std::string start_of(const http::response_head& h) {
  return std::to_string(h.status) + " " + h.reason + version_digits(h.version);
}

inline std::span<const std::byte> bytes_of(std::string_view s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}

template <class Parser>
class driver {
 public:
  explicit driver(Parser& parser) : parser_(parser) {}

  // Returns false when the parser will take no more.
  bool feed(std::string_view piece) {
    // Each piece has memory of its own, so that a parser that reads past it is found.
    const std::vector<char> owned(piece.begin(), piece.end());
    std::string_view rest(owned.data(), owned.size());
    if (handed_over_) {
      seen.left_over += rest;
      return true;
    }
    try {
      while (true) {
        const http::parse_step step = parser_.next(bytes_of(rest));
        EXPECT_LE(step.consumed, rest.size());
        const std::string_view taken = rest.substr(0, step.consumed);
        rest.remove_prefix(step.consumed);
        if (step.event == http::parse_event::need_more) {
          EXPECT_TRUE(rest.empty()) << "need_more with input left";
          return true;
        }
        if (!on_event(step, taken)) {
          seen.left_over += rest;
          return true;
        }
      }
    } catch (const http::error& e) {
      note(e);
      return false;
    }
  }

  void finish() {
    if (!seen.error.empty() || handed_over_) return;
    try {
      if (parser_.finish() == http::parse_event::end) end();
    } catch (const http::error& e) {
      note(e);
    }
  }

  transcript seen;

 private:
  bool on_event(const http::parse_step& step, std::string_view taken) {
    switch (step.event) {
      case http::parse_event::head: {
        const auto head = parser_.take_head();
        seen.messages.push_back({.start = start_of(head),
                                 .fields = copy_of(head.headers),
                                 .body = {},
                                 .trailers = {},
                                 .framing = parser_.framing(),
                                 .keep_alive = parser_.keep_alive(),
                                 .upgrade = parser_.upgrade()});
        break;
      }
      case http::parse_event::body: {
        const std::string_view data(reinterpret_cast<const char*>(step.body.data()),
                                    step.body.size());
        EXPECT_FALSE(data.empty());
        EXPECT_EQ(data.data() + data.size(), taken.data() + taken.size()) << "the body was copied";
        seen.messages.back().body += data;
        break;
      }
      case http::parse_event::end: end(); return !handed_over_;
      case http::parse_event::need_more: break;
    }
    return true;
  }

  void end() {
    seen.messages.back().trailers = copy_of(parser_.trailers());
    seen.messages.back().complete = true;
    if constexpr (requires { parser_.hands_over(); }) handed_over_ = parser_.hands_over();
  }

  void note(const http::error& e) {
    seen.error = e.message();
    if (const auto* p = dynamic_cast<const http::protocol_error*>(&e)) {
      seen.answer_status = p->answer_status();
    }
    if (const auto* b = dynamic_cast<const http::body_error*>(&e)) {
      seen.answer_status = b->answer_status();
      seen.truncated = b->why() == http::body_error::reason::truncated;
    }
  }

  Parser& parser_;
  bool handed_over_ = false;
};

struct parse_options {
  http::parser_limits limits = {};
  std::string method = "GET";  // of the requests that responses answer
  int responses = 1;           // how many final ones are expected
  bool finish = true;          // the transport ends after the last byte
};

inline transcript parse_request_pieces(const std::vector<std::string_view>& pieces,
                                       const parse_options& o) {
  http::request_parser parser(o.limits);
  driver d(parser);
  for (std::string_view piece : pieces) {
    if (!d.feed(piece)) break;
  }
  if (o.finish) d.finish();
  return std::move(d.seen);
}

// A client that sends its requests one after another, each when the response before has ended.
class pipelining_parser {
 public:
  explicit pipelining_parser(const parse_options& o) : parser_(o.limits), options_(o) {
    expect_next();
  }
  http::parse_step next(std::span<const std::byte> input) {
    const http::parse_step step = parser_.next(input);
    if (step.event == http::parse_event::head) status_ = parser_.head().status;
    if (step.event == http::parse_event::end && status_ >= 200 && parser_.keep_alive()) {
      expect_next();
    }
    return step;
  }
  http::parse_event finish() { return parser_.finish(); }
  http::response_head take_head() { return parser_.take_head(); }
  [[nodiscard]] bool hands_over() const { return parser_.hands_over(); }
  [[nodiscard]] http::body_framing framing() const { return parser_.framing(); }
  [[nodiscard]] bool keep_alive() const { return parser_.keep_alive(); }
  [[nodiscard]] bool upgrade() const { return parser_.upgrade(); }
  [[nodiscard]] const http::headers& trailers() const { return parser_.trailers(); }

 private:
  void expect_next() {
    if (sent_ == options_.responses) return;
    ++sent_;
    parser_.expect(options_.method);
  }
  http::response_parser parser_;
  parse_options options_;
  int sent_ = 0;
  int status_ = 0;
};

inline transcript parse_response_pieces(const std::vector<std::string_view>& pieces,
                                        const parse_options& o) {
  pipelining_parser parser(o);
  driver d(parser);
  for (std::string_view piece : pieces) {
    if (!d.feed(piece)) break;
  }
  if (o.finish) d.finish();
  return std::move(d.seen);
}

inline std::vector<std::string_view> cut(std::string_view stream, std::mt19937& random) {
  std::vector<std::string_view> pieces;
  while (!stream.empty()) {
    const std::size_t n = std::min<std::size_t>(1 + random() % 24, stream.size());
    pieces.push_back(stream.substr(0, n));
    stream.remove_prefix(n);
  }
  return pieces;
}

// Parses the stream whole, byte by byte and at random splits; all must say the same.
template <class Parse>
transcript parse_every_way(std::string_view stream, const Parse& parse) {
  const transcript whole = parse({stream});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i) bytes.push_back(stream.substr(i, 1));
  const transcript by_byte = parse(bytes);
  EXPECT_EQ(by_byte, whole) << "byte by byte: " << describe(by_byte)
                            << "\nwhole:        " << describe(whole);
  std::mt19937 random(static_cast<unsigned>(stream.size()));
  for (int round = 0; round < 8; ++round) {
    const transcript split = parse(cut(stream, random));
    EXPECT_EQ(split, whole) << "split: " << describe(split) << "\nwhole: " << describe(whole);
  }
  return whole;
}

inline transcript parse_request(std::string_view stream, const parse_options& o = {}) {
  return parse_every_way(stream, [&](const std::vector<std::string_view>& pieces) {
    return parse_request_pieces(pieces, o);
  });
}

inline transcript parse_response(std::string_view stream, const parse_options& o = {}) {
  return parse_every_way(stream, [&](const std::vector<std::string_view>& pieces) {
    return parse_response_pieces(pieces, o);
  });
}

}  // namespace rondo::test
