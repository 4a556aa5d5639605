// Server-sent events as text: what is written, and what is read back (WHATWG HTML, section 9.2).

#include <rondo/http.hpp>
#include <rondo/http/wire/event_parser.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace event_test {
namespace {

using namespace std::chrono_literals;
namespace http = rondo::http;
using http::detail::event_parser;

// "type|data|id" of each event, with LF shown as "/".
std::vector<std::string> events_of(event_parser& p, std::string_view stream, std::size_t piece) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    std::string_view input = stream.substr(at, piece);
    while (const auto e = p.next(input)) {
      std::string text = e->type + "|" + e->data + "|" + e->id;
      for (char& c : text)
        if (c == '\n') c = '/';
      all.push_back(text);
    }
    EXPECT_TRUE(input.empty());
  }
  return all;
}

struct reading {
  const char* what;
  std::string_view stream;
  std::vector<std::string> events;
};

TEST(EventParser, ReadsWhatTheStandardSays) {
  using namespace std::string_view_literals;
  const std::vector<reading> table = {
      {"nothing", "", {}},
      {"one", "data: a\n\n", {"message|a|"}},
      {"CR", "data: a\r\rdata: b\r\r", {"message|a|", "message|b|"}},
      {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"message|a|", "message|b|"}},
      {"a CRLF is one line end", "data: a\r\ndata: b\r\n\r\n", {"message|a/b|"}},
      {"all three line ends", "data: a\rdata: b\ndata: c\r\n\n", {"message|a/b/c|"}},
      {"LF and CR are two line ends", "data: a\n\rdata: b\n\n", {"message|a|", "message|b|"}},
      {"a byte order mark first",
       "\xEF\xBB\xBF"
       "data: a\n\n",
       {"message|a|"}},
      {"only one of it",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: a\n\ndata: b\n\n",
       {"message|b|"}},
      {"and not later",
       "data: a\n\xEF\xBB\xBF"
       "data: b\n\n",
       {"message|a|"}},
      {"a part of it is a name",
       "\xEF\xBB"
       "data: a\n\n",
       {}},
      {"not ended", "data: a\n\ndata: b\n", {"message|a|"}},
      {"comments", ":\n: text\n:data: no\ndata: a\n:\n\n", {"message|a|"}},
      {"no data, no event", "event: x\nid: 1\n\ndata: a\n\n", {"message|a|1"}},
      {"empty lines alone", "\n\n\r\n\r\r\n\n", {}},
      {"one space goes",
       "data:  a\n\ndata:b\n\ndata: \n\n",
       {"message| a|", "message|b|", "message||"}},
      {"a tab stays", "data:\ta\n\n", {"message|\ta|"}},
      {"no colon", "data\n\n", {"message||"}},
      {"no colon, twice", "data\ndata\n\n", {"message|/|"}},
      {"colons in a value", "data: a: b:c\n\n", {"message|a: b:c|"}},
      {"type", "event: x\ndata: a\n\ndata: b\n\n", {"x|a|", "message|b|"}},
      {"the last type counts", "event: x\nevent: y\ndata: a\n\n", {"y|a|"}},
      {"an empty type", "event: x\nevent\ndata: a\n\n", {"message|a|"}},
      {"an id holds on", "id: 1\ndata: a\n\ndata: b\n\n", {"message|a|1", "message|b|1"}},
      {"until it is emptied", "id: 1\ndata: a\n\nid\ndata: b\n\n", {"message|a|1", "message|b|"}},
      {"an id with NUL is none",
       "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"sv,
       {"message|a|1", "message|b|1"}},
      {"NUL in data", "data: a\0b\n\n"sv, {std::string("message|a\0b|", 12)}},
      {"names are in lower case",
       "Data: a\nDATA: b\n data: c\ndata : d\ndata: e\n\n",
       {"message|e|"}},
      {"other names", "x: 1\ndatas: 2\nretr: 3\ndata: a\n\n", {"message|a|"}},
      {"the standard's example",
       ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
       "event\n\n",
       {"message|first event|1", "message|second event|", "message| third event|"}},
      {"the standard's second", "data\n\ndata\ndata\n\ndata:", {"message||", "message|/|"}},
      {"stock", "data: YHOO\ndata: +2\ndata: 10\n\n", {"message|YHOO/+2/10|"}},
  };
  for (const reading& r : table) {
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{4096}}) {
      SCOPED_TRACE(r.what + (" in pieces of " + std::to_string(piece)));
      event_parser p;
      EXPECT_EQ(events_of(p, r.stream, piece), r.events);
    }
    for (std::size_t at = 1; at < r.stream.size(); ++at) {
      SCOPED_TRACE(r.what + (" split at " + std::to_string(at)));
      event_parser p;
      auto all = events_of(p, r.stream.substr(0, at), 4096);
      for (auto& e : events_of(p, r.stream.substr(at), 4096)) all.push_back(e);
      EXPECT_EQ(all, r.events);
    }
  }
}

TEST(EventParser, RetryIsDigitsAlone) {
  const auto retry_of = [](std::string_view value) {
    event_parser p;
    std::string stream = "retry: 7\nretry:" + std::string(value) + "\n";
    events_of(p, stream, 4096);
    return p.retry()->count();
  };
  EXPECT_EQ(event_parser().retry(), std::nullopt);
  EXPECT_EQ(retry_of("1000"), 1000);
  EXPECT_EQ(retry_of(" 0"), 0);
  for (const char* bad : {"", " ", "-1", "+1", "1.5", "1s", "0x10", "1 ", "  1"})
    EXPECT_EQ(retry_of(bad), 7) << bad;
  EXPECT_EQ(retry_of("99999999999999999999999"), std::chrono::milliseconds::max().count());
}

