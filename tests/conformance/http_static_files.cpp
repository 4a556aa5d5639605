// Files that a server answers with.
#include "http/file_support.hpp"
#include "http/http_support.hpp"
#include "http/selection_cases.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/http/wire/http_date.hpp>

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::file_options;
using http::server_request;
using http::server_response;

namespace http_static_files {
namespace {

// Beside a server whose files under /f/ are those of the folder.
task<> with_files(const temporary_folder& folder, file_options options,
                  std::function<task<>(endpoint)> body) {
  http::server server;
  server.files("/f/", folder.path(), options);
  co_await with_server(server, [&](std::string, endpoint here) { return body(here); });
}

}  // namespace

EVERY_VERSION(StaticFiles, AreSentWholeWhateverTheirSize) {
  const temporary_folder folder;
  for (const std::size_t size : {0U, 1U, 1024U, 64U << 10, (64U << 10) + 1, (1U << 20) + 3}) {
    const std::string content = pattern(size, size + 1);
    write_old(folder, "a.txt", content);
    co_await with_files(folder, {}, [&](endpoint here) -> task<> {
      const reply got = co_await ask(here, "/f/a.txt");
      EXPECT_EQ(got.status, 200);
      EXPECT_TRUE(got.body == content) << size << " became " << got.body.size();
      EXPECT_EQ(got.field("Content-Length"), std::to_string(size));
      EXPECT_EQ(got.field("Content-Type"), "text/plain; charset=utf-8");
      EXPECT_EQ(got.field("Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
      EXPECT_EQ(got.field("Accept-Ranges"), "bytes");
      EXPECT_TRUE(got.field("ETag").starts_with('"')) << got.field("ETag");
      EXPECT_EQ(got.field("Cache-Control"), "");
      EXPECT_EQ(got.field("Vary"), "");
      const reply head = co_await ask(here, "/f/a.txt", "", "HEAD");
      EXPECT_EQ(head.status, 200);
      EXPECT_EQ(head.body, "");
      EXPECT_EQ(head.field("Content-Length"), std::to_string(size));
      EXPECT_EQ(head.field("ETag"), got.field("ETag"));
      const reply post = co_await ask(here, "/f/a.txt", "", "POST");
      EXPECT_EQ(post.status, 405);
    });
  }
}

// The table of RFC 9110's conditions and ranges, over connections.
// aiohttp#13480, among all the others: an If-Range with an ETag is heeded.
EVERY_VERSION(StaticFiles, HeedConditionsAndRanges) {
  const temporary_folder folder;
  const std::string content = pattern(file_size);
  write_old(folder, "a.bin", content);
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    const std::string tag = (co_await ask(here, "/f/a.bin")).field("ETag");
    for (const selection_case& c : selection_cases()) {
      const std::string fields =
          filled_in(c.fields, tag.substr(1, tag.size() - 2), http::detail::http_date(long_ago),
                    http::detail::http_date(long_ago - 1s), http::detail::http_date(long_ago + 1s));
      const reply got = co_await ask(here, "/f/a.bin", lines(fields), std::string(c.method));
      SCOPED_TRACE(std::string(c.method) + ' ' + fields);
      EXPECT_EQ(got.status, c.status);
      if (c.status == 200) EXPECT_TRUE(got.body == (c.method == "HEAD" ? "" : content));
      if (c.status == 304) {
        EXPECT_EQ(got.body, "");
        EXPECT_EQ(got.field("ETag"), tag);
        EXPECT_NE(got.field("Last-Modified"), "");
      }
      if (c.status == 416) EXPECT_EQ(got.field("Content-Range"), "bytes */1000");
      if (c.status != 206) continue;
      EXPECT_EQ(got.field("Content-Length"), std::to_string(got.body.size()));
      std::string expected;
      std::string only;
      for (std::string_view rest = c.parts; !rest.empty();) {
        const std::string one(rest.substr(0, rest.find(',')));
        const std::size_t from = std::stoul(one);
        only = content.substr(from, std::stoul(one.substr(one.find('-') + 1)) - from + 1);
        expected += one + '=' + only + ';';
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      }
      if (c.parts.find(',') == std::string_view::npos) {
        EXPECT_EQ(got.field("Content-Range"), "bytes " + std::string(c.parts) + "/1000");
        EXPECT_TRUE(got.body == only);
      } else {
        EXPECT_TRUE(parts_of(got) == expected);
      }
    }
  });
}

EVERY_VERSION(StaticFiles, OfALargeFileInParts) {
  const temporary_folder folder;
  const std::string content = pattern(2 << 20);
  write_old(folder, "a", content);
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    const reply got = co_await ask(here, "/f/a", "Range: bytes=10-1000009\r\n");
    EXPECT_TRUE(got.body == content.substr(10, 1'000'000));
    const reply two = co_await ask(here, "/f/a", "Range: bytes=0-699999,1000000-\r\n");
    EXPECT_TRUE(parts_of(two) == "0-699999=" + content.substr(0, 700'000) +
                                     ";1000000-2097151=" + content.substr(1'000'000) + ';');
  });
}

