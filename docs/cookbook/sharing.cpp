#include "stage.hpp"

// begin workers
task<> worker(int id, queue<int>& jobs) {
  while (const auto job = co_await jobs.next()) {  // ends when closed and drained: no sentinel
    co_await sleep_for(100ms);
    std::printf("worker %d did %d at %.1f s\n", id, *job, elapsed());
  }
}

task<> workers() {
  co_await with_task_group([](task_group& g) -> task<> {
    auto& jobs = g.make<queue<int>>(2);  // full at two: the producer waits
    for (int id = 1; id <= 2; ++id) g.spawn(worker(id, jobs));
    for (int n = 1; n <= 5; ++n) co_await jobs.put(n);
    jobs.close();
  });
}
// end workers

// begin lock_with_a_limit
task<bool> write_entry(mutex& book, int n) {
  const bool done = co_await try_for(150ms, [&]() -> task<> {
    const auto guard = co_await book.lock();
    co_await sleep_for(100ms);  // it is given back however this ends
  });
  std::printf("entry %d %s at %.2f s\n", n, done ? "written" : "given up", elapsed());
  co_return done;
}

task<> lock_with_a_limit() {
  mutex book;
  co_await gather(write_entry(book, 1), write_entry(book, 2), write_entry(book, 3));
  std::printf(book.is_locked() ? "locked\n" : "free\n");
}
// end lock_with_a_limit

// begin at_most_three
task<> query(semaphore& connections, int n) {
  const auto permit = co_await connections.acquire();
  co_await sleep_for(1s);
  std::printf("query %d done at %.0f s\n", n, elapsed());
}

task<> at_most_three() {
  semaphore connections(3);
  std::vector<task<>> queries;
  for (int n = 1; n <= 5; ++n) queries.push_back(query(connections, n));
  co_await gather(std::move(queries));
}
// end at_most_three

// begin wait_until_so
task<> wait_until_so() {
  mutex m;
  condition changed;
  int stock = 0;
  const auto buy = [&](int n) -> task<> {
    auto guard = co_await m.lock();
    while (stock < n) co_await changed.wait(guard);
    stock -= n;
    std::printf("bought %d at %.0f s\n", n, elapsed());
  };
  const auto deliver = [&]() -> task<> {
    for (int day = 1; day <= 3; ++day) {
      co_await sleep_for(1s);
      const auto guard = co_await m.lock();
      stock += 2;
      changed.notify_all();
    }
  };
  co_await gather(buy(3), buy(2), deliver());
}
// end wait_until_so

// begin tell_everyone
task<> listener(std::string name, subscription<std::string> news) {
  while (const auto item = co_await news.next())
    std::printf("%s heard: %s\n", name.c_str(), item->c_str());
  std::printf("%s missed %d\n", name.c_str(), static_cast<int>(news.dropped()));
}

task<> tell_everyone() {
  broadcast<std::string> news;
  auto quick = listener("quick", news.subscribe(8, overflow::wait));
  auto small = listener("small", news.subscribe(1, overflow::drop_oldest));
  for (const char* text : {"rain", "wind", "sun"}) co_await news.send(text);
  news.close();
  co_await gather(std::move(quick), std::move(small));
}
// end tell_everyone

// begin whichever_comes
task<> whichever_comes() {
  queue<std::string> orders(8);
  queue<int> alarms(8);
  co_await orders.put("tea");
  co_await orders.put("cake");
  co_await alarms.put(7);
  orders.close();
  alarms.close();
  while (const auto item = co_await select(alarms, orders)) {  // alarms first when both have some
    if (const int* n = std::get_if<0>(&*item))
      std::printf("alarm %d\n", *n);
    else
      std::printf("order: %s\n", std::get<1>(*item).c_str());
  }
}
// end whichever_comes

// begin stages
task<> stages() {
  const auto look_up = [](int n) -> task<std::string> {
    co_await sleep_for((4 - n) * 10ms);  // the later ones are quicker
    co_return std::to_string(n) + " squared is " + std::to_string(n * n);
  };
  co_await pipeline(std::vector{1, 2, 3})
      .ordered_stage(3, look_up)  // three at a time; stage(…) would give them as they come
      .to([](std::string text) -> task<> {
        std::printf("%s\n", text.c_str());
        co_return;
      });
  std::printf("after %.2f s\n", elapsed());
}
// end stages

// begin most_urgent
task<> most_urgent() {
  using job = std::pair<int, std::string>;  // how urgent, what
  priority_queue<job> todo(10);
  co_await todo.put({1, "tidy up"});
  co_await todo.put({9, "put the fire out"});
  co_await todo.put({5, "answer mail"});
  todo.close();
  while (const auto next = co_await todo.next()) std::printf("%s\n", next->second.c_str());
}
// end most_urgent

namespace {

const cookbook::recipe r20("workers", workers);
const cookbook::recipe r21("lock_with_a_limit", lock_with_a_limit);
const cookbook::recipe r22("at_most_three", at_most_three);
const cookbook::recipe r23("wait_until_so", wait_until_so);
const cookbook::recipe r24("tell_everyone", tell_everyone);
const cookbook::recipe r25("whichever_comes", whichever_comes);
const cookbook::recipe r26("stages", stages);
const cookbook::recipe r27("most_urgent", most_urgent);

}  // namespace
