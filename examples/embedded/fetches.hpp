// What the programs of this folder do inside another loop: 64 fetches at a time beside that loop's
// own timer, which fires every 5 ms and must not hear of it.
//
// usage: in_… [URL [SECONDS [busy]]]
//   URL       "none": nothing is fetched, for the comparison
//   SECONDS   for how long; without, or 0: ten times over
//   busy      beside them runs a task that never rests
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

  // A tick that is due is lost when the host makes so many turns without it.
  fetches(int argc, char** argv, int turns = 1)
      : url_(argc > 1 ? argv[1] : "http://127.0.0.1:8080/"),
        time_(argc > 2 ? std::stoi(argv[2]) : 0),
        busy_(argc > 3),
        turns_(turns) {}

  // The host's timer.
  void tick() {
    waited_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (last_ != std::chrono::steady_clock::time_point())
      late_.push_back(
          std::max(now - last_ - interval, std::chrono::steady_clock::duration::zero()));
    last_ = now;
  }
  // A turn of the host's begins, when its tick is due or is not.
  void turn(bool due) {
    if (due && waited_++ == turns_) ++lost_;
    spell_began_ = {};
    spells_ = 0;
  }

  rondo::task<> run() {
    auto work = fetch_all();
    if (busy_)
      co_await rondo::race(std::move(work), never_rest());
    else
      co_await std::move(work);
    done_ = true;
  }
  bool done() const { return done_; }

  // The program's exit code, after a line about it.
  int report() {
    std::sort(late_.begin(), late_.end());
    std::printf(
        "%d fetches, %zu bytes; %zu ticks, %d lost, %d spells a turn; "
        "late by %.0f %.0f %.0f us (half, 99 %%, all)\n",
        fetched_, bytes_, late_.size() + 1, lost_, most_spells_, late_at(0.5), late_at(0.99),
        late_at(1));
    return done_ && !late_.empty() && lost_ == 0 ? 0 : 1;
  }

 private:
  rondo::task<> fetch_all() {
    const auto end = std::chrono::steady_clock::now() + time_;
    if (url_ == "none") {
      co_await rondo::sleep_until(end);
      co_return;
    }
    rondo::http::client client;
    for (int round = 0; round < 10 || std::chrono::steady_clock::now() < end; ++round) {
      std::vector<rondo::task<>> some;
      for (int i = 0; i < 64; ++i) some.push_back(fetch(client));
      co_await rondo::gather(std::move(some));
    }
  }
  rondo::task<> fetch(rondo::http::client client) {
    rondo::http::response r = co_await client.get(url_);
    r.raise_for_status();
    bytes_ += (co_await r.text()).size();
    ++fetched_;
  }
  // Counts the milliseconds in which it runs, in a turn of the host's: a visit has one, or two when
  // this thread was not run in between.
  rondo::task<> never_rest() {
    while (true) {
      const auto now = std::chrono::steady_clock::now();
      if (now - spell_began_ > std::chrono::milliseconds(1)) {
        spell_began_ = now;
        most_spells_ = std::max(most_spells_, ++spells_);
      }
      co_await rondo::yield_now();
    }
  }
  double late_at(double share) const {
    if (late_.empty()) return 0;
    const auto i = static_cast<std::size_t>(share * static_cast<double>(late_.size() - 1));
    return std::chrono::duration<double, std::micro>(late_[i]).count();
  }

  std::string url_;
  std::chrono::seconds time_;
  bool busy_;
  int turns_;
  int fetched_ = 0;
  std::size_t bytes_ = 0;
  std::chrono::steady_clock::time_point last_;
  // How much longer than the interval after the one before.
  std::vector<std::chrono::steady_clock::duration> late_;
  std::chrono::steady_clock::time_point spell_began_;
  int spells_ = 0;
  int most_spells_ = 0;
  int waited_ = 0;
  int lost_ = 0;
  bool done_ = false;
};