EVERY_VERSION(StaticFiles, OfAGroupAreBelowItsPrefixAndItsLinks) {
  const temporary_folder folder;
  write_old(folder, "deep/a.txt", "a");
  http::server server;
  http::route_group outer = server.group("/one");
  http::route_group inner = outer.group("/two");
  inner.use([](http::server_request& r, http::next& go) -> task<http::server_response> {
    co_return (co_await go(r)).header("X-Seen", "yes");
  });
  inner.files("/f/", folder.path());
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const reply got = co_await ask(here, "/one/two/f/deep/a.txt");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "a");
    EXPECT_EQ(got.field("X-Seen"), "yes");
    EXPECT_EQ((co_await ask(here, "/f/deep/a.txt")).status, 404);
  });
}

// Until two seconds have passed it may change again unseen.
EVERY_VERSION(StaticFiles, OfAFreshFileHaveAWeakTag) {
  const temporary_folder folder;
  folder.write("a", "fresh");
  if (reactor == reactor_kind::simulated) co_return;  // whose clock is another
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    const reply got = co_await ask(here, "/f/a");
    EXPECT_TRUE(got.field("ETag").starts_with("W/\"")) << got.field("ETag");
    const reply part =
        co_await ask(here, "/f/a", "Range: bytes=0-1\r\nIf-Range: " + got.field("ETag") + "\r\n");
    EXPECT_EQ(part.status, 200);
    const reply same = co_await ask(here, "/f/a", "If-None-Match: " + got.field("ETag") + "\r\n");
    EXPECT_EQ(same.status, 304);
  });
}

