// Event streams read by others: npm's eventsource, in node, and Chromium. The server drops the
// connection again and again, and each number must come once.
#include "http/http_support.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <charconv>
#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::event_sink;
using http::server_request;
using http::server_response;

namespace events_interop_test {
namespace {

constexpr int total = 30;

// Ends a stream after three events: well, or in the middle of the next.
struct dropping_server {
  http::server server;
  event done;
  std::string heard;  // what the page says that it heard
  std::string expected;
  int streams = 0;

  explicit dropping_server(std::string page) {
    for (int n = 1; n <= total; ++n) {
      if (n > 1) expected += ' ';
      expected += std::to_string(n) + ":line " + std::to_string(n);
    }
    server.route("GET", "/", [page](server_request&) -> task<server_response> {
      co_return server_response::text(page).header("Content-Type", "text/html; charset=utf-8");
    });
    server.route("GET", "/events", [this](server_request& r) -> task<server_response> {
      int last = 0;
      const std::string_view id = r.last_event_id();
      std::from_chars(id.data(), id.data() + id.size(), last);
      if (last == total) co_return server_response(204);
      const bool well = ++streams % 2 == 0;
      co_return server_response::events([last, well](event_sink& out) -> task<> {
        co_await out.send(http::event().retry(10ms).comment("hello"));
        for (int n = last + 1; n <= last + 3; ++n)
          co_await out.send(
              http::event().id(std::to_string(n)).data("line\r\n" + std::to_string(n)));
        if (!well) throw std::runtime_error("dropped");
      });
    });
    server.route("POST", "/done", [this](server_request& r) -> task<server_response> {
      heard = co_await r.text();
      done.set();
      co_return server_response(204);
    });
  }
};

// Dropping a stream is the handler's failure, and reported.
run_options dropping() {
  return run_options().on_unhandled([](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "dropped");
    }
  });
}

const std::string program_node = find_program("node");
const std::string program_npm = find_program("npm");
const std::string program_chromium = find_program("chromium");

}  // namespace

TEST(EventsInterop, NpmsEventsourceHearsEachNumberOnceOverDroppedConnections) {
  if (program_node.empty() || program_npm.empty())
    GTEST_SKIP() << "node or npm is not installed: nothing to talk with";
  std::string modules = run_command({program_npm, "root", "--global"}).output;
  modules.resize(std::min(modules.find('\n'), modules.size()));
  const std::vector<std::string> node{find_program("env"), "NODE_PATH=" + modules, program_node,
                                      "--eval"};
  const auto run_script = [&](const std::string& script, const std::string& argument) {
    std::vector<std::string> command = node;
    command.insert(command.end(), {script, argument});
    return run_command(command);
  };
  if (run_script("require('eventsource')", "").status != 0)
    GTEST_SKIP() << "npm's eventsource is not installed: nothing to talk with";
  constexpr const char* script = R"(
    const module_ = require('eventsource');
    const EventSource_ = module_.EventSource || module_;
    const source = new EventSource_(process.argv[1]);
    const heard = [];
    source.onmessage = e => heard.push(e.lastEventId + ':' + e.data.replace('\n', ' '));
    source.onerror = () => {
      if (source.readyState !== 2) return;
      console.log(heard.join(' '));
      process.exit(0);
    };
    setTimeout(() => { console.log('late: ' + heard.join(' ')); process.exit(1); }, 60000);
  )";
  run_as(dropping(), [&]() -> task<> {
    dropping_server s("");
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      const finished f = co_await to_thread([&] { return run_script(script, origin + "/events"); });
      EXPECT_EQ(f.output, s.expected + "\n");
      EXPECT_EQ(f.status, 0);
      EXPECT_GE(s.streams, total / 3);
    });
  });
}

TEST(EventsInterop, ChromiumHearsEachNumberOnceOverDroppedConnections) {
  if (!std::getenv("RONDO_TEST_LONG")) GTEST_SKIP() << "a browser: only with RONDO_TEST_LONG";
  if (program_chromium.empty()) GTEST_SKIP() << "chromium is not installed: nothing to talk with";
  const temporary_folder profile;
  run_as(dropping(), [&]() -> task<> {
    dropping_server s(R"(<!doctype html><script>
      const heard = [];
      const source = new EventSource('/events');
      source.onmessage = e => heard.push(e.lastEventId + ':' + e.data.replace('\n', ' '));
      source.onerror = () => {
        if (source.readyState === 2) fetch('/done', {method: 'POST', body: heard.join(' ')});
      };
    </script>)");
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      child_process browser({program_chromium, "--headless", "--no-sandbox", "--disable-gpu",
                             "--no-first-run", "--disable-dev-shm-usage",
                             "--remote-debugging-port=0", "--user-data-dir=" + profile.path(),
                             origin + "/"});
      EXPECT_TRUE(co_await try_for(120s, s.done.wait())) << "the browser said nothing";
      EXPECT_EQ(s.heard, s.expected);
      EXPECT_GE(s.streams, total / 3);  // what it had not read when one broke off comes again
    });
  });
}

}  // namespace events_interop_test
