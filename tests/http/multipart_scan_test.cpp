#include <rondo/http/errors.hpp>
#include <rondo/http/wire/multipart_scan.hpp>

#include <gtest/gtest.h>

#include <string>

namespace multipart_scan_test {
namespace {

using rondo::http::body_error;
using rondo::http::multipart_limits;
using rondo::http::detail::multipart_boundary;
using rondo::http::detail::multipart_event;
using rondo::http::detail::multipart_scan;

// What the scan makes of a body that comes in pieces of `size`: "<name>content</>", or the error.
std::string scanned(std::string_view body, std::size_t size, const multipart_limits& limits = {}) {
  std::string out;
  try {
    multipart_scan scan("XX", limits);
    for (;;) {
      switch (scan.next()) {
        case multipart_event::need_more: {
          const std::string_view piece = body.substr(0, size);
          body.remove_prefix(piece.size());
          if (piece.empty()) scan.finish();
          scan.give(std::as_bytes(std::span(piece)));
          break;
        }
        case multipart_event::part: out += '<' + scan.part().name + '>'; break;
        case multipart_event::data: out += scan.data(); break;
        case multipart_event::part_end: out += "</>"; break;
        case multipart_event::end: return out;
      }
    }
  } catch (const body_error& e) {
    return out + " error " + std::to_string(e.answer_status());
  }
}

const std::string head = "Content-Disposition: form-data; name=a\r\n\r\n";

TEST(MultipartScan, GivesTheSameHoweverTheBodyComes) {
  const std::pair<std::string, std::string> cases[] = {
      {"--XX\r\n" + head + "one\r\n--XX\r\n" + head + "two\r\n--XX--\r\n", "<a>one</><a>two</>"},
      {"--XX--", ""},
      {"\r\n--XX--tail", ""},
      {"pre\r\n--X\r\n--XX \t\r\n" + head + "\r\n--XX--", "<a></>"},
      {"--XX\r\n" + head + "--XX--", "<a></>"},  // the line end is the head's and the boundary's
      {"--XX\r\n" + head + "\r\n--X\r\n--\r\n\r\r\n--XX--", "<a>\r\n--X\r\n--\r\n\r</>"},
      {"--XX\r\n" + head + "a--XX\r\n--XX--", "<a>a--XX</>"},  // not at the front of a line
      {"--XX\r\n" + head + "x\n--XX\n--XX--", "<a>x\n--XX\n--XX-- error 400"},
      {"--XX\r\n" + head + "x\r\n--XXY", "<a>x</> error 400"},
      {"--XX\r\n" + head + "x\r\n--XX-", "<a>x</> error 400"},
      {"--XX\r\n" + head + "x", "<a>x error 400"},
      {"--XX\r\n\r\n\r\n--XX--", " error 400"},
      {"", " error 400"},
  };
  for (const auto& [body, expected] : cases)
    for (std::size_t size = 1; size <= body.size() + 1; ++size) {
      const std::string got = scanned(body, size);
      // Of a body that is cut off, the bytes that may begin a boundary are never given.
      if (expected.ends_with("error 400"))
        EXPECT_TRUE(got.ends_with("error 400")) << body << " by " << size << ": " << got;
      else
        EXPECT_EQ(got, expected) << body << " by " << size;
    }
}

TEST(MultipartScan, ABodyOfNothingButBeginningsOfBoundariesTakesItsTimeOnce) {
  std::string content;
  for (int i = 0; i < 200'000; ++i) content += "\r\n--X";
  const std::string body = "--XX\r\n" + head + content + "\r\n--XX--";
  EXPECT_EQ(scanned(body, 16 * 1024), "<a>" + content + "</>");
}

TEST(MultipartScan, HasALimitOnAllThatCanGrow) {
  const std::string part = "--XX\r\n" + head + "12345\r\n";
  EXPECT_EQ(scanned(part + "--XX--", 7, {.part_bytes = 5}), "<a>12345</>");
  EXPECT_TRUE(scanned(part + "--XX--", 7, {.part_bytes = 4}).ends_with("error 413"));
  EXPECT_TRUE(scanned(part + part + "--XX--", 7, {.parts = 1}).ends_with("error 413"));
  EXPECT_TRUE(scanned(part + "--XX--", 7, {.total_bytes = 30}).ends_with("error 413"));
  EXPECT_TRUE(scanned(std::string(100, 'x'), 7, {.total_bytes = 99}).ends_with("error 413"))
      << "before the first boundary too";
  EXPECT_TRUE(
      scanned("--XX\r\n" + std::string(1000, 'x'), 7, {.head_bytes = 500}).ends_with("error 413"));
  EXPECT_TRUE(scanned("--XX" + std::string(100, ' ') + "\r\n", 7).ends_with("error 400"));
}

TEST(MultipartScan, TheBoundaryStandsInTheContentType) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data ; x=y; BOUNDARY=\"a b\""), "a b");
  for (const char* type : {"multipart/form-data", "multipart/form-data; boundary", "text/plain",
                           "multipart/form-data; boundary=\"open", ""})
    EXPECT_THROW((void)multipart_boundary(type), body_error) << type;
  for (const std::string& boundary :
       {std::string(), std::string(71, 'x'), std::string("a "), std::string("a\r\nb")})
    EXPECT_THROW(multipart_scan(boundary, {}), body_error) << boundary;
  multipart_scan(std::string(70, 'x'), {});
}

}  // namespace
}  // namespace multipart_scan_test
