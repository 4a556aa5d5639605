// Wrong: exits with 1 and says "the one who sends is called before he has gone to sleep".
//
// To call `completed` from within start(), because the operation is over already. It saves a turn,
// and whoever starts something is woken before it waits.
#include "../stage/pair.hpp"
#include "reactor.hpp"

// begin wrong
struct sender : tour::operation {
  bool sleeps = false;

  void send_on(int at) {
    what = tour::kind::send;
    fd = at;
    data = "hello";
    size = 5;
    completed = [](operation& op) {
      if (static_cast<sender&>(op).sleeps) return;
      std::printf("the one who sends is called before he has gone to sleep\n");
      std::exit(1);
    };
    start(*this);
    sleeps = true;
  }

  static void start(operation& op) {
    op.result = ::send(op.fd, op.data, op.size, MSG_NOSIGNAL);
    if (op.result >= 0 || errno != EAGAIN) op.completed(op);
  }
};
// end wrong

int main() {
  const tour::connected_pair c;
  sender s;
  s.send_on(c.here.get());
}
