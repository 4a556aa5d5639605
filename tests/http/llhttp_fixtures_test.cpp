// llhttp's own fixtures, run against our parsers. A fixture is a stream of bytes and the log of
// events that llhttp 9 writes for it. We compare what a program sees: each message's start line,
// fields, body and trailers, whether it is complete, and whether the stream is refused.
//
// Most requests in the fixtures have no Host and would be refused for that alone; they are given
// one. The lenient modes are not ours: those fixtures must be refused like in strict mode, unless
// they hold nothing that is lenient.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parse_driver.hpp"
#include "test_data.hpp"

namespace {

using rondo::test::describe;
using rondo::test::parse_options;
using rondo::test::parsed_message;
using rondo::test::transcript;

// --- reading the Markdown -----------------------------------------------------------------------

struct fixture {
  std::string name;  // "request/uri.md: Space in URI"
  std::string type;  // "request", "response-lenient-headers", …
  bool skips_body = false;
  std::string stream;
  std::vector<std::string> log;
};

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// \xHH, which the fixtures use for single bytes.
std::string hexadecimal_bytes(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\x", at)) != std::string::npos; ++at) {
    int value = 0;
    const char* end = text.data() + std::min(text.size(), at + 4);
    if (std::from_chars(text.data() + at + 2, end, value, 16).ptr != end) continue;
    text.replace(at, 4, 1, static_cast<char>(value));
  }
  return text;
}

// As llhttp's test runner does it: line ends are CRLF, a backslash before one removes it, and the
// usual escapes stand for their bytes.
std::string stream_of(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  text = replace_all(std::move(text), "\\\n", "");
  text = replace_all(std::move(text), "\n", "\r\n");
  text = replace_all(std::move(text), "\\r", "\r");
  text = replace_all(std::move(text), "\\n", "\n");
  text = replace_all(std::move(text), "\\t", "\t");
  text = replace_all(std::move(text), "\\f", "\f");
  return hexadecimal_bytes(std::move(text));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<fixture> read_fixtures(const std::string& file, std::string_view markdown) {
  std::vector<fixture> out;
  fixture next;
  const std::vector<std::string> lines = lines_of(markdown);
  const auto block = [&lines](std::size_t& i) {
    std::string text;
    while (++i < lines.size() && !lines[i].starts_with("```")) text += lines[i] + "\n";
    return text;
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("##")) {
      next = {};
      next.name = file + ": " + line.substr(line.find(' ') + 1);
    } else if (line.starts_with("<!-- meta=")) {
      const std::size_t key = line.find("\"type\":");
      const std::size_t begin = line.find('"', key + 7) + 1;
      next.type = line.substr(begin, line.find('"', begin) - begin);
      next.skips_body = line.find("skipBody") != std::string::npos;
    } else if (line == "```http") {
      next.stream = stream_of(block(i));
    } else if (line == "```log") {
      next.log = lines_of(block(i));
      out.push_back(next);
    }
  }
  return out;
}

// --- reading the log ----------------------------------------------------------------------------

struct expectation {
  transcript seen;
  bool refused = false;
  bool closes = false;  // refused for data after a message that closes
  std::string why;
  std::size_t stops_at = std::string::npos;      // where another protocol begins
  std::vector<std::size_t> ends_of_start_lines;  // of requests that need a Host
};

std::size_t offset_of(const std::string& line) {
  std::size_t value = 0;
  if (line.starts_with("off=")) std::from_chars(line.data() + 4, line.data() + line.size(), value);
  return value;
}

// The bytes of a span event: span[body]="…" with \t for a tab, span[body]=cr, span[body]=lf.
std::string span_text(const std::string& line) {
  const std::string text = line.substr(line.find("]=") + 2);
  if (text == "cr") return "\r";
  if (text == "lf") return "\n";
  return replace_all(text.substr(1, text.size() - 2), "\\t", "\t");
}

class log_reader {
 public:
  expectation read(const std::vector<std::string>& log) {
    for (const std::string& line : log) read_line(line);
    end_message();
    return std::move(out_);
  }

 private:
  void read_line(const std::string& line) {
    const auto is = [&line](std::string_view what) { return line.find(what) != std::string::npos; };
    if (is(" span[method]=")) method_ += span_text(line);
    if (is(" span[url]=")) target_ += span_text(line);
    if (is(" span[version]=")) version_ += span_text(line);
    if (is(" span[status]=")) reason_ += span_text(line);
    if (is(" span[header_field]=")) name_ += span_text(line);
    if (is(" span[header_value]=")) value_ += span_text(line);
    if (is(" span[body]=")) message_.body += span_text(line);
    if (line.ends_with(" version complete")) version_end_ = offset_of(line);
    if (line.ends_with(" header_value complete")) end_field();
    if (line.ends_with(" message begin")) end_message();
    if (is(" headers complete ")) end_head(line);
    if (line.ends_with(" message complete")) message_.complete = true;
    if (line.ends_with("finish=2")) refuse("finish=2");
    if (line.ends_with("finish=1")) message_.complete = true;
    if (const std::size_t code = line.find(" error code="); code != std::string::npos) {
      if (is("code=22 ")) {
        out_.stops_at = offset_of(line);
      } else {
        refuse(line.substr(code + 1));
        out_.closes = is("code=5 ");
      }
    }
  }

