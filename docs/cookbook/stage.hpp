// What the recipes stand on: who runs them, and whom they talk to. No recipe shows it.
#pragma once

#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>
#include <rondo/testing.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cookbook {

// A recipe is a task that prints what its page shows. In the simulation its output is the same in
// every run; what needs threads, signals or processes runs on the system's reactor.
enum class place : std::uint8_t { simulation, system };

struct recipe {
  recipe(const char* name_, rondo::task<> (*make_)(), place where_ = place::simulation);
  // One that makes its runs itself.
  recipe(const char* name_, void (*plain_)());
  const char* name;
  rondo::task<> (*make)() = nullptr;
  void (*plain)() = nullptr;
  place where = place::system;
};
const std::vector<const recipe*>& all();

// Thrown by a recipe that needs what is not there.
struct skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Seconds since the recipe began.
double elapsed();

// A site that the recipes ask: http://shop.test. It answers
//   /items/{n}    "item n" after n × 100 ms
//   /missing      404
//   /slow         after a minute
//   /flaky        503 twice, then "at last"
//   /orders       POST: "order of …"
//   /upload       PUT: how many bytes
//   /big          100,000 bytes, in pieces
//   /me           with Bearer "s3cret"
//   /prices       three server-sent events
//   /echo         a WebSocket
rondo::task<> with_shop(rondo::task<> (*body)());

// Runs body(client) beside a server that only it knows.
template <class Body>
rondo::task<> with_server(rondo::http::server& s, Body body) {
  return rondo::http::with_test_client(s, std::move(body));
}

}  // namespace cookbook

// The recipes say what they would after these lines.
using namespace rondo;
using namespace std::chrono_literals;
using cookbook::elapsed;
