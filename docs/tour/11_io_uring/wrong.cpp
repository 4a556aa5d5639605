// Wrong: exits with 1 and says "the next owner wrote "mine", and reads "oops"".
//
// To take the buffer away from a read that is under way, as chapter 9 does with epoll: nobody waits
// for it any more. But the kernel has the address.
#include "../stage/pair.hpp"
#include "ring.hpp"

// begin wrong
struct seat {  // a place in memory that is given to one after the other
  char text[8];
};

void read_and_leave(tour::ring& r, seat& s, tour::operation& op, int fd) {
  op = {.fd = fd, .buffer = s.text, .size = 4};
  op.completed = [](tour::operation&) {};
  r.start(op);
  __kernel_timespec a_moment{0, 1'000'000};
  r.enter(&a_moment);  // nothing has come. Enough!
}
// end wrong

int main() {
  tour::ring r;
  const tour::connected_pair c(0);
  static seat only_one;
  tour::operation op;
  read_and_leave(r, only_one, op, c.here.get());
  std::strcpy(only_one.text, "mine");
  if (write(c.there.get(), "oops", 4) != 4) return 2;
  r.run();
  std::printf("the next owner wrote \"mine\", and reads \"%.4s\"\n", only_one.text);
  return std::strcmp(only_one.text, "mine") == 0 ? 0 : 1;
}
