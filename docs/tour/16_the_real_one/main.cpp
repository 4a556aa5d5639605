// The program that this all began with: several URLs at once. It fetches from a server of its own,
// or what it is given.
#include "mini_client.hpp"  // on Rondo: "../stage/on_rondo_http.hpp"

#include "../stage/server.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

// begin fetch
rt::task<> fetch(rt::http_client& client, std::string url, std::string& row) {
  try {
    const rt::page page = co_await client.get(url);
    row = std::to_string(page.status) + ", " + std::to_string(page.bytes) + " bytes";
  } catch (const std::exception& e) {
    row = std::string("failed: ") + e.what();
  }
}

rt::task<> fetch_urls(std::vector<std::string> urls) {
  const std::int64_t begun = rt::now_ms();
  std::vector<std::string> rows(urls.size());
  rt::http_client client;
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (std::size_t i = 0; i < urls.size(); ++i) g.spawn(fetch(client, urls[i], rows[i]));
    co_return;
  });
  for (const std::string& row : rows) std::printf("%s\n", row.c_str());
  std::printf("%zu pages in %d ms\n", rows.size(), static_cast<int>(rt::now_ms() - begun));
}
// end fetch

int main(int argc, char** argv) {
  std::vector<std::string> urls(argv + 1, argv + argc);
  std::unique_ptr<tour::server> server;
  if (urls.empty()) {
    server = std::make_unique<tour::server>();
    for (const char* path : {"/1000/60", "/2000/80", "/3000/100"})
      urls.push_back("http://127.0.0.1:" + std::to_string(server->port()) + path);
  }
  rt::run(rt::backend::epoll, fetch_urls(urls));
}
