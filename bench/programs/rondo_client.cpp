// Prints what stands at a URL, http or https.
#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <cstdio>
#include <string>

rondo::task<> show(std::string url) {
  rondo::http::client client;
  rondo::http::response r = co_await client.get(url);
  const std::string text = co_await r.text();
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int main(int argc, char** argv) { return argc == 2 ? rondo::run_main(show(argv[1])) : 2; }