EVERY_VERSION(StaticFiles, OfNamesThatNameNoFile) {
  const temporary_folder outside;
  outside.write("secret", "secret");
  const temporary_folder folder;
  write_old(folder, "a b.txt", "spaced");
  write_old(folder, "sub/b", "below");
  write_old(folder, ".hidden", "hidden");
  write_old(folder, ".git/config", "hidden");
  write_old(folder, "100%", "percent");
  std::filesystem::create_symlink(outside / "secret", folder / "out");
  std::filesystem::create_directory_symlink(outside.path(), folder / "outside");
  std::filesystem::create_symlink("sub/b", folder / "in");
  EXPECT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    for (const char* path : {"/f/none",
                             "/f/sub/none",
                             "/f/sub/b/c",
                             "/f/sub/b/",
                             "/f/../secret",
                             "/f/sub/../a%20b.txt",
                             "/f/%2e%2e/secret",
                             "/f/..%2fsecret",
                             "/f/%2E%2E%2Fsecret",
                             "/f/sub%2fb",
                             "/f//sub/b",
                             "/f/sub//b",
                             "/f/./sub/b",
                             "/f/a%00b",
                             "/f/a%20b.txt%00",
                             "/f/%00",
                             "/f/.hidden",
                             "/f/%2ehidden",
                             "/f/.git/config",
                             "/f/out",
                             "/f/outside/secret",
                             "/f/fifo",
                             "/f/",
                             "/f//etc/passwd",
                             "/f/%2fetc/passwd",
                             "/f/sub/",
                             "/f/..",
                             "/f/.",
                             "/f/sub/..",
                             "/f/a%2520b.txt"}) {
      const reply got = co_await ask(here, path);
      EXPECT_EQ(got.status, 404) << path;
      EXPECT_EQ(got.body.find("secret"), std::string::npos) << path;
    }
    EXPECT_EQ((co_await ask(here, "/f/" + std::string(5000, 'a'))).status, 404);
    EXPECT_EQ((co_await ask(here, "/f/100%")).status, 400);
    EXPECT_EQ((co_await ask(here, "/f/100%25")).body, "percent");
    EXPECT_EQ((co_await ask(here, "/f/a%20b.txt")).body, "spaced");
    EXPECT_EQ((co_await ask(here, "/f/%73ub/b?query")).body, "below");
    EXPECT_EQ((co_await ask(here, "/%66/in")).body, "below");
  });
  co_await with_files(folder, file_options().dot_files(true), [&](endpoint here) -> task<> {
    EXPECT_EQ((co_await ask(here, "/f/.hidden")).body, "hidden");
    EXPECT_EQ((co_await ask(here, "/f/../secret")).status, 404);
  });
}

EVERY_VERSION(StaticFiles, OfADirectoryAreItsIndexOrItsListWhenAsked) {
  const temporary_folder folder;
  write_old(folder, "sub/index.html", "<p>index");
  write_old(folder, "list/<b>&'.txt", "x");
  write_old(folder, "list/.hidden", "x");
  write_old(folder, "list/deep/y", "x");
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    const reply index = co_await ask(here, "/f/sub/");
    EXPECT_EQ(index.body, "<p>index");
    EXPECT_EQ(index.field("Content-Type"), "text/html; charset=utf-8");
    const reply without = co_await ask(here, "/f/sub?q=1");
    EXPECT_EQ(without.status, 301);
    EXPECT_EQ(without.field("Location"), "/f/sub/?q=1");
    EXPECT_EQ((co_await ask(here, "/f/list/")).status, 404);
  });
  co_await with_files(folder, file_options().listing(true), [&](endpoint here) -> task<> {
    const reply list = co_await ask(here, "/f/list/");
    EXPECT_EQ(list.status, 200);
    EXPECT_NE(list.body.find("<a href=\"./deep/\">deep/</a>"), std::string::npos) << list.body;
    EXPECT_NE(list.body.find("<a href=\"./%3Cb%3E%26%27.txt\">&lt;b&gt;&amp;&#39;.txt</a>"),
              std::string::npos)
        << list.body;
    EXPECT_EQ(list.body.find("hidden"), std::string::npos);
    EXPECT_EQ((co_await ask(here, "/f/sub/")).body, "<p>index");
    EXPECT_EQ((co_await ask(here, "/f/none/")).status, 404);
  });
  co_await with_files(folder, file_options().index(""), [&](endpoint here) -> task<> {
    EXPECT_EQ((co_await ask(here, "/f/sub/")).status, 404);
    EXPECT_EQ((co_await ask(here, "/f/sub/index.html")).status, 200);
  });
}

