#include "stage.hpp"

// begin a_group
task<> greet(std::string whom, std::chrono::milliseconds after) {
  co_await sleep_for(after);
  std::printf("hello %s\n", whom.c_str());
}

task<> a_group() {
  co_await with_task_group([](task_group& g) -> task<> {
    g.spawn(greet("world", 20ms));
    g.spawn(greet("moon", 10ms));
    co_return;
  });
  std::printf("everybody was greeted\n");  // not before: the group waits for its children
}
// end a_group

// begin one_fails
task<> falls_over() {
  co_await sleep_for(100ms);
  throw std::runtime_error("the disk is full");
}
task<> goes_on() {
  struct said {
    ~said() { std::printf("taken apart at %.1f s\n", elapsed()); }
  } guard;
  co_await sleep_for(1h);
}

task<> one_fails() {
  try {
    co_await with_task_group([](task_group& g) -> task<> {
      g.spawn(goes_on());
      g.spawn(falls_over());
      co_return;
    });
  } catch (const std::exception& e) {
    std::printf("failed: %s\n", e.what());
  }
}
// end one_fails

// begin until_it_is_ready
task<> serve_echo(started<net::endpoint> ready) {
  auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  ready(listener.local_endpoint());  // from here on it is a child like any other
  co_await net::serve(std::move(listener), [](net::tcp_stream s) -> task<> {
    for (auto got = co_await s.receive(); !got.empty(); got = co_await s.receive())
      co_await s.write_all(got.bytes());
  });
}

task<> until_it_is_ready() {
  co_await with_task_group([](task_group& g) -> task<> {
    const net::endpoint at = co_await g.start(serve_echo);  // throws what serve_echo throws
    auto s = co_await net::tcp_stream::connect(at);
    co_await s.write_all(net::bytes_of("ping"));
    std::printf("%zu bytes came back\n", (co_await s.receive()).size());
    g.cancel();  // the server would go on for ever
  });
}
// end until_it_is_ready

// begin stop_one
task<> stop_one() {
  cancel_scope download;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      const outcome<void> end = co_await download.run(sleep_for(1h));
      std::printf(end.is_cancelled() ? "stopped at %.0f s\n" : "done at %.0f s\n", elapsed());
    });
    co_await sleep_for(3s);
    download.cancel();  // nothing else in the group is touched
    co_return;
  });
}
// end stop_one

// begin clean_up
task<> say_goodbye() {
  co_await sleep_for(50ms);  // a cleanup may wait; a destructor may not
  std::printf("said goodbye at %.2f s\n", elapsed());
}

task<> clean_up() {
  const bool done = co_await try_for(
      1s, []() -> task<> { co_await finally(sleep_for(1h), [] { return say_goodbye(); }); });
  std::printf(done ? "done\n" : "cancelled\n");
}
// end clean_up

// begin not_half_way
task<> commit(std::vector<std::string>& log) {
  log.push_back("begin");
  co_await sleep_for(100ms);
  log.push_back("end");
}

task<> not_half_way() {
  std::vector<std::string> log;
  co_await try_for(50ms, [&]() -> task<> {
    co_await shield(commit(log));  // it ends, and then the cancellation is heeded
    log.push_back("never reached");
  });
  for (const std::string& line : log) std::printf("%s\n", line.c_str());
}
// end not_half_way

// begin keep_it_running
task<> reads_a_sensor(int& life) {
  co_await sleep_for(1s);
  if (++life < 3) throw std::runtime_error("the cable is loose");
  std::printf("read something at %.0f s\n", elapsed());
}

task<> keep_it_running() {
  int life = 0;
  backoff pause = backoff::exponential(1s).no_jitter();
  for (;;) {
    const outcome<void> end = co_await as_result(reads_a_sensor(life));
    if (end.has_value()) break;
    const auto d = pause.next();
    std::printf("failed; again in %.0f s\n", std::chrono::duration<double>(d).count());
    co_await sleep_for(d);
  }
}
// end keep_it_running

// begin who_am_i
const task_local<std::string> request_id;

void log(const char* what) {  // knows the request without being told
  const std::string* id = request_id.get();
  std::printf("[%s] %s\n", id ? id->c_str() : "-", what);
}
task<> handle() {
  log("begins");
  co_await sleep_for(10ms);
  log("ends");
}

task<> who_am_i() {
  co_await gather(request_id.with("a1", handle()), request_id.with("b2", handle()));
  log("all done");
}
// end who_am_i

namespace {

const cookbook::recipe r12("a_group", a_group);
const cookbook::recipe r13("one_fails", one_fails);
const cookbook::recipe r14("until_it_is_ready", until_it_is_ready);
const cookbook::recipe r15("stop_one", stop_one);
const cookbook::recipe r16("clean_up", clean_up);
const cookbook::recipe r17("not_half_way", not_half_way);
const cookbook::recipe r18("keep_it_running", keep_it_running);
const cookbook::recipe r19("who_am_i", who_am_i);

}  // namespace
