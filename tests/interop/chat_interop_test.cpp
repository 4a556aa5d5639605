// examples/chat_server, used by two: a browser with the page that it serves, and a client of ours.
// The browser is Chromium, told what to do over its DevTools protocol, which is a WebSocket.
#include "http/http_support.hpp"
#include "interop/websocket_peers.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;
using nlohmann::json;

namespace chat_interop_test {
namespace {

// A page of the browser's. https://chromedevtools.github.io/devtools-protocol/
class devtools_page {
 public:
  explicit devtools_page(websocket ws) : ws_(std::move(ws)) {}

  // What it answers to a command.
  task<json> command(std::string method, json parameters = json::object()) {
    const int id = ++last_;
    co_await ws_.send(
        json{{"id", id}, {"method", std::move(method)}, {"params", std::move(parameters)}}.dump());
    co_return co_await heard([id](const json& m) { return m.value("id", 0) == id; });
  }
  task<> open(std::string url) {
    co_await command("Page.enable");
    co_await command("Page.bringToFront");
    co_await command("Page.navigate", {{"url", url}});
    co_await heard([](const json& m) { return m.value("method", "") == "Page.loadEventFired"; });
  }
  // The value of a script, once its promise is kept.
  task<json> evaluate(std::string script) {
    const json answer = co_await command(
        "Runtime.evaluate",
        {{"expression", std::move(script)}, {"awaitPromise", true}, {"returnByValue", true}});
    EXPECT_FALSE(answer["result"].contains("exceptionDetails")) << answer.dump();
    co_return answer["result"]["result"].value("value", json());
  }
  // Until the page shows a text.
  task<> shows(std::string text) {
    co_await evaluate(
        "new Promise(done => {"
        "  const look = () => {"
        "    if (document.body.innerText.includes(" +
        json(text).dump() +
        ")) done(1);"
        "  };"
        "  new MutationObserver(look).observe(document.body, {subtree: true,"
        "      childList: true, characterData: true, attributes: true});"
        "  look();"
        "})");
  }
  // As with a keyboard, where the cursor stands.
  task<> type(std::string text) { co_await command("Input.insertText", {{"text", text}}); }
  task<> press_enter() {
    for (const char* kind : {"keyDown", "keyUp"})
      co_await command("Input.dispatchKeyEvent",
                       {{"type", kind},
                        {"key", "Enter"},
                        {"text", kind == std::string("keyDown") ? "\r" : ""},
                        {"windowsVirtualKeyCode", 13}});
  }

 private:
  template <class Wanted>
  task<json> heard(Wanted wanted) {
    while (const auto m = co_await ws_.receive()) {
      json said = json::parse(m->data);
      if (wanted(said)) co_return said;
    }
    throw std::runtime_error("the browser has closed");
  }

  websocket ws_;
  int last_ = 0;
};

// The first line of a child's output that has `mark`, from there on; empty: there is none.
std::string line_with(const child_process& child, const std::string& mark) {
  for (;;) {
    std::string line = child.read(true);
    if (line.empty()) return line;
    const std::size_t at = line.find(mark);
    if (at == std::string::npos) continue;
    while (!line.empty() && (line.back() == '\n' || line.back() == '/')) line.pop_back();
    return line.substr(at);
  }
}

task<devtools_page> page_of(const child_process& browser) {
  const std::string at = co_await to_thread([&] { return line_with(browser, "ws://"); });
  http::client c;
  const std::string origin = "http" + at.substr(2, at.find('/', 5) - 2);
  http::response r = co_await c.send(c.make("PUT", origin + "/json/new?about:blank"));
  const json page = json::parse(co_await r.text());
  co_return devtools_page(
      co_await c.websocket(page["webSocketDebuggerUrl"].get<std::string>(),
                           websocket_options().max_message(std::size_t{16} << 20)));
}

task<std::string> next_line(websocket& ws) {
  const auto m = co_await ws.receive();
  co_return m ? m->data : "closed";
}

task<> chat_in_a_browser(std::string program, std::string chromium) {
  std::optional<child_process> server(std::in_place,
                                      std::vector<std::string>{program, "127.0.0.1:0"});
  const std::string origin = co_await to_thread([&] { return line_with(*server, "http://"); });
  EXPECT_FALSE(origin.empty());
  const temporary_folder profile;
  const child_process browser(headless_browser(chromium, profile, "about:blank"));
  devtools_page page = co_await page_of(browser);
  co_await page.open(origin + "/");

  // Another is there before.
  http::client c;
  websocket other = co_await c.websocket("ws" + origin.substr(4) + "/rooms/lobby?nick=Bob");
  EXPECT_EQ(co_await next_line(other), "Bob has come");
  co_await page.evaluate(  // the cursor comes to stand in the first field
      "new Promise(done => document.activeElement.id === 'nick' ? done(1)"
      "                   : addEventListener('focusin', () => done(1)))");
  co_await page.type("Anna <b>");
  co_await page.press_enter();
  EXPECT_EQ(co_await next_line(other), "Anna <b> has come");
  co_await page.shows("as Anna <b>");

  co_await page.type("hello, Bob");
  co_await page.press_enter();
  EXPECT_EQ(co_await next_line(other), "Anna <b>: hello, Bob");
  co_await other.send("hello, <i>Anna</i>: well?");
  co_await page.shows("hello, <i>Anna</i>: well?");  // as text
  EXPECT_EQ(co_await page.evaluate("[...document.querySelectorAll('#log li')]"
                                   ".map(l => `${l.className}|${l.innerText}`).join('/')"),
            "notice|Anna <b> has come/mine|Anna <b>\nhello, Bob/|Bob\nhello, <i>Anna</i>: well?");
  for (const int width : {320, 1280}) {  // nothing stands out of it
    co_await page.command(
        "Emulation.setDeviceMetricsOverride",
        {{"width", width}, {"height", 600}, {"deviceScaleFactor", 1}, {"mobile", false}});
    EXPECT_EQ(co_await page.evaluate("document.documentElement.scrollWidth"), width);
    EXPECT_EQ(co_await page.evaluate("document.documentElement.scrollHeight"), 600);
  }

  co_await other.close();
  co_await page.shows("Bob has left");
  co_await to_thread([&] { server.reset(); });
  co_await page.shows("The chat has stopped.");
}

}  // namespace

TEST(Chat, IsUsedByABrowserAndAClient) {
  const char* program = std::getenv("RONDO_CHAT_SERVER");
  if (!program || ::access(program, X_OK) != 0) GTEST_SKIP() << "chat_server is not built here";
  const std::string chromium = find_program("chromium");
  if (chromium.empty()) GTEST_SKIP() << "chromium is not installed: nobody to open the page";
  run_on(reactor_kind::automatic, [&]() -> task<> {
    EXPECT_TRUE(co_await try_for(120s, chat_in_a_browser(program, chromium)));
  });
}

}  // namespace chat_interop_test
