// Exercise 16.2: find the hang by the tree of tasks. One has the lock of account 1 and waits for
// that of 2, the other has that of 2 and waits for that of 1. If everybody takes the lower one
// first, no two can wait for each other. And an account is not locked twice.
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
  if (&from == &to) co_return;
  account& lower = from.number < to.number ? from : to;
  account& upper = from.number < to.number ? to : from;
  const auto first = co_await lower.lock.lock();
  co_await rondo::sleep_for(std::chrono::milliseconds(1));  // asks somebody whether that is allowed
  const auto second = co_await upper.lock.lock();
  from.money -= amount;
  to.money += amount;
}

}  // namespace tour