  void refuse(std::string why) {
    out_.refused = true;
    out_.why = std::move(why);
  }

  void end_field() {
    const std::size_t begin = std::min(value_.find_first_not_of(" \t"), value_.size());
    const std::size_t end = value_.find_last_not_of(" \t") + 1;
    const std::string trimmed = begin < end ? value_.substr(begin, end - begin) : std::string();
    (head_done_ ? message_.trailers : message_.fields).emplace_back(name_, trimmed);
    name_.clear();
    value_.clear();
  }

  void end_head(const std::string& line) {
    head_done_ = true;
    if (const std::size_t status = line.find(" status="); status != std::string::npos) {
      message_.start = line.substr(status + 8, 3) + " " + reason_ + " " + version_;
    } else {
      message_.start = method_ + " " + target_ + " " + version_;
      add_host();
    }
  }

  void add_host() {
    const auto is_host = [](const auto& f) {
      return f.first.size() == 4 && (f.first[0] | 32) == 'h' && (f.first[1] | 32) == 'o';
    };
    if (std::none_of(message_.fields.begin(), message_.fields.end(), is_host)) {
      message_.fields.insert(message_.fields.begin(), {"Host", "x"});
      out_.ends_of_start_lines.push_back(version_end_ + 2);
    }
  }

  void end_message() {
    if (head_done_) out_.seen.messages.push_back(message_);
    message_ = {};
    head_done_ = false;
    for (std::string* s : {&method_, &target_, &version_, &reason_, &name_, &value_}) s->clear();
  }

  expectation out_;
  parsed_message message_;
  bool head_done_ = false;
  std::size_t version_end_ = 0;
  std::string method_, target_, version_, reason_, name_, value_;
};

// --- comparing ----------------------------------------------------------------------------------

std::vector<parsed_message> comparable(const transcript& t, bool only_complete) {
  std::vector<parsed_message> out;
  for (const parsed_message& m : t.messages) {
    if (only_complete && !m.complete) continue;
    out.push_back({.start = m.start,
                   .fields = m.fields,
                   .body = m.body,
                   .trailers = m.trailers,
                   .framing = {},
                   .keep_alive = {},
                   .upgrade = {},
                   .complete = m.complete});
  }
  return out;
}

transcript parse(const fixture& f, std::string_view stream) {
  parse_options o;
  o.finish = f.type.ends_with("-finish");
  o.responses = 100;
  o.method = f.skips_body ? "HEAD" : "GET";
  return f.type.starts_with("request") ? rondo::test::parse_request(stream, o)
                                       : rondo::test::parse_response(stream, o);
}

struct difference {
  std::string_view fixture;
  std::string_view reason;
  bool only_old_llhttp = false;  // a newer llhttp answers like the fixture, and so do we then
};

constexpr std::string_view swallowed =
    "what follows a request that closes is swallowed, not refused";
constexpr std::string_view no_fragment = "a target with a fragment is refused";
constexpr std::string_view http_only = "HTTP/1.0 and HTTP/1.1 only";
constexpr std::string_view no_blank_line = "an empty line before a response is refused";
constexpr std::string_view only_chunked = "any Transfer-Encoding but exactly chunked is refused";
constexpr std::string_view old_tabs = "llhttp 8.1.0 takes no tab after a Content-Length";

constexpr auto strict_differences = std::to_array<difference>({
    {"request/connection.md: No restart when keep-alive is off (1.0)", swallowed},
    {"request/connection.md: CRLF between requests, explicit `close`", swallowed},
    {"request/connection.md: CRLF between requests, explicit `close` followed by tab", swallowed},
    {"request/content-length.md: Tabs in `Content-Length` (surrounding)", old_tabs, true},
    {"request/content-length.md: Content-Length reset when no body is received",
     "the body of a request is never skipped"},
    {"request/method.md: CONNECT with body", "a CONNECT request with a body is refused"},
    {"request/method.md: M-SEARCH request", "the target * is for OPTIONS alone"},
    {"request/method.md: SOURCE request with ICE", http_only},
    {"request/method.md: OPTIONS request with RTSP", http_only},
    {"request/method.md: ANNOUNCE request with RTSP", http_only},
    {"request/invalid.md: HTTP protocol and ANNOUNCE method", "any token is a method"},
    {"request/sample.md: No HTTP version", "HTTP/0.9 is refused"},
    {"request/sample.md: 255 ASCII in header value", "the log shows the byte as UTF-8"},
    {"request/transfer-encoding.md: POST with `chunked` as last transfer-encoding", no_fragment},
    {"request/transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple "
     "headers)",
     no_fragment},
    {"request/uri.md: Fragment in URI", no_fragment},
    {"response/connection.md: HTTP 304 with Content-Length", no_blank_line},
    {"response/connection.md: HTTP 100 first, then 400", no_blank_line},
    {"response/content-length.md: Tabs in `Content-Length` (surrounding)", old_tabs, true},
    {"response/pipelining.md: Should parse multiple events", no_blank_line},
    {"response/sample.md: RTSP response", http_only},
    {"response/sample.md: ICE response", http_only},
    {"response/sample.md: HTTP version 0.9", http_only},
    {"response/sample.md: Response starting with CRLF", no_blank_line},
    {"response/transfer-encoding.md: `chunked` before other transfer-encoding", only_chunked},
    {"response/transfer-encoding.md: multiple transfer-encoding where chunked is not the last one",
     only_chunked},
    {"response/transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked "
     "enconding",
     only_chunked},
});