EVERY_VERSION(StaticFiles, ThatAreCompressedBesideAreSentToWhoTakesThem) {
  const temporary_folder folder;
  write_old(folder, "a.js", "plain");
  write_old(folder, "a.js.br", "in brotli");
  write_old(folder, "a.js.gz", "in gzip");
  write_old(folder, "b.js", "plain b");
  const auto options = file_options()
                           .precompressed(true)
                           .cache_control("max-age=60")
                           .type("js", "application/x-mine");
  co_await with_files(folder, options, [&](endpoint here) -> task<> {
    const auto coded = [&](const char* accepted, std::string_view body,
                           std::string_view coding) -> task<> {
      const reply got =
          co_await ask(here, "/f/a.js", std::string("Accept-Encoding: ") + accepted + "\r\n");
      EXPECT_EQ(got.body, body) << accepted;
      EXPECT_EQ(got.field("Content-Encoding"), coding) << accepted;
      EXPECT_EQ(got.field("Vary"), "Accept-Encoding");
      EXPECT_EQ(got.field("Content-Type"), "application/x-mine");
      EXPECT_EQ(got.field("Cache-Control"), "max-age=60");
    };
    co_await coded("gzip, br", "in brotli", "br");
    co_await coded("br;q=0.5, gzip", "in gzip", "gzip");
    co_await coded("br;q=0, gzip;q=0.1", "in gzip", "gzip");
    co_await coded("BR", "in brotli", "br");
    co_await coded("*", "in brotli", "br");
    co_await coded("*;q=0", "plain", "");
    co_await coded("zstd", "plain", "");
    co_await coded("identity", "plain", "");
    co_await coded("br;q=2.5, gzip;q=x", "plain", "");
    co_await coded("deflate, gzip;q=1.000", "in gzip", "gzip");
    const reply plain = co_await ask(here, "/f/a.js");
    const reply brotli = co_await ask(here, "/f/a.js", "Accept-Encoding: br\r\n");
    EXPECT_NE(plain.field("ETag"), brotli.field("ETag"));
    const reply part = co_await ask(here, "/f/a.js", "Accept-Encoding: br\r\nRange: bytes=3-8\r\n");
    EXPECT_EQ(part.body, "brotli");
    EXPECT_EQ(part.field("Content-Encoding"), "br");
    EXPECT_EQ((co_await ask(here, "/f/b.js", "Accept-Encoding: br\r\n")).body, "plain b");
    const reply same = co_await ask(
        here, "/f/a.js", "Accept-Encoding: br\r\nIf-None-Match: " + brotli.field("ETag") + "\r\n");
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.field("Vary"), "Accept-Encoding");
    EXPECT_EQ(same.field("Cache-Control"), "max-age=60");
  });
}

namespace {

// What a client gets of a file of 16 MiB to which something happens when the first bytes have come.
struct changed_while_sent {
  std::string got;
  std::string content;
  std::vector<std::string> reported;
};

template <class Change>
changed_while_sent change_while_sent(reactor_kind reactor, Change change) {
  changed_while_sent c;
  c.content = pattern(16 << 20);
  const temporary_folder folder;
  const std::string path = write_old(folder, "a", c.content);
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& error) {
      c.reported.emplace_back(error.what());
    }
  }),
         [&]() -> task<> {
           co_await with_files(folder, {}, [&](endpoint here) -> task<> {
             tcp_stream s = co_await tcp_stream::connect(here);
             co_await write_text(s, "GET /f/a HTTP/1.1\r\nHost: a\r\n\r\n");
             c.got = co_await read_text(s, 1000);
             change(path);
             const std::size_t head = c.got.find("\r\n\r\n") + 4;
             c.got.erase(0, head);
             std::vector<std::byte> buffer(1 << 16);
             while (c.got.size() < c.content.size()) {
               const auto n = co_await as_result(s.read_some(buffer));
               if (n.has_error() || n.value() == 0) break;
               c.got.append(reinterpret_cast<const char*>(buffer.data()), n.value());
             }
             if (c.got.size() < c.content.size()) co_return;
             // In time for the next request.
             co_await write_text(s, "GET /f/none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
             EXPECT_TRUE((co_await read_text(s)).starts_with("HTTP/1.1 404 "));
           });
         });
  return c;
}

void expect_whole(const changed_while_sent& c) {
  EXPECT_TRUE(c.got == c.content) << c.got.size();
  EXPECT_TRUE(c.reported.empty());
}

}  // namespace

