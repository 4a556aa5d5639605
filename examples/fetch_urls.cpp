// Fetches several URLs at once: two that take a second or two, and one that answers at once.
// Together they take as long as the slowest. Given URLs as arguments, it fetches those instead.
#include <rondo/http.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;
namespace http = rondo::http;

// The server that the example fetches from, in the same loop.
rondo::task<> serve(rondo::net::tcp_listener listener) {
  http::server s;
  s.route("GET", "/json", [](http::server_request&) -> rondo::task<http::server_response> {
    co_return http::server_response::json(R"({"title": "Sample"})");
  });
  s.route("GET", "/delay/{seconds}",
          [](http::server_request& r) -> rondo::task<http::server_response> {
            co_await rondo::sleep_for(std::stoi(std::string(r.param("seconds"))) * 1s);
            co_return http::server_response::text("done\n");
          });
  co_await s.serve(std::move(listener));
}

struct page {
  int status;
  std::size_t bytes;
};

rondo::task<page> fetch(http::client client, std::string url) {
  http::response r = co_await client.get(url);
  const std::string text = co_await r.text();
  co_return page{r.status(), text.size()};
}

rondo::task<> process_urls(std::vector<std::string> urls) {
  const auto begun = rondo::this_loop().now();
  http::client client(http::client_options().total_timeout(10s));
  std::vector<rondo::task<page>> work;
  for (const std::string& url : urls) work.push_back(fetch(client, url));

  const auto pages = co_await rondo::gather(rondo::return_exceptions, std::move(work));

  for (std::size_t i = 0; i < urls.size(); ++i) {
    try {
      const page& p = pages[i].value();
      std::printf("%d  %6zu bytes  %s\n", p.status, p.bytes, urls[i].c_str());
    } catch (const std::exception& e) {
      std::printf("failed: %s\n", e.what());
    }
  }
  const std::chrono::duration<double> took = rondo::this_loop().now() - begun;
  std::printf("Processed %zu URLs in %.2f seconds\n", urls.size(), took.count());
}

rondo::task<> demo(std::vector<std::string> urls) {
  if (!urls.empty()) co_return co_await process_urls(urls);
  co_await rondo::with_task_group([](rondo::task_group& group) -> rondo::task<> {
    auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:0"));
    const std::string base = "http://" + listener.local_endpoint().to_string();
    group.spawn(serve(std::move(listener)));
    co_await process_urls({base + "/delay/1", base + "/delay/2", base + "/json"});
    group.cancel();  // the server has nothing more to do
  });
}

int main(int argc, char** argv) { return rondo::run_main(demo({argv + 1, argv + argc})); }
