// The third back end: a world in this program, with a clock of its own. Nothing in it is left to
// the machine, so that the same seed gives the same run.
//
//   rt::run(rt::simulation{.seed = 17, .most_ms = 20, .short_reads = 0.1}, my_scenario());
#pragma once

#include "../stage/check.hpp"
#include "../stage/on_tour.hpp"
#include "chance.hpp"

#include <map>
#include <string>

namespace tour {

struct simulation {
  std::uint64_t seed = 1;
  int least_ms = 1, most_ms = 1;  // how long bytes are on their way
  double short_reads = 0;         // how often a read gets only a part of what is there
};

class simulated_reactor final : public reactor {
 public:
  explicit simulated_reactor(const simulation& s) : world_(s), chance_(s.seed) {}

  // begin start
  void start(operation& op) override {
    if (op.what == kind::recv) {
      ends_[op.fd].reads = &op;
      return look_at(op.fd);
    }
    deliver(op.fd, std::string(op.data, op.size));
    complete(op, static_cast<ssize_t>(op.size));
  }
  void cancel(operation& op) override {
    operation*& reads = ends_[op.fd].reads;
    if (reads != &op) return;
    reads = nullptr;
    complete(op, -ECANCELED);
  }
  // end start

  // begin wait
  void wait(std::int64_t until) override {
    if (completed_.empty()) {
      const std::int64_t next = coming_.empty() ? INT64_MAX : coming_.begin()->first.first;
      expect(std::min(next, until) < INT64_MAX, "nothing can happen any more, and somebody waits");
      now_ = std::max(now_, std::min(next, until));  // time passes
    }
    while (!coming_.empty() && coming_.begin()->first.first <= now_) {
      const auto [to, bytes] = coming_.extract(coming_.begin()).mapped();
      if (!ends_.contains(to)) continue;  // it is closed
      bytes.empty() ? void(ends_[to].at_the_end = true) : void(ends_[to].inbox += bytes);
      look_at(to);
    }
    for (operation* op : std::exchange(completed_, {})) op->completed(*op);
  }
  std::int64_t now() const override { return now_; }
  // end wait

  void open_pair(int (&ends)[2]) override {
    for (const int i : {0, 1}) ends_[ends[i] = next_ + i].peer = next_ + 1 - i;
    next_ += 2;  // each number is given once
  }
  void close(int fd) override {
    deliver(fd, "");  // no bytes: the end
    ends_.erase(fd);
  }
  long calls() const override { return 0; }

 private:
  struct end {
    int peer = -1;
    std::string inbox;
    bool at_the_end = false;
    std::int64_t last_arrival = 0;  // at the peer
    operation* reads = nullptr;
  };

  // begin deliver
  // What was sent in order arrives in order, though each is under way for another time.
  void deliver(int from, std::string bytes) {
    end& e = ends_[from];
    const std::int64_t takes = chance_.between(world_.least_ms * ms, world_.most_ms * ms);
    e.last_arrival = std::max(e.last_arrival, now_ + takes);
    coming_[{e.last_arrival, ++sent_}] = {e.peer, std::move(bytes)};
  }

  void look_at(int fd) {
    end& e = ends_[fd];
    if (e.reads == nullptr || (e.inbox.empty() && !e.at_the_end)) return;
    std::size_t n = std::min(e.inbox.size(), e.reads->size);
    if (n > 1 && chance_.happens(world_.short_reads))
      n = static_cast<std::size_t>(chance_.between(1, static_cast<std::int64_t>(n) - 1));
    e.inbox.copy(e.reads->buffer, n);
    e.inbox.erase(0, n);
    complete(*std::exchange(e.reads, nullptr), static_cast<ssize_t>(n));
  }
  // end deliver
  void complete(operation& op, ssize_t result) {
    op.result = result;
    completed_.push_back(&op);
  }

  static constexpr std::int64_t ms = 1'000'000;
  simulation world_;
  chance chance_;
  std::int64_t now_ = 0;
  int next_ = 0, sent_ = 0;  // the latter, so that equal times have an order
  std::map<int, end> ends_;
  std::map<std::pair<std::int64_t, int>, std::pair<int, std::string>> coming_;
  std::vector<operation*> completed_;
};

inline void run(const simulation& world, task<> t) {
  simulated_reactor reactor(world);
  run_on(reactor, std::move(t));
}

}  // namespace tour
