// What the program of chapter 16 calls `rt`, made of Rondo.
#pragma once

#include "on_rondo.hpp"

#include <rondo/http.hpp>

#include <string>

namespace rt {

struct page {
  int status = 0;
  std::size_t bytes = 0;
};

class http_client {
 public:
  task<page> get(std::string url) {
    rondo::http::response r = co_await client_.get(url);
    const std::string text = co_await r.text();
    co_return page{r.status(), text.size()};
  }

 private:
  rondo::http::client client_;
};

}  // namespace rt
