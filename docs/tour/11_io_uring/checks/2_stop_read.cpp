// A read that has nothing to read, one whose bytes have come meanwhile, and one that is over.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/pair.hpp"

#include EXERCISE

namespace {

void hand_over(tour::ring& r) {
  __kernel_timespec no_time{};
  r.enter(&no_time);
}

void says(const tour::connected_pair& c, const char* three) {
  tour::expect(write(c.there.get(), three, 3) == 3, "nothing could be written");
}

}  // namespace

int main() {
  tour::ring r;
  char text[4] = "...";
  {
    const tour::connected_pair c(0);
    tour::reading op(c.here.get(), text, 3);
    r.start(op);
    hand_over(r);
    const ssize_t n = tour::stop_read(r, op);
    tour::check(op.over, "it has returned, and the kernel still has the buffer");
    tour::check(n == -ECANCELED, "a read of nothing was stopped, and gave %zd", n);
    says(c, "abc");
    hand_over(r);
    tour::check(text[0] == '.', "a read that was stopped has read");
  }
  {
    const tour::connected_pair c(0);
    tour::reading op(c.here.get(), text, 3);
    r.start(op);
    hand_over(r);
    says(c, "def");
    const ssize_t n = tour::stop_read(r, op);
    tour::check(op.over, "it has returned, and the kernel still has the buffer");
    tour::check(n == 3 && std::strcmp(text, "def") == 0,
                "three bytes had come; it gave %zd, and they are lost", n);
  }
  {
    const tour::connected_pair c(0);
    says(c, "ghi");
    tour::reading op(c.here.get(), text, 3);
    r.start(op);
    r.run();
    tour::check(tour::stop_read(r, op) == 3, "a read that was over had read three bytes");
  }
  std::puts("it is over when the kernel says so, and no byte is lost");
}