TEST(EventParser, AnIdCountsWhenItsEventHasEnded) {
  event_parser p;
  events_of(p, "id: 1\ndata: a\n\nid: 2\ndata: b\n", 4096);
  EXPECT_EQ(p.last_event_id(), "1");
  p.begin_again();
  EXPECT_EQ(events_of(p, "data: c\n\n", 4096), std::vector<std::string>{"message|c|1"});
  events_of(p, "id: 3\n\n", 4096);  // without data, too
  EXPECT_EQ(p.last_event_id(), "3");
}

TEST(EventParser, AFreshStreamHasNothingOfTheOneBefore) {
  event_parser p;
  events_of(p, "data: a\nevent: x\nda", 4096);
  p.begin_again();
  EXPECT_EQ(events_of(p,
                      "\xEF\xBB\xBF"
                      "data: b\n\n",
                      1),
            std::vector<std::string>{"message|b|"});
  events_of(p, "data: c\r", 4096);
  p.begin_again();
  EXPECT_EQ(events_of(p, "\ndata: d\n\n", 4096), std::vector<std::string>{"message|d|"});
}

TEST(EventParser, HoldsNoMoreThanItsLimits) {
  const http::event_limits limits{.line_bytes = 20, .event_bytes = 10, .id_bytes = 4};
  const auto verdict = [&](const std::string& stream) -> std::string {
    std::string first;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{4096}}) {
      std::string said = "taken";
      try {
        event_parser p(limits);
        events_of(p, stream, piece);
      } catch (const http::protocol_error& e) {
        said = e.message();
      }
      if (piece == 1) first = said;
      EXPECT_EQ(said, first) << stream << " in pieces of " << piece;
    }
    return first;
  };
  EXPECT_EQ(verdict(":" + std::string(19, 'c') + "\n"), "taken");
  EXPECT_EQ(verdict(":" + std::string(20, 'c') + "\n"),
            "the event stream has a line of more than 20 bytes");
  EXPECT_EQ(verdict("data:" + std::string(10, 'd') + "\n\n"), "taken");
  EXPECT_EQ(verdict("data:" + std::string(11, 'd') + "\n\n"),
            "the event stream has an event of more than 10 bytes");
  EXPECT_EQ(verdict("data:1234\ndata:56789\n\n"), "taken");
  EXPECT_EQ(verdict("data:1234\ndata:567890\n\n"),
            "the event stream has an event of more than 10 bytes");
  EXPECT_EQ(verdict("data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n"),
            "the event stream has an event of more than 10 bytes");
  EXPECT_EQ(verdict("event:12345\ndata:12345\n\n"), "taken");
  EXPECT_EQ(verdict("event:12345\ndata:123456\n\n"),
            "the event stream has an event of more than 10 bytes");
  EXPECT_EQ(verdict("data:12345\nevent:123456\n\n"),
            "the event stream has an event of more than 10 bytes");
  EXPECT_EQ(verdict("id:1234\n\n"), "taken");
  EXPECT_EQ(verdict("id:12345\n\n"), "the event stream has an id of more than 4 bytes");
}

TEST(Event, IsWrittenLineByLine) {
  EXPECT_EQ(http::event().data("a").text(), "data: a\n");
  EXPECT_EQ(http::event().data("").text(), "data: \n");
  EXPECT_EQ(http::event().data("a\nb\rc\r\nd\n").text(),
            "data: a\ndata: b\ndata: c\ndata: d\ndata: \n");
  EXPECT_EQ(http::event().data("a").data("b").text(), "data: a\ndata: b\n");
  EXPECT_EQ(http::event().id("7").type("x").data(" a").text(), "id: 7\nevent: x\ndata:  a\n");
  EXPECT_EQ(http::event().id("").text(), "id: \n");
  EXPECT_EQ(http::event().comment("a\r\rb").text(), ": a\n: \n: b\n");
  EXPECT_EQ(http::event().retry(1500ms).text(), "retry: 1500\n");
  EXPECT_EQ(http::event().retry(-1s).text(), "retry: 0\n");
  EXPECT_EQ(http::event().retry(1us).text(), "retry: 0\n");
}

TEST(Event, RefusesWhatWouldEndAnIdOrAType) {
  using namespace std::string_view_literals;
  for (const auto bad : {"a\nb"sv, "a\r"sv, "\n"sv, "a\0b"sv}) {
    http::event e;
    e.data("kept");
    EXPECT_THROW(e.id(bad), std::invalid_argument);
    EXPECT_THROW(e.type(bad), std::invalid_argument);
    EXPECT_EQ(e.text(), "data: kept\n");
  }
}

TEST(Event, ComesBackAsItWasWritten) {
  using namespace std::string_view_literals;
  for (const auto data : {"a"sv, ""sv, " a "sv, "a\n\nb"sv, "\n"sv, "data: x"sv, ":"sv, "\0"sv,
                          "\xEF\xBB\xBF"sv, "\xff\xfe"sv}) {
    event_parser p;
    const std::string stream = http::event().type("t").id(" i ").data(data).text() + "\n";
    std::string_view input = stream;
    const auto e = p.next(input);
    ASSERT_TRUE(e);
    EXPECT_EQ(e->data, data);
    EXPECT_EQ(e->type, "t");
    EXPECT_EQ(e->id, " i ");
  }
}

}  // namespace
}  // namespace event_test
