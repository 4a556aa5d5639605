// A reader and a writer; a second reader, a third, and one that comes when the first has gone.
#include "../../stage/check.hpp"

#include EXERCISE

int main() {
  using tour::kind;
  tour::busy_list busy;
  const tour::operation reader{.what = kind::recv, .fd = 5}, writer{.what = kind::send, .fd = 5},
      connecting{.what = kind::connect, .fd = 5}, second{.what = kind::recv, .fd = 5},
      third{.what = kind::recv, .fd = 5}, elsewhere{.what = kind::recv, .fd = 6};
  tour::check(busy.enter(reader), "the first reader was refused");
  tour::check(busy.enter(writer), "a writer was refused, because there is a reader");
  tour::check(busy.enter(elsewhere), "a reader of another descriptor was refused");
  tour::check(!busy.enter(connecting), "one connects while another sends");
  tour::check(!busy.enter(second), "a second reader was let in");
  busy.leave(second);
  tour::check(!busy.enter(third),
              "the one that was refused left, and a third was let in to the first");
  busy.leave(third);
  busy.leave(reader);
  tour::check(busy.enter(second), "the reader has gone, and the next one was refused");
  tour::check(!busy.enter(reader),
              "the reader has gone, another one reads, and it was let in again");
  busy.leave(reader);
  busy.leave(writer);
  tour::check(busy.enter(connecting), "the writer has gone, and nobody may connect");
  std::puts("one at a time in each direction, and only who has a place gives it back");
}
