// A peer that reads the first part of its answer, which makes room for the rest, and says in the
// same step that it will ask no more: the session's two operations are completed in one turn.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

struct peer {
  tour::operation_loop& loop;
  tour::descriptor socket;
  bool closes_at_once;
  std::size_t got = 0;
  char buffer[50'000] = {};

  void read_on() {
    tour::async(loop, {.fd = socket.get(), .buffer = buffer, .size = sizeof buffer},
                [this](ssize_t n) {
                  if (n <= 0) return;
                  got += static_cast<std::size_t>(n);
                  // What is left fits the buffer of the socket, which is empty now: it will go in
                  // one step.
                  if (closes_at_once || got == 50'000) shutdown(socket.get(), SHUT_WR);
                  read_on();
                });
  }
};

// A buffer of the socket that takes more than half of an answer, and not all of it: what that is in
// bytes is the kernel's affair, so it is tried.
int room_for_the_greater_half() {
  const std::string answer(50'000, 'a');
  for (int room = 4096; room < 60'000; room += 1024) {
    int ends[2];
    tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
    const tour::descriptor here(ends[0]), there(ends[1]);
    setsockopt(here.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    const ssize_t taken = send(here.get(), answer.data(), answer.size(), 0);
    if (taken > 30'000 && taken < 45'000) return room;
  }
  tour::check(false, "no buffer takes about two thirds of an answer");
  return 0;
}

void talk(bool closes_at_once, int room) {
  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  tour::operation_loop loop;
  int answers = 0, alive = 0;
  new tour::session(loop, tour::descriptor(ends[0]), answers, alive);
  peer p{loop, tour::descriptor(ends[1]), closes_at_once};
  tour::check(write(ends[1], "?", 1) == 1, "nothing could be written");
  p.read_on();
  loop.run();
  tour::check(alive == 0, "the other side has gone, and the session is still there");
  tour::check(answers == 1 && p.got == 50'000, "%d answers were given, and %zu of 50000 bytes came",
              answers, p.got);
}

}  // namespace

int main() {
  talk(false, 4096);
  talk(true, room_for_the_greater_half());
  std::puts("whoever is completed last takes the session along");
}
