// Exercise 16.2: find the hang by the tree of tasks.
//
// Money goes from one account to another, and both are locked meanwhile. Now and then everything
// stands still. The check prints the tree of tasks when it does: each task, what it waits for, and
// where. (In a program that hangs, `kill -USR1` prints it.)
#pragma once

#include <rondo/runtime.hpp>

#include <chrono>

namespace tour {

struct account {
  int number;
  int money = 100;
  rondo::mutex lock{};
};

inline rondo::task<> move_money(account& from, account& to, int amount) {
  const auto first = co_await from.lock.lock();
  co_await rondo::sleep_for(std::chrono::milliseconds(1));  // asks somebody whether that is allowed
  const auto second = co_await to.lock.lock();
  from.money -= amount;
  to.money += amount;
}

}  // namespace tour
