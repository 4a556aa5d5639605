#include <rondo/http/errors.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

namespace http = rondo::http;
using http::headers;
using namespace std::string_literals;

std::string joined(const headers& h) {
  std::string out;
  for (const auto& [name, value] : h) out += std::string(name) + "=" + std::string(value) + ";";
  return out;
}

// The message of the std::invalid_argument that adding ends with; empty when it does not.
std::string complaint(std::string_view name, std::string_view value) {
  headers h{{"Before", "1"}};
  try {
    h.add(name, value);
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(joined(h), "Before=1;") << "a refused field changed something";
    return e.what();
  }
  return {};
}

TEST(Headers, FieldsKeepTheirOrderAndSpelling) {
  headers h{{"B", "1"}, {"a", "2"}};
  h.add("b", "3");
  EXPECT_EQ(joined(h), "B=1;a=2;b=3;");
  EXPECT_EQ(h.size(), 3u);
  EXPECT_FALSE(h.empty());
  EXPECT_EQ(h[1].name, "a");
}

TEST(Headers, NamesAreFoundWhateverTheirCase) {
  const headers h{{"Content-Type", "text/html"}};
  EXPECT_EQ(h.get("content-TYPE"), "text/html");
  EXPECT_TRUE(h.contains("CONTENT-TYPE"));
  EXPECT_FALSE(h.contains("Content-Typ"));
  EXPECT_EQ(h.get("Content"), std::nullopt);
}

