// Works on items until SIGTERM: then it ends the batch that it has, and goes.
//
// usage: consumer SOCKET NAME [limit PER_SECOND]
//   limit   takes no items, but goes as often as all processes together may, until SIGTERM
#include "shared_limit.hpp"
#include "work_queue.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace {

using namespace std::chrono_literals;

// The work: counts the item, so that a double is seen. Some cannot be done at all.
rondo::task<> work_on(redis& r, std::string text) {
  if (std::stoi(text) % 1000 == 13) {
    co_await r.command({"INCR", "failed"});
    throw std::runtime_error("an item that nobody can work on");
  }
  co_await r.command({"HINCRBY", "done", std::move(text), "1"});
}

rondo::verdict of_item(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const redis_error&) {
    return rondo::verdict::neutral;  // the server's, for which the breaker is there
  } catch (...) {
    return rondo::verdict::failure;
  }
}

// What fails is tried once more at once, unless much fails: then all retries together would be more
// load for whatever is broken. It stays pending, and has its next try when it is claimed.
rondo::retry once_more() {
  return rondo::retry()
      .max_attempts(2)
      .backoff(rondo::backoff::constant(10ms))
      .retry_if(of_item)
      .budget(std::make_shared<rondo::retry_budget>());
}

rondo::task<> work_on_and_acknowledge(redis& r, work_queue& work, const rondo::retry& again,
                                      work_queue::item i) {
  try {
    co_await again([&] { return work_on(r, i.text); });
  } catch (const redis_error&) {
    throw;  // not the item's fault
  } catch (const std::exception&) {
    co_return;  // it stays pending, and is given out again
  }
  co_await work.done(i.id);
}

rondo::task<> consume(std::string socket, std::string name, const bool& stopping) {
  const rondo::retry again = once_more();
  co_await with_redis_that_may_fail(socket, [&](redis& r) -> rondo::task<> {
    work_queue work(r, "work", {});
    co_await work.begin();
    while (!stopping) {
      std::vector<rondo::task<>> batch;
      for (work_queue::item& i : co_await work.take(name, 100, 100ms))
        batch.push_back(work_on_and_acknowledge(r, work, again, std::move(i)));
      co_await rondo::gather(std::move(batch));
    }
  });
}

rondo::task<> go_at_the_shared_rate(std::string socket, int per_second, const bool& stopping) {
  co_await with_redis_that_may_fail(socket, [&](redis& r) -> rondo::task<> {
    shared_limit limit(r, "limit", per_second, 10);
    while (!stopping) co_await limit.admitted();
  });
}

rondo::task<> until_told(std::vector<std::string> arguments) {
  bool stopping = false;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto watch = g.spawn([&]() -> rondo::task<> {
      co_await rondo::next_signal({SIGTERM});
      stopping = true;
    });
    if (arguments.size() == 4)
      co_await go_at_the_shared_rate(arguments[0], std::stoi(arguments[3]), stopping);
    else
      co_await consume(arguments[0], arguments[1], stopping);
    watch.cancel();
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && (argc != 5 || std::string_view(argv[3]) != "limit")) {
    std::fputs("usage: consumer SOCKET NAME [limit PER_SECOND]\n", stderr);
    return 2;
  }
  return rondo::run_main(until_told({argv + 1, argv + argc}));
}
