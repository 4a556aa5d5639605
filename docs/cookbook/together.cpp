#include "stage.hpp"

// begin many_urls
task<std::string> fetch(http::client client, std::string url) {
  http::response r = co_await client.get(url);
  r.raise_for_status();
  co_return co_await r.text();
}

task<> many_urls(std::vector<std::string> urls) {
  http::client client;
  auto pages = co_await map_concurrent(
      urls, 10, [&](std::string url) { return as_result(fetch(client, std::move(url))); });
  for (const outcome<std::string>& page : pages) {
    try {
      std::printf("%s\n", page.value().c_str());
    } catch (const http::error& e) {
      std::printf("failed: %s\n", e.what());
    }
  }
}
// end many_urls

// begin two_at_once
task<int> stock(int item) {
  co_await sleep_for(300ms);
  co_return item * 10;
}
task<std::string> title(int item) {
  co_await sleep_for(200ms);
  co_return "item " + std::to_string(item);
}

task<> two_at_once() {
  const auto [left, name] = co_await gather(stock(7), title(7));
  std::printf("%s: %d left, after %.1f s\n", name.c_str(), left, elapsed());
}
// end two_at_once

// begin all_results
task<int> half(int n) {
  co_await sleep_for(10ms);
  if (n % 2 != 0) throw std::invalid_argument(std::to_string(n) + " is odd");
  co_return n / 2;
}

task<> all_results() {
  std::vector<task<int>> work;
  for (int n : {2, 3, 4}) work.push_back(half(n));
  const auto results = co_await gather(return_exceptions, std::move(work));
  for (const outcome<int>& r : results) {
    try {
      std::printf("half of it is %d\n", r.value());
    } catch (const std::invalid_argument& e) {
      std::printf("error: %s\n", e.what());
    }
  }
}
// end all_results

// begin first_wins
task<std::string> ask(std::string mirror, std::chrono::milliseconds takes, bool works) {
  co_await sleep_for(takes);
  if (!works) throw std::runtime_error(mirror + " is down");
  co_return mirror;
}

task<> first_wins() {
  std::vector<task<std::string>> mirrors;
  mirrors.push_back(ask("near", 20ms, false));
  mirrors.push_back(ask("far", 200ms, true));
  mirrors.push_back(ask("farther", 900ms, true));
  const std::string winner = co_await any(std::move(mirrors));  // race(…): the first end counts
  std::printf("%s answered after %.1f s\n", winner.c_str(), elapsed());
}
// end first_wins

// begin as_they_end
task<int> run_job(int n) {
  co_await sleep_for(n * 100ms);
  co_return n;
}

task<> as_they_end() {
  std::vector<task<int>> jobs;
  for (int n : {3, 1, 2}) jobs.push_back(run_job(n));
  co_await as_completed(std::move(jobs), [](outcome<int> done) -> task<bool> {
    std::printf("job %d after %.1f s\n", done.value(), elapsed());
    co_return done.value() != 2;  // false: enough; the others are cancelled
  });
}
// end as_they_end

// begin as_a_stream
generator<int> countdown(int from) {
  for (int n = from; n > 0; --n) {
    co_yield n;
    co_await sleep_for(1s);
  }
}

task<> as_a_stream() {
  auto numbers = countdown(3);
  while (const auto n = co_await numbers.next()) std::printf("%d\n", *n);
  std::printf("lift-off after %.0f s\n", elapsed());
}
// end as_a_stream

namespace {

const cookbook::recipe r1("many_urls", [] {
  return cookbook::with_shop([] {
    return many_urls(
        {"http://shop.test/items/2", "http://shop.test/missing", "http://shop.test/items/1"});
  });
});
const cookbook::recipe r2("two_at_once", two_at_once);
const cookbook::recipe r3("all_results", all_results);
const cookbook::recipe r4("first_wins", first_wins);
const cookbook::recipe r5("as_they_end", as_they_end);
const cookbook::recipe r6("as_a_stream", as_a_stream);

}  // namespace