// aiohttp#12096: more bytes than Content-Length had said.
EVERY_VERSION_RUNS(StaticFiles, ThatGrowAreCutWhereTheyEnded) {
  expect_whole(change_while_sent(reactor, [](const std::string& path) {
    std::ofstream(path, std::ios::app) << std::string(100'000, '!');
  }));
}

EVERY_VERSION_RUNS(StaticFiles, ThatAreReplacedAreSentAsTheyWere) {
  expect_whole(change_while_sent(reactor, [](const std::string& path) {
    std::ofstream(path + ".new") << "another";
    std::filesystem::rename(path + ".new", path);
  }));
}

EVERY_VERSION_RUNS(StaticFiles, ThatAreRemovedAreSentAsTheyWere) {
  expect_whole(
      change_while_sent(reactor, [](const std::string& path) { std::filesystem::remove(path); }));
}

CONFORMANCE_RUNS(StaticFiles, ThatShrinkEndTheirConnection) {
  const changed_while_sent c = change_while_sent(
      reactor, [](const std::string& path) { std::filesystem::resize_file(path, 10'000); });
  EXPECT_LT(c.got.size(), c.content.size());
  EXPECT_EQ(c.reported.size(), 1U);
  if (!c.reported.empty()) EXPECT_EQ(c.reported.front(), "a file became shorter while it was sent");
}

EVERY_VERSION(StaticFiles, ToManyAtOnce) {
  const temporary_folder folder;
  const std::string content = pattern(700'000);
  write_old(folder, "a", content);
  int right = 0;
  co_await with_files(folder, {}, [&](endpoint here) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 30; ++i)
        g.spawn([&, i]() -> task<> {
          const reply got = co_await ask(here, "/f/a", i % 3 ? "" : "Range: bytes=5-600004\r\n");
          right += got.body == (i % 3 ? content : content.substr(5, 600'000)) ? 1 : 0;
        });
      co_return;
    });
  });
  EXPECT_EQ(right, 30);
}

EVERY_VERSION(StaticFiles, OfOneResponse) {
  const temporary_folder folder;
  const std::string path = write_old(folder, "report.pdf", "pdf");
  http::server server;
  server.route("GET", "/report", [&](server_request& r) {
    return server_response::file(r, path, file_options().cache_control("no-store"));
  });
  server.route("GET", "/none",
               [&](server_request& r) { return server_response::file(r, folder / "none"); });
  server.route("GET", "/folder",
               [&](server_request& r) { return server_response::file(r, folder.path()); });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const reply got = co_await ask(here, "/report", "Range: bytes=1-\r\n");
    EXPECT_EQ(got.status, 206);
    EXPECT_EQ(got.body, "df");
    EXPECT_EQ(got.field("Content-Type"), "application/pdf");
    EXPECT_EQ(got.field("Cache-Control"), "no-store");
    EXPECT_EQ((co_await ask(here, "/none")).status, 404);
    EXPECT_EQ((co_await ask(here, "/folder")).status, 404);
  });
}

CONFORMANCE_RUNS(StaticFiles, WantAFolderThatIsThere) {
  http::server server;
  EXPECT_THROW(server.files("/f/", "/none/such"), std::system_error);
}

EVERY_VERSION_RUNS(CancelEveryWait, StaticFiles) {
  const temporary_folder folder;
  const std::string content = pattern(1 << 20);
  write_old(folder, "large", content);
  write_old(folder, "small", "small");
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        co_await with_files(folder, {}, [&](endpoint here) -> task<> {
          EXPECT_EQ((co_await ask(here, "/f/small")).body, "small");
          EXPECT_TRUE((co_await ask(here, "/f/large")).body == content);
          EXPECT_EQ((co_await ask(here, "/f/large", "Range: bytes=0-0,9-9\r\n")).status, 206);
        });
      },
      [](outcome<void>& r) { EXPECT_FALSE(r.has_error()); });
  EXPECT_GE(n.at_rest, 10U);
}

}  // namespace http_static_files
