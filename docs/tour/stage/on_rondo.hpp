// What the programs of chapters 12 to 16 call `rt`, made of Rondo. A program that includes this in
// place of the tour's own runtime is a program on Rondo.
#pragma once

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace rt {

template <class T = void>
using task = rondo::task<T>;
using stream = rondo::net::unix_stream;
using group = rondo::task_group;
using rondo::timed_out;

inline std::pair<stream, stream> open_pair() { return stream::pair(); }
inline auto read_some(stream& s, char* to, std::size_t n) {
  return s.read_some(std::as_writable_bytes(std::span(to, n)));
}
inline auto write_all(stream& s, std::string_view text) {
  return s.write_all(rondo::net::bytes_of(text));
}
inline auto sleep_ms(int ms) { return rondo::sleep_for(std::chrono::milliseconds(ms)); }
inline std::int64_t now_ms() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(rondo::this_loop().now().time_since_epoch())
      .count();
}
inline long system_calls() { return static_cast<long>(rondo::this_loop().stats().system_calls); }
inline task<> timeout(int ms, task<> t) {
  co_await rondo::timeout(std::chrono::milliseconds(ms), std::move(t));
}
template <class Body>
task<> with_group(Body body) {
  co_await rondo::with_task_group(std::move(body));
}

class permits {
 public:
  explicit permits(int n) : semaphore_(n) {}
  int free() const { return static_cast<int>(semaphore_.available()); }
  auto take() { return semaphore_.acquire(); }

 private:
  rondo::semaphore semaphore_;
};

enum class backend { epoll, ring };

inline void run(backend which, task<> t) {
  const bool epoll = which == backend::epoll;
  rondo::run(std::move(t), rondo::run_options().reactor(epoll ? rondo::reactor_kind::epoll
                                                              : rondo::reactor_kind::io_uring));
}

struct simulation {
  std::uint64_t seed = 1;
  int least_ms = 1, most_ms = 1;
  double short_reads = 0;
};

inline void run(const simulation& world, task<> t) {
  using std::chrono::milliseconds;
  rondo::simulation_options options;
  options.seed(world.seed).short_transfers(world.short_reads);
  options.latency(milliseconds(world.least_ms), milliseconds(world.most_ms));
  rondo::run(std::move(t), rondo::run_options().simulation(options));
}

}  // namespace rt
