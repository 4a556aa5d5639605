// What the programs of this folder do inside another loop: 64 fetches at a time, ten times over,
// beside that loop's own timer, which fires every 5 ms and must not hear of it.
#pragma once

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

class fetches {
 public:
  static constexpr std::chrono::milliseconds interval{5};

  explicit fetches(std::string url) : url_(std::move(url)) {}

  // The host's timer.
  void tick() {
    const auto now = std::chrono::steady_clock::now();
    if (ticks_++ > 0) longest_ = std::max(longest_, now - last_);
    last_ = now;
  }

  rondo::task<> run() {
    rondo::http::client client;
    for (int round = 0; round < 10; ++round) {
      std::vector<rondo::task<>> some;
      for (int i = 0; i < 64; ++i) some.push_back(fetch(client));
      co_await rondo::gather(std::move(some));
    }
    done_ = true;
  }
  bool done() const { return done_; }

  // The program's exit code, after a line about it.
  int report() const {
    const std::chrono::duration<double, std::milli> longest = longest_;
    std::printf("%d fetches, %zu bytes; %d ticks, the longest after %.1f ms\n", fetched_, bytes_,
                ticks_, longest.count());
    return fetched_ == 640 && ticks_ > 0 ? 0 : 1;
  }

 private:
  rondo::task<> fetch(rondo::http::client client) {
    rondo::http::response r = co_await client.get(url_);
    r.raise_for_status();
    bytes_ += (co_await r.text()).size();
    ++fetched_;
  }

  std::string url_;
  int fetched_ = 0;
  std::size_t bytes_ = 0;
  int ticks_ = 0;
  std::chrono::steady_clock::time_point last_;
  std::chrono::steady_clock::duration longest_{};
  bool done_ = false;
};
