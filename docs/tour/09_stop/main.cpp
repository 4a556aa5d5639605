// A request that is three awaits deep and told to stop; and one whose answer has just come.
#include "../05_a_coroutine_by_hand/trace.hpp"
#include "../stage/check.hpp"
#include "../stage/pair.hpp"
#include "letter.hpp"
#include "read_some.hpp"

using tour::task;
using tour::timed_loop;

// begin request
task<std::string> read_answer(timed_loop& l, int fd) {
  const tour::noisy buffer("the buffer");
  char bytes[16];
  const ssize_t n = co_await tour::read_some(l, fd, bytes, sizeof bytes);
  co_return std::string(bytes, static_cast<std::size_t>(n));
}

task<std::string> ask(timed_loop& l, int fd) {
  const tour::noisy socket("the socket");
  for (;;) try {
      co_return co_await read_answer(l, fd);
    } catch (...) {
      tour::log("catch (...)");
    }
}

task<> request(timed_loop& l, int fd) {
  const tour::noisy all("the request");
  tour::log("the answer is " + co_await ask(l, fd));
}
// end request

// begin letters
task<> read_letters(tour::letter& post) {
  for (;;) {
    co_await post;
    tour::log("a letter is read");
  }
}
// end letters

// begin scenario
task<> stop_both(timed_loop& l, int fd) {
  tour::letter post;
  tour::job asks(l, request(l, fd)), reads(l, read_letters(post));
  co_await tour::sleep_for(l, 1);
  asks.cancel();
  post.arrive();
  reads.cancel();
  while (!asks.ended() || !reads.ended()) co_await tour::sleep_for(l, 1);
  tour::expect(asks.stopped() && reads.stopped(), "one of them has returned");
}
// end scenario

int main() {
  timed_loop l;
  const tour::connected_pair silent;
  tour::trace trace;
  tour::current_trace = &trace;
  l.spawn(stop_both(l, silent.here.get()));
  l.run();
  for (const std::string& step : trace) std::printf("%s\n", step.c_str());
}
