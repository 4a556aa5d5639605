// Exercise 11.3: multishot, and its end. A completion says itself that it is the last. Then it is
// armed again, unless it was told to stop.
#pragma once

#include "../ring.hpp"

namespace tour {

class acceptor {
 public:
  acceptor(ring& r, int listener) : ring_(r), listener_(listener) { arm(); }

  // Each completion whose data is this object.
  void take(const io_uring_cqe& c) {
    if (c.res >= 0) accepted.emplace_back(c.res);
    if ((c.flags & IORING_CQE_F_MORE) != 0) return;
    armed_ = false;
    if (!stopping_) arm();
  }
  // No more. It may go when it is not armed.
  void stop() {
    stopping_ = true;
    if (!armed_) return;
    io_uring_sqe& e = ring_.entry();
    io_uring_prep_cancel(&e, this, 0);
    io_uring_sqe_set_data(&e, nullptr);
  }
  bool armed() const { return armed_; }
  std::vector<descriptor> accepted;

 private:
  void arm() {
    io_uring_sqe& e = ring_.entry();
    io_uring_prep_multishot_accept(&e, listener_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data(&e, this);
    armed_ = true;
  }

  ring& ring_;
  int listener_;
  bool armed_ = false;
  bool stopping_ = false;
};

}  // namespace tour
