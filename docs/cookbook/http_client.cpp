#include "stage.hpp"

// begin call_an_api
task<> call_an_api() {
  http::client api(http::client_options()
                       .base_url("http://shop.test/")
                       .bearer_auth("s3cret")
                       .total_timeout(5s)
                       .raise_for_status());
  http::response me = co_await api.get("me");
  std::printf("%s\n", (co_await me.text()).c_str());
  http::response made = co_await api.send(api.make("POST", "orders").body("tea"));
  std::printf("%d %s\n", made.status(), (co_await made.text()).c_str());
}
// end call_an_api

// begin what_went_wrong
task<> look(http::client client, std::string url) {
  try {
    http::response r = co_await client.get(url);
    r.raise_for_status();
    std::printf("fine\n");
  } catch (const http::status_error& e) {
    std::printf("the server said %d\n", e.status());
  } catch (const http::timeout_error&) {
    std::printf("not in time\n");
  } catch (const http::error& e) {  // no name, no connection, no HTTP, …
    std::printf("%s\n", e.what());
  }
}

task<> what_went_wrong() {
  http::client client(http::client_options().timeout(http::phase::first_byte, 2s));
  for (const char* path : {"/missing", "/slow", ":81/"})
    co_await look(client, std::string("http://shop.test") + path);
}
// end what_went_wrong

// begin into_a_file
task<> into_a_file(std::string path) {
  http::client client;
  http::response r = co_await client.get("http://shop.test/big");
  net::file out = co_await net::file::open(path, net::file_mode::truncate);
  std::uint64_t at = 0;
  for (auto piece = co_await r.next_chunk(); !piece.empty(); piece = co_await r.next_chunk()) {
    co_await out.write_at(at, piece);  // never more than a piece in memory
    at += piece.size();
  }
  std::printf("%llu bytes\n", static_cast<unsigned long long>(out.size()));
}
// end into_a_file

// begin upload_a_file
task<> upload_a_file(std::string path) {
  http::client client;
  http::response r = co_await client.send(client.make("PUT", "http://shop.test/upload").file(path));
  std::printf("%s\n", (co_await r.text()).c_str());
}
// end upload_a_file

// begin safe_to_repeat
task<> safe_to_repeat() {
  auto policies = http::standard_policies();  // retries with a budget, a breaker for each origin
  http::client client(http::client_options().policy(policies));
  http::response r = co_await client.get("http://shop.test/flaky");
  std::printf("GET: %d after %d retries\n", r.status(),
              static_cast<int>(policies->counts().retries));
  r = co_await client.post("http://shop.test/missing", "order");  // twice may be two orders
  std::printf("POST: %d, %d retries in all\n", r.status(),
              static_cast<int>(policies->counts().retries));
}
// end safe_to_repeat

// begin listen_to_events
task<> listen_to_events() {
  http::client client;
  auto prices = client.events("http://shop.test/prices");
  while (const auto e = co_await prices.next()) {  // connects again by itself
    std::printf("%s: %s\n", e->id.c_str(), e->data.c_str());
    if (e->id == "3") break;
  }
}
// end listen_to_events

// begin talk
task<> talk() {
  http::client client;
  http::websocket ws = co_await client.websocket("ws://shop.test/echo");
  co_await ws.send("hello");
  if (const auto m = co_await ws.receive()) std::printf("%s\n", m->data.c_str());
  co_await ws.close(1000, "bye");
  std::printf("closed with %d\n", ws.close_code());
}
// end talk

namespace {

task<> file_kept() {
  const auto folder = co_await net::temporary_folder::make();
  co_await into_a_file(folder.path() + "/big");
}
task<> file_sent() {
  auto file = co_await net::temporary_file::make();
  co_await file.content().write_at(0, net::bytes_of("twelve bytes"));
  co_await upload_a_file(file.path());
}

using cookbook::with_shop;
const cookbook::recipe r40("call_an_api", [] { return with_shop(call_an_api); });
const cookbook::recipe r41("what_went_wrong", [] { return with_shop(what_went_wrong); });
const cookbook::recipe r42("into_a_file", [] { return with_shop(file_kept); });
const cookbook::recipe r43("upload_a_file", [] { return with_shop(file_sent); });
const cookbook::recipe r44("safe_to_repeat", [] { return with_shop(safe_to_repeat); });
const cookbook::recipe r45("listen_to_events", [] { return with_shop(listen_to_events); });
const cookbook::recipe r46("talk", [] { return with_shop(talk); });

}  // namespace