// Fixtures of a lenient mode that we take, for what is lenient in them does not concern us.
constexpr auto harmless_lenient = std::to_array<difference>({
    {"request/connection.md: Resetting flags when keep-alive is off (1.0, lenient)", swallowed},
    {"request/connection.md: CRLF between requests, explicit `close` (lenient)", swallowed},
});

// The fixture's stream as we want it: up to where another protocol begins, with a Host in each
// request that has none.
std::string prepared_stream(const fixture& f, const expectation& expected) {
  std::string stream = f.stream.substr(0, expected.stops_at);
  std::size_t shift = 0;
  for (const std::size_t at : expected.ends_of_start_lines) {
    stream.insert(at + shift, "Host: x\r\n");
    shift += 9;
  }
  return stream;
}

// What is different, or nothing.
std::optional<std::string> compare_strict(const fixture& f) {
  const expectation expected = log_reader().read(f.log);
  const std::string stream = prepared_stream(f, expected);
  transcript got = parse(f, stream);
  if (expected.refused && got.error.empty() && !expected.closes) {
    // llhttp sees some errors before the line or the head is whole; ours come with its end.
    got = parse(f, stream + "\r\n\r\n");
  }
  const bool same =
      expected.refused == !got.error.empty() &&
      comparable(expected.seen, expected.refused) == comparable(got, expected.refused);
  if (same) return std::nullopt;
  return "llhttp 9: " + describe(expected.seen) + " " + expected.why +
         "\n    ours:     " + describe(got);
}

template <std::size_t N>
const difference* named(const std::array<difference, N>& table, const std::string& name) {
  for (const difference& d : table) {
    if (d.fixture == name) return &d;
  }
  return nullptr;
}

constexpr const char* files[] = {
    "request/connection.md",
    "request/content-length.md",
    "request/finish.md",
    "request/invalid.md",
    "request/lenient-header-value-relaxed.md",
    "request/lenient-headers.md",
    "request/lenient-version.md",
    "request/method.md",
    "request/pausing.md",
    "request/pipelining.md",
    "request/sample.md",
    "request/transfer-encoding.md",
    "request/uri.md",
    "response/connection.md",
    "response/content-length.md",
    "response/finish.md",
    "response/invalid.md",
    "response/lenient-version.md",
    "response/pausing.md",
    "response/pipelining.md",
    "response/sample.md",
    "response/transfer-encoding.md",
};

TEST(LlhttpFixtures, EachIsAnsweredAlikeOrNamedWithTheReason) {
  int ran = 0;
  int alike = 0;
  int differ = 0;
  int lenient = 0;
  int excused_lenient = 0;
  std::size_t found_in_table = 0;
  for (const char* file : files) {
    const auto markdown = rondo::test::read_data(std::string("llhttp/") + file);
    if (!markdown) GTEST_SKIP() << "no test data: set RONDO_TEST_DATA";
    for (const fixture& f : read_fixtures(file, *markdown)) {
      SCOPED_TRACE(f.name);
      if (f.type.find("lenient") != std::string::npos) {
        ++lenient;
        const transcript got = parse(f, prepared_stream(f, log_reader().read(f.log)));
        const bool excused = named(harmless_lenient, f.name) != nullptr;
        excused_lenient += excused ? 1 : 0;
        EXPECT_EQ(got.error.empty(), excused) << f.name << ": " << describe(got);
        continue;
      }
      ++ran;
      const auto found = compare_strict(f);
      const difference* known = named(strict_differences, f.name);
      if (!found) {
        ++alike;
        found_in_table += known != nullptr ? 1 : 0;
        EXPECT_TRUE(known == nullptr || known->only_old_llhttp) << "named as different, but alike";
      } else {
        ++differ;
        ++found_in_table;
        if (known == nullptr) {
          ADD_FAILURE() << f.name << "\n    " << *found;
        } else {
          std::printf("  differs: %s (%.*s)\n", f.name.c_str(),
                      static_cast<int>(known->reason.size()), known->reason.data());
        }
      }
    }
  }
  std::printf(
      "llhttp fixtures: %d run, %d alike, %d named as different; lenient modes: %d run, %d "
      "refused, %d named as harmless\n",
      ran, alike, differ, lenient, lenient - excused_lenient, excused_lenient);
  EXPECT_EQ(found_in_table, strict_differences.size()) << "a name in the table has no fixture";
  EXPECT_GE(ran, 190);
}

}  // namespace
