// Conditions and ranges, without a server.
#include "http/selection_cases.hpp"

#include <rondo/http/server/conditions.hpp>
#include <rondo/http/wire/http_date.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace selection_cases_of_functions {
namespace {

using namespace std::chrono_literals;
using namespace rondo::http::detail;
using rondo::http::headers;
using rondo_test::selection_case;

const std::chrono::sys_seconds modified{1'000'000'000s};
const std::chrono::sys_seconds now = modified + 24h;
constexpr std::string_view opaque = "1-2-3e8-d";

headers fields_of(const std::string& text) {
  headers h;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('|'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(": ");
    h.add(line.substr(0, colon), line.substr(colon + 2));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return h;
}

std::string text_of(const std::vector<byte_range>& parts) {
  std::string all;
  for (const byte_range& p : parts)
    all += (all.empty() ? "" : ",") + std::to_string(p.first) + '-' +
           std::to_string(p.first + p.size - 1);
  return all;
}

headers fields_of(const selection_case& c) {
  return fields_of(rondo_test::filled_in(c.fields, opaque, http_date(modified),
                                         http_date(modified - 1s), http_date(modified + 1s)));
}

TEST(Selection, GivesWhatRfc9110Says) {
  const validators current{.tag = entity_tag{std::string(opaque)}, .modified = modified};
  for (const selection_case& c : rondo_test::selection_cases()) {
    const selection s = select(c.method, fields_of(c), current, rondo_test::file_size, now);
    EXPECT_EQ(s.status, c.status) << c.method << ' ' << c.fields;
    EXPECT_EQ(text_of(s.parts), c.parts) << c.method << ' ' << c.fields;
  }
}

int status(std::string_view method, const std::string& fields, const validators& current) {
  return select(method, fields_of(fields), current, rondo_test::file_size, now).status;
}

// What may have changed unseen within its second is no ground for a part (section 13.1.5).
TEST(Selection, WantsStrongValidatorsForARange) {
  const validators weak{
      .tag = entity_tag{std::string(opaque), true}, .modified = modified, .modified_is_weak = true};
  EXPECT_EQ(status("GET", "Range: bytes=0-9", weak), 206);
  EXPECT_EQ(status("GET", "Range: bytes=0-9|If-Range: W/\"1-2-3e8-d\"", weak), 200);
  EXPECT_EQ(status("GET", "Range: bytes=0-9|If-Range: \"1-2-3e8-d\"", weak), 200);
  EXPECT_EQ(status("GET", "Range: bytes=0-9|If-Range: " + http_date(modified), weak), 200);
  EXPECT_EQ(status("GET", "If-None-Match: \"1-2-3e8-d\"", weak), 304);
  EXPECT_EQ(status("GET", "If-None-Match: W/\"1-2-3e8-d\"", weak), 304);
  EXPECT_EQ(status("GET", "If-Match: W/\"1-2-3e8-d\"", weak), 412);
  EXPECT_EQ(status("GET", "If-Match: *", weak), 200);
}

TEST(Selection, DoesWithoutWhatTheRepresentationLacks) {
  const validators none;
  EXPECT_EQ(status("GET", "If-None-Match: \"a\"", none), 200);
  EXPECT_EQ(status("GET", "If-None-Match: *", none), 304);
  EXPECT_EQ(status("GET", "If-Match: \"a\"", none), 412);
  EXPECT_EQ(status("GET", "If-Modified-Since: " + http_date(modified), none), 200);
  EXPECT_EQ(status("GET", "If-Unmodified-Since: " + http_date(modified - 1s), none), 200);
  EXPECT_EQ(status("GET", "Range: bytes=0-9|If-Range: \"a\"", none), 200);
  EXPECT_EQ(status("GET", "Range: bytes=0-9|If-Range: " + http_date(modified), none), 200);
  EXPECT_EQ(check_conditions("PUT", fields_of("If-Match: *"), nullptr, now), condition::failed);
  EXPECT_EQ(check_conditions("PUT", fields_of("If-None-Match: *"), nullptr, now), condition::met);
}

// For whoever writes: a failed condition is 412 and never 304, and dates of reading do not count.
TEST(Selection, OfOtherMethods) {
  const validators current{.tag = entity_tag{std::string(opaque)}, .modified = modified};
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"}) {
    EXPECT_EQ(status(method, "If-None-Match: *", current), 412) << method;
    EXPECT_EQ(status(method, "If-None-Match: \"1-2-3e8-d\"", current), 412) << method;
    EXPECT_EQ(status(method, "If-None-Match: \"a\"", current), 200) << method;
    EXPECT_EQ(status(method, "If-Match: \"1-2-3e8-d\"", current), 200) << method;
    EXPECT_EQ(status(method, "If-Match: \"a\"", current), 412) << method;
    EXPECT_EQ(status(method, "If-Modified-Since: " + http_date(modified), current), 200) << method;
    EXPECT_EQ(status(method, "Range: bytes=0-9", current), 200) << method;
  }
  for (const char* method : {"OPTIONS", "TRACE", "CONNECT"})
    EXPECT_EQ(status(method, "If-Match: \"a\"|If-None-Match: *", current), 200) << method;
}

TEST(Ranges, OfNothingAreTheWhole) {
  for (const char* field : {"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-"})
    EXPECT_EQ(choose_ranges(field, 0).what, range_choice::kind::whole) << field;
}

// As many as a head holds: the time is n log n (starlette#3430 had n²), and no number wraps.
TEST(Ranges, OfManyAndOfVeryLargeNumbers) {
  std::string many = "bytes=";
  for (int i = 0; i < 20'000; ++i) many += std::to_string((i * 7919) % 20'000) + "-,";
  const range_choice merged = choose_ranges(many, 1 << 20);
  EXPECT_EQ(text_of(merged.parts), "0-1048575");
  constexpr std::uint64_t most = ~std::uint64_t{0};
  const range_choice end = choose_ranges("bytes=18446744073709551614-18446744073709551615", most);
  ASSERT_EQ(end.parts.size(), 1U);
  EXPECT_EQ(end.parts[0], (byte_range{most - 1, 1}));
  EXPECT_EQ(choose_ranges("bytes=-18446744073709551615", most).parts[0], (byte_range{0, most}));
}

TEST(Ranges, FrameSeveralAsOneBody) {
  const std::vector<byte_range> parts{{0, 2}, {8, 2}};
  const multipart_ranges m = frame_ranges(parts, 10, "text/plain", "BOUND");
  EXPECT_EQ(m.content_type, "multipart/byteranges; boundary=BOUND");
  ASSERT_EQ(m.heads.size(), 2U);
  const std::string body = m.heads[0] + "01" + m.heads[1] + "89" + m.tail;
  EXPECT_EQ(body,
            "--BOUND\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            "\r\n--BOUND\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
            "\r\n--BOUND--\r\n");
  EXPECT_EQ(m.size, body.size());
  EXPECT_EQ(unsatisfied_range(10), "bytes */10");
}

TEST(EntityTag, ReadsWhatRfc9110Allows) {
  const auto read = [](std::string_view text) -> std::string {
    const auto tag = take_entity_tag(text);
    return tag ? tag->to_string() + '+' + std::string(text) : "none";
  };
  EXPECT_EQ(read("\"a\""), "\"a\"+");
  EXPECT_EQ(read("W/\"a\", \"b\""), "W/\"a\"+, \"b\"");
  EXPECT_EQ(read("\"\""), "\"\"+");
  EXPECT_EQ(read("\"!#[]\xff\""), "\"!#[]\xff\"+");
  for (const char* text : {"", "a", "W/", "W/a", "w/\"a\"", "\"a", "\"a b\"", "\"a\x7f\"", "*"})
    EXPECT_EQ(read(text), "none") << text;
}

}  // namespace
}  // namespace selection_cases_of_functions
