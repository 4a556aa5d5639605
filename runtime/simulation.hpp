// The simulation: a reactor that owns time and the network. Its options.
//
//   simulation_options world;
//   world.seed(7).latency(1ms, 20ms).short_transfers(0.2).resets(0.001);
//   run(my_scenario(), run_options().simulation(world));
//
// Sockets are served between the tasks of one process. Virtual time stands still while a task can
// run and jumps to the next event when none can, so a scenario of an hour takes milliseconds. One
// generator draws everything: the same seed gives the same run and the same trace. Threads and the
// resolver run inline. When nothing can ever happen again and tasks still wait, run() throws
// instead of hanging. What single hosts do, and what changes meanwhile: simulated_world.hpp.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rondo {

struct simulation_options {
  // Everything that is drawn is drawn from it. 1.
  simulation_options& seed(std::uint64_t n) {
    seed_ = n;
    return *this;
  }
  // What the wall clock says when the run begins: by it certificates are valid, cookies expire, and
  // dates of HTTP are written and read. 2026-01-01 01:00 UTC, so that every run is the same;
  // std::chrono::system_clock::now() for certificates that were made today.
  simulation_options& start(std::chrono::system_clock::time_point t) {
    start_ = t;
    return *this;
  }
  // One way, drawn for each segment between the two; what was sent in order arrives in order.
  // 50 µs.
  template <class A, class B>
  simulation_options& latency(A least, B most) {
    least_latency_ = std::max(detail::saturate(least), detail::nanoseconds::zero());
    most_latency_ = std::max(detail::saturate(most), least_latency_);
    return *this;
  }
  // Chance that a send or recv moves only part of what it could. 0.
  simulation_options& short_transfers(double chance) {
    short_transfers_ = chance;
    return *this;
  }
  // Chance that a send finds its connection reset. 0.
  simulation_options& resets(double chance) {
    resets_ = chance;
    return *this;
  }
  // Chance that a connect is refused. 0.
  simulation_options& refusals(double chance) {
    refusals_ = chance;
    return *this;
  }
  // Chances that a datagram of UDP never comes, comes twice, or is overtaken by later ones (it
  // takes up to 50 ms longer). Unix datagrams are safe. 0.
  simulation_options& datagram_loss(double chance) {
    datagram_loss_ = chance;
    return *this;
  }
  simulation_options& datagram_duplication(double chance) {
    datagram_duplication_ = chance;
    return *this;
  }
  simulation_options& datagram_reordering(double chance) {
    datagram_reordering_ = chance;
    return *this;
  }
  // Between two hosts, each a name given to host() or a numeric address, nothing passes from
  // `begin` after the start of the run for `length`: datagrams are lost, streams hold what they
  // carry and go on afterwards, a connect waits or fails with ETIMEDOUT after 127 s. A socket that
  // was not bound is on 127.0.0.1 (::1). run() throws std::invalid_argument for a host that is not
  // known.
  template <class A, class B>
  simulation_options& partition(std::string one, std::string other, A begin, B length) {
    const detail::nanoseconds from = detail::saturate(begin);
    partitions_.push_back({std::move(one), std::move(other), from, detail::saturate(length)});
    return *this;
  }
  // Bytes one direction of a connection holds before its writer must wait. 64 KiB.
  simulation_options& window(std::uint32_t bytes) {
    window_ = std::max(bytes, 1U);
    return *this;
  }
  // A name for the resolver, and its numeric address. "localhost" is 127.0.0.1 unless set.
  simulation_options& host(std::string name, std::string address);
  // Appends one line an event to `out`, which must outlive the run.
  simulation_options& trace(std::string& out) {
    trace_ = &out;
    return *this;
  }

  std::uint64_t seed_ = 1;
  std::chrono::sys_time<detail::nanoseconds> start_{std::chrono::seconds(1'767'229'200)};
  detail::nanoseconds least_latency_{50'000};
  detail::nanoseconds most_latency_{50'000};
  double short_transfers_ = 0;
  double resets_ = 0;
  double refusals_ = 0;
  double datagram_loss_ = 0;
  double datagram_duplication_ = 0;
  double datagram_reordering_ = 0;
  std::uint32_t window_ = 64 * 1024;
  std::map<std::string, std::string> hosts_;
  struct cut {
    std::string one;
    std::string other;
    detail::nanoseconds begin;
    detail::nanoseconds length;
  };
  std::vector<cut> partitions_;
  std::string* trace_ = nullptr;
};

}  // namespace rondo
