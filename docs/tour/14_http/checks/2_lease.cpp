// Requests that are answered, that throw, and that are told to stop at their wait, before and after
// the half of an answer.
// Options: -fsanitize=address -g1
#include "../../09_stop/letter.hpp"
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/turns.hpp"

#include EXERCISE

namespace tour {
struct connection_of_the_check {
  bool half_read = false;
};
}  // namespace tour

namespace {

int dialed = 0, open_now = 0;

tour::connections::owned dial() {
  ++dialed;
  ++open_now;
  return {new tour::connection_of_the_check, [](tour::connection_of_the_check* c) {
            --open_now;
            delete c;
          }};
}

struct broken {};

tour::task<> request(tour::connections& p, tour::letter& post, bool fails = false) {
  tour::lease l(p);
  tour::check(!l.connection().half_read, "a request got the rest of another one's answer");
  l.connection().half_read = true;
  co_await post;
  if (fails) throw broken();
  co_await post;
  l.connection().half_read = false;
  l.answered();
}

tour::task<> quietly(tour::task<> t) {
  try {
    co_await std::move(t);
  } catch (const broken&) {
  }
}

tour::task<> all(tour::timed_loop& l) {
  tour::connections p;
  p.dial = dial;
  for (int i = 0; i < 3; ++i) {
    tour::letter post;
    tour::job j(l, request(p, post));
    for (int n = 0; n < 2; ++n) {
      co_await tour::some_turns(l);
      post.arrive();
    }
    co_await tour::some_turns(l);
    tour::check(j.ended() && p.places == 2, "a request was answered, and its place is not free");
  }
  tour::check(dialed == 1, "three requests, one after the other, took %d connections", dialed);
  for (int letters = 0; letters < 2; ++letters) {
    tour::letter post;
    tour::job j(l, request(p, post));
    co_await tour::some_turns(l);
    if (letters > 0) post.arrive();
    co_await tour::some_turns(l);
    j.cancel();
    co_await tour::some_turns(l);
    tour::check(j.stopped() && p.places == 2,
                "a request was told to stop, and its place is not free");
  }
  tour::letter post;
  tour::job j(l, quietly(request(p, post, true)));
  co_await tour::some_turns(l);
  post.arrive();
  co_await tour::some_turns(l);
  tour::check(j.ended() && p.places == 2, "a request has failed, and its place is not free");
  tour::check(p.idle.empty() && open_now == 0,
              "a connection with half an answer in it is kept for the next one");
}

}  // namespace

int main() {
  tour::timed_loop l;
  l.spawn(all(l));
  l.run();
  std::puts("whichever way it ends, the place is free, and only a whole answer keeps a connection");
}