TEST(Headers, GetIsTheFirstAndGetAllIsAll) {
  const headers h{{"Set-Cookie", "a"}, {"X", "x"}, {"set-cookie", "b"}};
  EXPECT_EQ(h.get("Set-Cookie"), "a");
  EXPECT_EQ(h.get_all("Set-Cookie"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(h.count("set-cookie"), 2u);
  EXPECT_TRUE(h.get_all("none").empty());
}

TEST(Headers, SetReplacesEveryFieldOfTheName) {
  headers h{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  h.set("A", "4");
  EXPECT_EQ(joined(h), "B=2;A=4;");
  h.set("C", "5");
  EXPECT_EQ(joined(h), "B=2;A=4;C=5;");
}

TEST(Headers, RemoveTakesAllOfANameAndCountsThem) {
  headers h{{"A", "1"}, {"Bb", "22"}, {"a", "3"}, {"C", "4"}};
  EXPECT_EQ(h.remove("A"), 2u);
  EXPECT_EQ(joined(h), "Bb=22;C=4;");
  EXPECT_EQ(h.wire(), "Bb: 22\r\nC: 4\r\n");
  EXPECT_EQ(h.remove("A"), 0u);
  h.add("D", "5");
  EXPECT_EQ(joined(h), "Bb=22;C=4;D=5;");
}

TEST(Headers, AFieldsOwnViewsMayBeGivenBack) {
  headers h{{"Name", "value"}, {"Other", "x"}};
  for (int i = 0; i < 50; ++i) h.add(h[0].name, h[0].value);
  EXPECT_EQ(h.count("name"), 51u);
  h.set(h[0].name, h[0].value);
  EXPECT_EQ(joined(h), "Other=x;Name=value;");
  h.set("Other", *h.get("Name"));
  EXPECT_EQ(joined(h), "Name=value;Other=value;");
  EXPECT_EQ(h.remove(h[0].name), 1u);
}

TEST(Headers, SpacesAroundAValueAreDroppedAndThoseWithinStay) {
  const headers h{{"A", " \t x \t y\t "}, {"B", "  "}, {"C", ""}};
  EXPECT_EQ(joined(h), "A=x \t y;B=;C=;");
}

TEST(Headers, ANameThatIsNoTokenIsRefused) {
  for (const std::string& name :
       {""s, "a b"s, "a:"s, " a"s, "a\r\nb"s, "a\0"s, "\xc3\xa4"s, "a@"s}) {
    EXPECT_NE(complaint(name, "v"), "") << name;
  }
  EXPECT_EQ(complaint("!#$%&'*+-.^_`|~09azAZ", "v"), "");
}

TEST(Headers, AValueWithAControlByteIsRefused) {
  for (int c = 0; c < 256; ++c) {
    const std::string value = "x"s + static_cast<char>(c) + "y";
    const bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
    EXPECT_EQ(complaint("Name", value) != "", bad) << c;
  }
  EXPECT_NE(complaint("Name", "x\r\nEvil: 1"), "");
}

TEST(Headers, ARefusalNamesTheFieldAndNeverItsValue) {
  const std::string bad_value = complaint("Authorization", "Bearer s3cret\n");
  EXPECT_NE(bad_value.find("Authorization"), std::string::npos);
  EXPECT_EQ(bad_value.find("s3cret"), std::string::npos);
  const std::string bad_name = complaint("Authorization: Bearer s3cret", "");
  EXPECT_NE(bad_name.find("Authorization"), std::string::npos);
  EXPECT_EQ(bad_name.find("s3cret"), std::string::npos);
}

TEST(Headers, TokensAreFoundInTheListThatAllFieldsMake) {
  const headers h{{"Connection", "keep-alive, , Upgrade ,\tTE"}, {"connection", "Close"}};
  EXPECT_TRUE(h.has_token("Connection", "close"));
  EXPECT_TRUE(h.has_token("connection", "upgrade"));
  EXPECT_TRUE(h.has_token("connection", "te"));
  EXPECT_FALSE(h.has_token("connection", "keep"));
  EXPECT_FALSE(h.has_token("connection", "keep-alive, "));
  EXPECT_FALSE(h.has_token("te", "close"));
}

TEST(Headers, ACommaWithinQuotesPartsNothing) {
  const headers h{{"X", R"("a, close, b";q=1, "c\", open", last)"}};
  EXPECT_FALSE(h.has_token("X", "close"));
  EXPECT_FALSE(h.has_token("X", "open"));
  EXPECT_TRUE(h.has_token("X", "last"));
}

TEST(Headers, AQuoteThatNeverClosesHidesNothing) {
  const headers h{{"Connection", "\"x, close"}};
  EXPECT_TRUE(h.has_token("Connection", "close"));
}

TEST(Headers, IterationIsAForwardRange) {
  static_assert(std::forward_iterator<headers::iterator>);
  const headers h{{"A", "1"}, {"B", "2"}};
  EXPECT_EQ(std::ranges::distance(h), 2);
  EXPECT_TRUE(headers{}.begin() == headers{}.end());
}

TEST(Headers, ManyFieldsStayRight) {
  headers h;
  for (int i = 0; i < 1000; ++i) h.add("N" + std::to_string(i), std::to_string(i * 7));
  EXPECT_EQ(h.size(), 1000u);
  EXPECT_EQ(h.get("n999"), "6993");
  for (int i = 0; i < 1000; i += 2) h.remove("N" + std::to_string(i));
  EXPECT_EQ(h.size(), 500u);
  EXPECT_EQ(h.get("n999"), "6993");
  EXPECT_EQ(h.get("n998"), std::nullopt);
}

// --- writing heads ----------------------------------------------------------------------------

template <class Head>
std::string written(const Head& head) {
  std::string out = "before|";
  http::write_head(out, head);
  EXPECT_TRUE(out.starts_with("before|"));
  return out.substr(7);
}

template <class Head>
bool refused(const Head& head) {
  std::string out = "before";
  try {
    http::write_head(out, head);
  } catch (const std::invalid_argument&) {
    EXPECT_EQ(out, "before") << "bytes were written before the refusal";
    return true;
  }
  return false;
}

TEST(WriteHead, ARequestIsWrittenAsItStands) {
  http::request_head h{.method = "POST", .target = "/a?b", .headers = {{"Host", "x"}, {"A", "1"}}};
  EXPECT_EQ(written(h), "POST /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\n");
  h.version = http::version::http_1_0;
  EXPECT_TRUE(written(h).starts_with("POST /a?b HTTP/1.0\r\n"));
}

TEST(WriteHead, AResponseIsWrittenWithItsReasonOrTheStandards) {
  EXPECT_EQ(written(http::response_head{.status = 404, .reason = {}, .headers = {{"A", "1"}}}),
            "HTTP/1.1 404 Not Found\r\nA: 1\r\n\r\n");
  EXPECT_EQ(written(http::response_head{.status = 200, .reason = "Fine", .headers = {}}),
            "HTTP/1.1 200 Fine\r\n\r\n");
  EXPECT_EQ(written(http::response_head{.status = 599, .reason = {}, .headers = {}}),
            "HTTP/1.1 599 \r\n\r\n");
}

TEST(WriteHead, WhatCouldBeReadAsSomethingElseIsRefusedBeforeAByteIsWritten) {
  const auto method = [](std::string m) {
    return refused(http::request_head{.method = std::move(m), .target = "/", .headers = {}});
  };
  const auto target = [](std::string t) {
    return refused(http::request_head{.method = "GET", .target = std::move(t), .headers = {}});
  };
  const auto reason = [](std::string r) {
    return refused(http::response_head{.status = 200, .reason = std::move(r), .headers = {}});
  };
  const auto status = [](int s) {
    return refused(http::response_head{.status = s, .reason = "x", .headers = {}});
  };
  for (const std::string& bad : {""s, "G T"s, "GET\r\n"s, "G\0T"s, "G/T"s})
    EXPECT_TRUE(method(bad));
  for (const std::string& bad :
       {""s, "/a b"s, "/\r\nX: y"s, "/\0"s, "/\t"s, "/\xc3\xa4"s, "/\x7f"s}) {
    EXPECT_TRUE(target(bad));
  }
  for (const std::string& bad : {"a\r\nb"s, "a\nb"s, "a\0b"s, "\x1b[1m"s}) EXPECT_TRUE(reason(bad));
  EXPECT_FALSE(reason("Ori\xc3\xabntatie probleem"));
  EXPECT_TRUE(status(99));
  EXPECT_TRUE(status(1000));
  EXPECT_TRUE(status(-1));
  EXPECT_FALSE(status(100));
  EXPECT_FALSE(status(999));
}

TEST(WriteHead, EveryPhraseIsFoundByItsStatus) {
  EXPECT_EQ(http::reason_phrase(100), "Continue");
  EXPECT_EQ(http::reason_phrase(504), "Gateway Timeout");
  EXPECT_EQ(http::reason_phrase(304), "Not Modified");
  EXPECT_EQ(http::reason_phrase(418), "");
  EXPECT_EQ(http::reason_phrase(99), "");
  EXPECT_EQ(http::reason_phrase(1000), "");
}

// --- errors -----------------------------------------------------------------------------------

TEST(Errors, WhatTellsThePhaseAndTheUrlWhenTheyAreKnown) {
  EXPECT_STREQ(http::error("broken").what(), "broken");
  EXPECT_STREQ(http::error("broken", http::phase::body).what(), "broken (phase body)");
  EXPECT_STREQ(http::error("broken", http::phase::body, "http://a/").what(),
               "broken (phase body, http://a/)");
}

TEST(Errors, ContextIsAddedWhereItIsMissingAndTheTypeIsKept) {
  try {
    try {
      throw http::protocol_error("bad request: x", 431);
    } catch (http::error& e) {
      e.add_context("http://u:secret@a/b", http::phase::read);
      e.add_context("http://other/", http::phase::total);
      throw;
    }
  } catch (const http::protocol_error& e) {
    EXPECT_EQ(e.url(), "http://***@a/b");
    EXPECT_EQ(e.phase(), http::phase::read);
    EXPECT_EQ(e.message(), "bad request: x");
    EXPECT_EQ(e.answer_status(), 431);
    EXPECT_STREQ(e.what(), "bad request: x (phase read, http://***@a/b)");
  }
}

TEST(Errors, ACopyKeepsWhatItHadAndCopyingCannotThrow) {
  static_assert(std::is_nothrow_copy_constructible_v<http::url_error>);
  static_assert(std::is_nothrow_copy_constructible_v<http::body_error>);
  http::error first("x");
  const http::error copy = first;
  first.add_context("http://a/");
  EXPECT_EQ(copy.url(), "");
  EXPECT_EQ(first.url(), "http://a/");
  const http::error taken = std::move(first);
  EXPECT_EQ(first.url(), "http://a/") << "an error stays readable";
}

TEST(Errors, EachKindKeepsItsFacts) {
  const http::connect_error refused(std::make_error_code(std::errc::connection_refused),
                                    "1.2.3.4:5");
  EXPECT_EQ(refused.code(), std::errc::connection_refused);
  EXPECT_EQ(refused.phase(), http::phase::connect);
  EXPECT_NE(std::string(refused.what()).find("1.2.3.4:5: Connection refused"), std::string::npos);
  EXPECT_EQ(http::timeout_error(http::phase::first_byte).message(),
            "the time allowed for phase \"first byte\" ran out");
  EXPECT_EQ(http::body_error(http::body_error::reason::too_large, "x").answer_status(), 413);
  EXPECT_EQ(http::body_error(http::body_error::reason::truncated, "x").phase(), http::phase::body);
  EXPECT_EQ(http::too_many_redirects(10).limit(), 10);
  EXPECT_EQ(http::status_error(404, "Not Found").message(), "the server answered 404: Not Found");
  EXPECT_EQ(http::tls_error("x").phase(), http::phase::tls);
}

TEST(Errors, UserinfoIsRedactedHoweverTheUrlIsWritten) {
  EXPECT_EQ(http::redact_userinfo("http://u:p@h/x"), "http://***@h/x");
  EXPECT_EQ(http::redact_userinfo("http://u@p@h"), "http://***@h");
  EXPECT_EQ(http::redact_userinfo("http:\\\\u:p@h\\x"), "http:\\\\***@h\\x");
  EXPECT_EQ(http::redact_userinfo("//u:p@h/x"), "//***@h/x");
  EXPECT_EQ(http::redact_userinfo("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(http::redact_userinfo("http://h/?a@b"), "http://h/?a@b");
  EXPECT_EQ(http::redact_userinfo(""), "");
}

TEST(Errors, AnErrorsTextHoldsNoControlBytesAndHasAnEnd) {
  const http::error e("x", http::phase::url, "http://a/\r\n\x1b[31m" + std::string(10'000, 'x'));
  for (const char* c = e.what(); *c != '\0'; ++c) EXPECT_GE(static_cast<unsigned char>(*c), 0x20);
  EXPECT_LT(std::string_view(e.what()).size(), 600u);
}

TEST(Headers, AControlByteIsFoundWhereverItStandsInAValue) {
  for (std::size_t size = 1; size < 20; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        // Neighbours that a careless comparison of eight bytes at once takes for controls.
        std::string value(size, byte % 2 == 0 ? ' ' : '\x80');
        value[at] = static_cast<char>(byte);
        const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
        const std::size_t expected = control ? at : size;
        EXPECT_EQ(http::detail::skip_text(value, 0), expected) << size << ' ' << at << ' ' << byte;
      }
  EXPECT_EQ(http::detail::skip_text("a\tb\tc\td\te\tf\n", 3), 11U);
}

}  // namespace
