// io_uring(7): two queues that the program and the kernel share. What is to be done goes into one,
// what has been done comes out of the other. Here by liburing, which keeps the queues in order.
//
//   ring r;
//   r.start(op);   // written down, no more
//   r.run();       // handed over; completed; op.completed(op) is called
#pragma once

#include "../04_callbacks/operation_loop.hpp"

#include <liburing.h>

#include <cstring>

namespace tour {

class ring {
 public:
  ring() {
    if (const int r = io_uring_queue_init(64, &ring_, 0); r < 0) {
      std::printf("skipped: this machine has no io_uring: %s\n", std::strerror(-r));
      std::exit(77);
    }
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  // Everything has to be completed before.
  ~ring() { io_uring_queue_exit(&ring_); }

  // begin start
  // Writes down what is to be done. The kernel has the buffer from the next enter on, and until the
  // operation is completed.
  void start(operation& op) {
    io_uring_sqe& e = entry();
    switch (op.what) {
      case kind::connect:
        io_uring_prep_connect(&e, op.fd, reinterpret_cast<sockaddr*>(&op.name), sizeof op.name);
        break;
      case kind::send:
        io_uring_prep_send(&e, op.fd, op.data, op.size, MSG_NOSIGNAL | MSG_WAITALL);
        break;
      case kind::recv: io_uring_prep_recv(&e, op.fd, op.buffer, op.size, 0); break;
    }
    io_uring_sqe_set_data(&e, &op);
    ++under_way_;
  }
  // Asks for an operation to end. It ends all the same only when it is completed: with -ECANCELED,
  // or with what it has done before the kernel came to this.
  void cancel(operation& op) {
    io_uring_sqe& e = entry();
    io_uring_prep_cancel(&e, &op, 0);
    io_uring_sqe_set_data(&e, nullptr);
  }
  // end start

  // begin enter
  // Hands over all that is written down, and sleeps until something is completed; for so long at
  // most, if there is a limit.
  void enter(__kernel_timespec* at_most = nullptr) {
    ++enters_;
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, at_most, nullptr);
  }
  void call_completed() {
    io_uring_cqe* c = nullptr;
    while (io_uring_peek_cqe(&ring_, &c) == 0) {
      auto* op = static_cast<operation*>(io_uring_cqe_get_data(c));
      const int result = c->res;
      io_uring_cqe_seen(&ring_, c);  // its place is the kernel's again
      if (op == nullptr) continue;   // of a cancellation: we hear of what was cancelled anyway
      --under_way_;
      op->result = result;
      op->completed(*op);  // it may be gone afterwards
    }
  }
  void run() {
    while (under_way_ > 0) {
      enter();
      call_completed();
    }
  }
  // end enter

  // The next free entry of the queue; if it is full, what stands there is handed over.
  io_uring_sqe& entry() {
    io_uring_sqe* e = io_uring_get_sqe(&ring_);
    if (e != nullptr) return *e;
    ++enters_;
    io_uring_submit(&ring_);
    return *io_uring_get_sqe(&ring_);
  }
  io_uring& raw() { return ring_; }
  long enters() const { return enters_; }  // how often the kernel was called

 private:
  io_uring ring_{};
  int under_way_ = 0;
  long enters_ = 0;
};

}  // namespace tour
