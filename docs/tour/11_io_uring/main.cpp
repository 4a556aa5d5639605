// Eight conversations of four questions, first by epoll and then by io_uring; and a read that is
// cancelled.
#include "../06_task/task.hpp"
#include "../stage/calls.hpp"
#include "../stage/check.hpp"
#include "../stage/pair.hpp"
#include "ring.hpp"

using tour::connected_pair;
using tour::kind;
using tour::task;

// begin io
// Awaited, it begins the operation; `Loop` is the loop of chapter 4, or a ring.
template <class Loop>
struct io : tour::operation {
  io(Loop& l, const tour::operation& op) : operation(op), loop(l) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    waits = who;
    completed = [](operation& op) { static_cast<io&>(op).waits.resume(); };
    loop.start(*this);
  }
  ssize_t await_resume() const { return result; }

  Loop& loop;
  std::coroutine_handle<> waits;
};
// end io

constexpr int conversations = 8, questions = 4;

// begin talk
template <class Loop>
task<> ask(Loop& l, int fd, int& answers) {
  char text[16];
  for (int i = 0; i < questions; ++i) {
    co_await io(l, {.what = kind::send, .fd = fd, .data = "why?", .size = 4});
    if (co_await io(l, {.fd = fd, .buffer = text, .size = sizeof text}) == 8) ++answers;
  }
}

template <class Loop>
task<> answer(Loop& l, int fd) {
  char text[16];
  for (int i = 0; i < questions; ++i) {
    if (co_await io(l, {.fd = fd, .buffer = text, .size = sizeof text}) != 4) co_return;
    co_await io(l, {.what = kind::send, .fd = fd, .data = "because.", .size = 8});
  }
}

template <class Loop>
int talk(Loop& l, int flags) {
  std::vector<connected_pair> pairs;
  std::vector<task<>> all;
  int answers = 0;
  for (int i = 0; i < conversations; ++i) pairs.emplace_back(flags);
  for (const connected_pair& p : pairs) {
    all.push_back(answer(l, p.there.get()));
    all.push_back(ask(l, p.here.get(), answers));
  }
  for (const task<>& t : all) t.start();
  l.run();
  return answers;
}
// end talk

// begin cancel
long cancelled_read(tour::ring& r, const connected_pair& silent) {
  char text[16];
  tour::operation op{.fd = silent.here.get(), .buffer = text, .size = sizeof text};
  op.completed = [](tour::operation&) {};
  r.start(op);
  r.cancel(op);
  r.run();  // before this has returned, `op` and `text` must not go
  return op.result;
}
// end cancel

int main() {
  tour::operation_loop epoll;
  int answers = talk(epoll, SOCK_NONBLOCK);
  const long calls = tour::calls;
  std::printf("epoll: %d answers by %ld system calls\n", answers, calls);

  tour::ring ring;
  answers = talk(ring, 0);
  const long enters = ring.enters();
  std::printf("io_uring: %d answers by %ld system calls\n", answers, enters);
  tour::expect(tour::calls == calls, "with io_uring, somebody called recv or send");
  tour::expect(enters * 4 < calls, "io_uring made %ld calls, and epoll %ld", enters, calls);

  const long result = cancelled_read(ring, connected_pair(0));
  std::printf("a read of nothing, cancelled: %s\n", result == -ECANCELED ? "ECANCELED" : "?");
}
