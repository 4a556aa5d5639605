// What a handler can ask its request, and what it can answer with.
#include "http/in_memory.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/json.hpp>

#include <cstdlib>
#include <filesystem>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace http_server_requests_cases {
namespace {

class scratch_folder {
 public:
  scratch_folder() {
    std::string name = std::filesystem::temp_directory_path() / "rondo-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string form_type = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
const std::string multipart_type = "Content-Type: multipart/form-data; boundary=XX\r\n";

// The answer of a server whose "/" is `handler`, for any method that is asked with.
template <class Handler>
task<std::string> answered(Handler handler, std::string bytes) {
  http::server s;
  for (const char* method : {"GET", "POST"}) s.route(method, "/", handler);
  co_return co_await answer_to(s, std::move(bytes));
}

// What was not read of a body is in the way of the next request of HTTP/1.1, and of no stream.
bool ends_its_connection(const std::string& answer) {
  return speaks_http2() || has(answer, "Connection: close");
}

std::string part(const std::string& head, const std::string& content) {
  return "--XX\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
}

// Reads all parts: "name[file:type]=content;".
task<server_response> tell_parts(server_request& r) {
  http::multipart_reader parts(
      r, {.parts = 3, .head_bytes = 200, .head_fields = 2, .part_bytes = 100, .text_bytes = 50});
  std::string all;
  while (co_await parts.next()) {
    if (parts.name() == "skipped") continue;
    all += parts.name();
    if (parts.filename()) all += '[' + *parts.filename() + ':' + parts.type() + ']';
    all += '=' + co_await parts.text() + ';';
  }
  co_return server_response::text(all);
}

}  // namespace

EVERY_VERSION(ServerRequests, TheQueryIsReadByName) {
  const auto tell = [](server_request& r) -> task<server_response> {
    std::string text = r.query("a").value_or("none") + '|' + r.query("b").value_or("none") + '|' +
                       std::to_string(r.query_fields().size());
    co_return server_response::text(text);
  };
  EXPECT_EQ(body_part(co_await answered(tell, request_text("GET /?a=1+2%263&a=x&&c"))),
            "1 2&3|none|3");
  EXPECT_EQ(body_part(co_await answered(tell, request_text("GET /?b=%zz&=1"))), "none|%zz|2");
  EXPECT_EQ(body_part(co_await answered(tell, request_text("GET /"))), "none|none|0");
}

EVERY_VERSION(ServerRequests, AFormIsReadAsFields) {
  const auto tell = [](server_request& r) -> task<server_response> {
    std::string all;
    for (const auto& [name, value] : co_await r.form(3)) all += name + '=' + value + ';';
    co_return server_response::text(all);
  };
  EXPECT_EQ(body_part(co_await answered(
                tell, request_text("POST /", form_type, "name=J%C3%BCrgen+A&x=&y"))),
            "name=J\xc3\xbcrgen A;x=;y=;");
  EXPECT_EQ(status_of(co_await answered(tell, request_text("POST /", form_type, "a&b&c"))), "200");
  EXPECT_EQ(status_of(co_await answered(tell, request_text("POST /", form_type, "a&b&c&d"))),
            "413");
  const std::string other =
      co_await answered(tell, request_text("POST /", "Content-Type: text/plain\r\n", "a=1"));
  EXPECT_EQ(status_of(other), "415");
  EXPECT_TRUE(ends_its_connection(other)) << "the body was not read";
  EXPECT_EQ(status_of(co_await answered(tell, request_text("POST /", "", "a=1"))), "415");
}

EVERY_VERSION(ServerRequests, JsonIsReadAndWritten) {
  const auto twice = [](server_request& r) -> task<server_response> {
    const nlohmann::json asked = co_await http::read_json(r);
    co_return http::json_response({{"twice", asked.at("n").get<int>() * 2}}, 201);
  };
  const std::string got = co_await answered(twice, request_text("POST /", "", "{\"n\": 21}"));
  EXPECT_EQ(status_of(got), "201");
  EXPECT_EQ(body_part(got), "{\"twice\":42}");
  const std::string broken = co_await answered(twice, request_text("POST /", "", "{\"n\": 21"));
  EXPECT_EQ(status_of(broken), "400");
  EXPECT_TRUE(has(broken, "no JSON at byte 9") && ends_its_connection(broken)) << broken;
  // As deep as a body may be: no stack is used up.
  EXPECT_EQ(
      status_of(co_await answered(twice, request_text("POST /", "", std::string(500'000, '[')))),
      "400");
}

EVERY_VERSION(ServerRequests, CookiesAreReadByName) {
  const auto tell = [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.cookie("id").value_or("none")) + '|' +
                                    std::to_string(r.cookies().size()));
  };
  const std::pair<const char*, const char*> cases[] = {
      {"Cookie: a=1; id=7; id=8\r\n", "7|3"},
      {"Cookie: id=\"q\"\r\n", "q|1"},
      {"Cookie: xid=1;;  ; =2; noise\r\nCookie: id=second\r\n", "second|2"},
      {"Cookie: ID=1\r\n", "none|1"},
      {"", "none|0"},
  };
  for (const auto& [fields, told] : cases)
    EXPECT_EQ(body_part(co_await answered(tell, request_text("GET /", fields))), told) << fields;
}

EVERY_VERSION(ServerRequests, TellsWhichTypeTheClientLikesBest) {
  const auto tell = [](server_request& r) -> task<server_response> {
    const std::string_view best = r.accepts("text/html", "application/json");
    co_return best.empty() ? server_response(406) : server_response::text(std::string(best));
  };
  EXPECT_EQ(body_part(co_await answered(
                tell, request_text("GET /", "Accept: text/*;q=0.3, application/json\r\n"))),
            "application/json");
  EXPECT_EQ(body_part(co_await answered(tell, request_text("GET /"))), "text/html");
  EXPECT_EQ(status_of(co_await answered(tell, request_text("GET /", "Accept: image/png\r\n"))),
            "406");
}

EVERY_VERSION(ServerRequests, RedirectsGoNowhereBetweenTheLines) {
  const auto away = [](server_request& r) -> task<server_response> {
    co_return server_response::redirect(r.query("to").value_or("/"), 303);
  };
  const std::string got =
      co_await answered(away, request_text("GET /?to=/a%0d%0aSet-Cookie:%20x=1%20%C3%BC"));
  EXPECT_EQ(status_of(got), "303");
  EXPECT_TRUE(has(got, "\r\nLocation: /a%0D%0ASet-Cookie:%20x=1%20%C3%BC\r\n")) << got;
  for (const int status : {200, 300, 304, 306, 404})
    EXPECT_THROW((void)server_response::redirect("/", status), std::invalid_argument) << status;
  EXPECT_TRUE(has(
      co_await answered(
          [](server_request&) -> task<server_response> { co_return server_response::html("<p>"); },
          request_text("GET /")),
      "Content-Type: text/html; charset=utf-8\r\n"));
}

CONFORMANCE(ServerRequests, EarlyHintsComeAheadOfTheResponse) {
  const auto hint = [](server_request& r) -> task<server_response> {
    co_await r.early_hints({{"Link", "</style.css>; rel=preload"}, {"Connection", "close"}});
    co_return server_response::text("page");
  };
  const std::string got = co_await answered(hint, request_text("GET /"));
  EXPECT_TRUE(
      got.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
                      "HTTP/1.1 200 OK\r\n"))
      << got;
  EXPECT_TRUE((co_await answered(hint, "GET / HTTP/1.0\r\n\r\n")).starts_with("HTTP/1.1 200 OK"));
  http::server s;
  s.route("GET", "/", hint);
  co_await http::with_test_client(
      s, [](http::client& c) -> task<> { EXPECT_EQ(co_await get_text(c, "http://a/"), "page"); });
}

CONFORMANCE(ServerRequests, AStreamedBodyMayHaveTrailers) {
  const auto tell = [](server_request&) -> task<server_response> {
    co_return server_response::stream(http::make_body(
        [n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 1) co_return std::nullopt;
          co_return "piece";
        },
        [] { return http::headers{{"X-Sum", "abc"}}; }));
  };
  const std::string got = co_await answered(tell, request_text("GET /"));
  EXPECT_TRUE(got.ends_with("5\r\npiece\r\n0\r\nX-Sum: abc\r\n\r\n")) << got;
}

EVERY_VERSION(ServerRequests, MultipartIsReadPartByPart) {
  const std::string body =
      "preamble\r\n" + part("name=\"a\"", "1") + part("name=skipped", "zzz") +
      part("name=\"f\"; filename=\"C:\\dir\\x \\\"y\\\".txt\"\r\nContent-Type: a/b",
           "two\r\nlines\r\n--X") +
      "--XX--\r\nepilogue";
  EXPECT_EQ(body_part(co_await answered(tell_parts, request_text("POST /", multipart_type, body))),
            "a=1;f[x \"y\".txt:a/b]=two\r\nlines\r\n--X;");
}

EVERY_VERSION(ServerRequests, WhatOurClientSendsAsMultipartIsReadBack) {
  http::server s;
  s.route("POST", "/", tell_parts);
  co_await http::with_test_client(
      s,
      [](http::client& c) -> task<> {
        http::multipart m;
        m.field("title", "Summer")
            .file("photo", "lake.jpg", "bytes", "image/jpeg")
            .field("empty", "");
        http::response r =
            co_await c.send(http::request("POST", "http://a/").multipart(std::move(m)));
        EXPECT_EQ(co_await r.text(), "title=Summer;photo[lake.jpg:image/jpeg]=bytes;empty=;");
      },
      spoken());
}

EVERY_VERSION(ServerRequests, WhatIsNoMultipartBodyIsTheClientsFault) {
  const std::string a = part("name=a", "1");
  const std::string end = "--XX--";
  const std::pair<std::string, const char*> cases[] = {
      {a, "400"},          // no end
      {"--XX", "400"},     // no line behind the boundary
      {"nothing", "400"},  // no boundary
      {"--XX\r\n\r\nno head\r\n" + end, "400"},
      {part("filename=x", "no name") + end, "400"},
      {part("name=a; name=b", "two") + end, "400"},
      {part("name=a; filename=x; filename=y", "two") + end, "400"},
      {"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" + end, "400"},
      {"--XX\r\nbad line\r\n\r\n1\r\n" + end, "400"},
      {"--XX\r\n folded: x\r\n\r\n1\r\n" + end, "400"},
      {part("name=\"a", "open quote") + end, "400"},
      {part("name=a\r\nX: " + std::string(1, '\x01'), "control") + end, "400"},
      {"--XXX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" + end, "400"},
      {a + a + a + end, "200"},
      {a + a + a + a + end, "413"},                                // parts
      {part("name=a\r\nX: y\r\nY: z", "fields") + end, "413"},     // fields in a head
      {part("name=a" + std::string(300, 'x'), "") + end, "413"},   // bytes of a head
      {part("name=a", std::string(51, 'x')) + end, "413"},         // bytes as text
      {part("name=skipped", std::string(101, 'x')) + end, "413"},  // bytes of a part
  };
  for (const auto& [body, status] : cases) {
    const std::string got =
        co_await answered(tell_parts, request_text("POST /", multipart_type, body));
    EXPECT_EQ(status_of(got), status) << body << "\n" << got;
    if (std::string_view(status) != "200") {
      EXPECT_TRUE(ends_its_connection(got)) << body;
    }
  }
  for (const auto& [type, status] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Content-Type: multipart/form-data\r\n", "400"},
           {"Content-Type: multipart/form-data; boundary=\"\"\r\n", "400"},
           {"Content-Type: multipart/form-data; boundary=\"a@b\"\r\n", "400"},
           {"Content-Type: multipart/mixed; boundary=XX\r\n", "415"},
           {"", "415"}})
    EXPECT_EQ(status_of(co_await answered(tell_parts, request_text("POST /", type, a + end))),
              status)
        << type;
}

EVERY_VERSION(ServerRequests, ALargePartGoesToAFileThatHasNoName) {
  const std::string content(200'000, 'q');
  const scratch_folder folder;
  const auto spool = [&](server_request& r) -> task<server_response> {
    http::multipart_reader parts(r);
    std::string told;
    while (co_await parts.next()) {
      http::spooled_part p = co_await parts.spool(1000, folder.path());
      std::string back(300'000, '\0');
      std::size_t n = 0;
      while (const std::size_t more =
                 co_await p.read_at(n, std::as_writable_bytes(std::span(back)).subspan(n)))
        n += more;
      EXPECT_EQ(n, p.size());
      told += parts.name() + (p.in_memory() ? " memory " : " file ") + std::to_string(n) +
              (back.find_first_not_of('q') == n ? " whole;" : " broken;");
    }
    co_return server_response::text(told);
  };
  EXPECT_EQ(
      body_part(co_await answered(spool, request_text("POST /", multipart_type,
                                                      part("name=small", std::string(1000, 'q')) +
                                                          part("name=large", content) + "--XX--"))),
      "small memory 1000 whole;large file 200000 whole;");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

EVERY_VERSION_RUNS(ServerRequests, CancelledAtEveryWaitNothingOfASpooledPartIsLeft) {
  if (reactor == reactor_kind::io_uring) return;  // files in threads, and in the simulation inline
  const scratch_folder folder;
  const auto scenario = [&]() -> task<> {
    const auto spool = [&](server_request& r) -> task<server_response> {
      http::multipart_reader parts(r);
      while (co_await parts.next()) (void)co_await parts.spool(10, folder.path());
      co_return server_response();
    };
    const std::string got = co_await answered(
        spool, request_text("POST /", multipart_type,
                            part("name=large", std::string(40'000, 'q')) + "--XX--"));
    EXPECT_EQ(status_of(got), "200");
  };
  cancel_at_every_wait(reactor, scenario,
                       [&] { EXPECT_TRUE(std::filesystem::is_empty(folder.path())); });
}

// uvicorn#3064: what a handler may be sent is bounded however it reads.
EVERY_VERSION(ServerRequests, ABodysLimitHoldsForEveryWayOfReading) {
  const auto streamed = [](server_request& r) -> task<server_response> {
    r.max_body(10);
    std::size_t n = 0;
    for (;;) {
      const auto piece = co_await r.next_chunk();
      if (piece.empty()) break;
      n += piece.size();
    }
    co_return server_response::text(std::to_string(n));
  };
  const auto whole = [](server_request& r) -> task<server_response> {
    r.max_body(10);
    co_return server_response::text(std::to_string((co_await r.text()).size()));
  };
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const auto bytes = [&](const char* chunk) {
    return request_text("POST /", chunked) + chunk + "0\r\n\r\n";
  };
  EXPECT_EQ(body_part(co_await answered(streamed, bytes("a\r\n0123456789\r\n"))), "10");
  EXPECT_EQ(status_of(co_await answered(streamed, bytes("b\r\n0123456789x\r\n"))), "413");
  EXPECT_EQ(body_part(co_await answered(whole, bytes("a\r\n0123456789\r\n"))), "10");
  EXPECT_EQ(status_of(co_await answered(whole, bytes("b\r\n0123456789x\r\n"))), "413");
  EXPECT_EQ(status_of(co_await answered(whole, request_text("POST /", "", "0123456789x"))), "413");
}

// What a cancelled read had taken is nowhere: the next request must not begin in its middle.
CONFORMANCE(ServerRequests, AReadOfTheBodyThatWasCancelledEndsTheConnection) {
  http::server s;
  s.route("POST", "/", [](server_request& r) -> task<server_response> {
    const auto body = co_await try_for(5ms, r.text());
    EXPECT_FALSE(body);
    const auto again = co_await as_result(r.next_chunk());
    EXPECT_TRUE(again.has_error());
    co_return server_response::text("late");
  });
  auto [here, there] = net::make_memory_streams();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(s.serve_stream(net::any_stream(std::move(there))));
    co_await here.write_all(
        net::bytes_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n"
                      "begin"));
    std::string got;
    std::vector<std::byte> room(4096);
    while (const std::size_t n = co_await here.read_some(room))
      got.append(reinterpret_cast<const char*>(room.data()), n);
    EXPECT_TRUE(has(got, "Connection: close") && got.ends_with("late")) << got;
    here.close();
  });
}

CONFORMANCE(ServerRequests, AProxyPassesOnWhatIsOfTheMessage) {
  const http::headers onwards = http::without_hop_by_hop({{"Host", "a"},
                                                          {"Connection", "close, X-Mine"},
                                                          {"x-mine", "1"},
                                                          {"Keep-Alive", "5"},
                                                          {"TE", "trailers"},
                                                          {"Trailer", "X-Sum"},
                                                          {"Transfer-Encoding", "chunked"},
                                                          {"Upgrade", "h2c"},
                                                          {"proxy-authorization", "Basic x"},
                                                          {"Proxy-Connection", "close"},
                                                          {"Accept", "*/*"},
                                                          {"Set-Cookie", "a=1"},
                                                          {"Set-Cookie", "b=2"}});
  EXPECT_EQ(onwards.wire(), "Host: a\r\nAccept: */*\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
  co_return;
}

}  // namespace http_server_requests_cases
