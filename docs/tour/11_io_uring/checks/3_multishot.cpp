// Three come; the kernel ends the multishot; two more come; and then it is stopped.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/port.hpp"

#include EXERCISE

namespace {

tour::descriptor connected_to(unsigned short port) {
  tour::descriptor c(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  const int r = connect(c.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  tour::expect(r == 0, "nobody listens on port %d", port);
  return c;
}

// Until nothing has happened for a moment.
void pump(tour::ring& r, tour::acceptor& a) {
  for (int quiet = 0; quiet < 2;) {
    __kernel_timespec a_moment{0, 20'000'000};
    r.enter(&a_moment);
    ++quiet;
    io_uring_cqe* c = nullptr;
    while (io_uring_peek_cqe(&r.raw(), &c) == 0) {
      const io_uring_cqe copy = *c;
      io_uring_cqe_seen(&r.raw(), c);
      if (io_uring_cqe_get_data(&copy) != &a) continue;
      if (copy.res == -EINVAL) {
        std::printf("skipped: this kernel has no multishot accept\n");
        std::exit(77);
      }
      quiet = 0;
      a.take(copy);
    }
  }
}

}  // namespace

int main() {
  const tour::bound_port here;
  tour::expect(listen(here.fd, 8) == 0, "nobody can listen");
  tour::ring r;
  tour::acceptor a(r, here.fd);
  std::vector<tour::descriptor> all;
  for (int i = 0; i < 3; ++i) all.push_back(connected_to(here.number));
  pump(r, a);
  tour::check(a.accepted.size() == 3, "three came, and %zu were let in", a.accepted.size());

  // As the kernel does when its queue of completions is full.
  io_uring_sqe& e = r.entry();
  io_uring_prep_cancel(&e, &a, 0);
  io_uring_sqe_set_data(&e, nullptr);
  pump(r, a);
  for (int i = 0; i < 2; ++i) all.push_back(connected_to(here.number));
  pump(r, a);
  tour::check(a.accepted.size() == 5,
              "the multishot has ended, and two that came then wait in vain");

  a.stop();
  pump(r, a);
  tour::check(!a.armed(), "it was told to stop, and is armed again");
  std::puts("a multishot ends when its last completion says so, and is armed again");
}
