// One function twice: taken apart by hand, and by the compiler.
#include "../stage/check.hpp"
#include "coroutine.hpp"
#include "trace.hpp"

#include <cstring>

using tour::kind;
using tour::log;
using tour::operation_loop;

// begin compiler
// Asks a question, and reads the answer to its end.
tour::coroutine ask(operation_loop& loop, int fd, std::string question, std::string& answer) {
  log("begins");
  const tour::operation send{
      .what = kind::send, .fd = fd, .data = question.data(), .size = question.size()};
  co_await tour::completion(loop, send);
  log("has asked");
  for (;;) {
    char buffer[8];
    const tour::operation recv{.fd = fd, .buffer = buffer, .size = sizeof buffer};
    const ssize_t n = co_await tour::completion(loop, recv);
    log("reads " + std::to_string(n));
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  log("returns");
}
// end compiler

// begin hand
struct ask_by_hand : tour::operation {
  ask_by_hand(operation_loop& l, int f, std::string q, std::string& a)
      : loop(l), question(std::move(q)), answer(a) {
    fd = f;
    completed = [](operation& op) { static_cast<ask_by_hand&>(op).resume(); };
  }

  void resume() {
    switch (next_line) {
      case 0:
        log("begins");
        what = kind::send;
        data = question.data();
        size = question.size();
        next_line = 1;
        return loop.start(*this);
      case 1:
        log("has asked");
        for (;;) {
          what = kind::recv;
          operation::buffer = buffer;
          size = sizeof buffer;
          next_line = 2;
          return loop.start(*this);
          case 2:  // in the middle of the loop
            log("reads " + std::to_string(result));
            if (result <= 0) break;
            answer.append(buffer, static_cast<std::size_t>(result));
        }
        log("returns");
    }
  }

  int next_line = 0;
  operation_loop& loop;  // the parameters
  std::string question;
  std::string& answer;
  char buffer[8];  // and what has to outlive a wait
};
// end hand

// Two ends of a connection, and an answer in three pieces (each piece is one read: chapter 1).
struct conversation {
  tour::descriptor here, there;
  conversation() {
    int ends[2];
    tour::expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
    here = tour::descriptor(ends[0]);
    there = tour::descriptor(ends[1]);
    for (const char* piece : {"for", "ty", "-two"})
      tour::expect(send(ends[1], piece, std::strlen(piece), 0) > 0, "nothing could be sent");
    shutdown(ends[1], SHUT_WR);
  }
};

int main() {
  operation_loop loop;
  tour::trace by_hand, by_compiler;
  std::string answers[2];

  const conversation first, second;
  tour::current_trace = &by_hand;
  ask_by_hand a(loop, first.here.get(), "6 * 7?", answers[0]);
  a.resume();
  loop.run();
  tour::current_trace = &by_compiler;
  tour::coroutine b = ask(loop, second.here.get(), "6 * 7?", answers[1]);
  b.resume();
  loop.run();

  for (const std::string& step : by_hand) std::printf("%s\n", step.c_str());
  tour::expect(answers[0] == "forty-two" && b.done(), "the answer was %s", answers[0].c_str());
  tour::expect(by_hand == by_compiler && answers[0] == answers[1], "the two differ");
  std::printf("by hand and by the compiler: %zu equal steps, %s\n", by_hand.size(),
              answers[1].c_str());
  std::printf("kept while it waits: %zu bytes by hand, %zu by the compiler\n", sizeof a,
              tour::latest_frame);
}
