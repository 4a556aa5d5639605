// Operations one by one; and then the runtime of this chapter on it, with a time limit that ends a
// read.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/on_tour.hpp"

#include EXERCISE

namespace {

struct counted : tour::operation {
  int told = 0;
  counted(tour::kind k, int at, char* text, std::size_t n) {
    what = k;
    fd = at;
    buffer = text;
    data = text;
    size = n;
    completed = [](tour::operation& op) { ++static_cast<counted&>(op).told; };
  }
};

void one_by_one() {
  constexpr std::int64_t ms = 1'000'000;
  tour::poll_reactor r;
  int ends[2];
  r.open_pair(ends);
  char word[] = "hello", text[8];

  counted sends(tour::kind::send, ends[0], word, 5);
  r.start(sends);
  tour::check(sends.told == 0, "start has called `completed`: it is for wait to do that");
  const std::int64_t begun = r.now();
  r.wait(begun + 2000 * ms);
  tour::check(sends.told == 1 && sends.result == 5, "five bytes were sent, and nobody was told");
  tour::check(r.now() - begun < 1000 * ms, "something was completed, and wait slept all the same");

  counted reads(tour::kind::recv, ends[1], text, sizeof text);
  r.start(reads);
  r.wait(0);
  tour::check(reads.told == 1 && reads.result == 5, "five bytes were there, and nobody read them");

  counted nothing(tour::kind::recv, ends[1], text, sizeof text);
  r.start(nothing);
  r.wait(r.now() + 5 * ms);
  tour::check(nothing.told == 0, "a read of nothing is completed");
  r.cancel(nothing);
  tour::check(nothing.told == 0, "cancel has called `completed`: it is for wait to do that");
  r.wait(r.now() + 5 * ms);
  tour::check(nothing.told == 1 && nothing.result == -ECANCELED,
              "a read was cancelled, and is not completed: its job waits for ever");
  r.cancel(nothing);
  r.wait(0);
  tour::check(nothing.told == 1, "one that was over was cancelled, and is completed once more");

  r.start(sends = counted(tour::kind::send, ends[0], word, 5));
  counted late(tour::kind::recv, ends[1], text, sizeof text);
  r.start(late);
  r.cancel(late);
  r.wait(0);
  tour::check(late.told == 1 && late.result == 5,
              "five bytes had been read when it was cancelled, and they are lost");
  for (const int fd : ends) r.close(fd);
}

tour::task<> limited(bool& over) {
  auto ends = tour::open_pair();
  const auto read = [](tour::stream& s) -> tour::task<> {
    char text[8];
    co_await tour::read_some(s, text, sizeof text);
  };
  try {
    co_await tour::timeout(20, read(ends.first));
  } catch (const tour::timed_out&) {
    over = true;
  }
}

}  // namespace

int main() {
  one_by_one();
  tour::poll_reactor r;
  bool over = false;
  tour::run_on(r, limited(over));
  tour::check(over, "a read of nothing had a time limit, and nobody was told that it is over");
  std::puts("a third back end, and nothing above has noticed");
}
