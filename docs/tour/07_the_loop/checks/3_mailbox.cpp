// Each order of a post and the loop's going to sleep, one after the other; then four threads.
#include "../../stage/check.hpp"

#include EXERCISE

#include <poll.h>

namespace {

bool readable(const tour::mailbox& box, int timeout_ms) {
  pollfd p{box.fd(), POLLIN, 0};
  return poll(&p, 1, timeout_ms) == 1;
}

// Sleeps as the loop would. False: 5 s long nobody has woken it.
bool sleep(tour::mailbox& box) {
  const bool woken = !box.may_sleep() || readable(box, 5000);
  box.has_woken();
  return woken;
}

constexpr int threads = 4, posts = 20'000;

void* post_many(void* box) {
  for (int i = 1; i <= posts; ++i) static_cast<tour::mailbox*>(box)->post(i);
  return nullptr;
}

}  // namespace

int main() {
  tour::mailbox box;
  tour::check(box.may_sleep(), "nothing was posted, and the loop may not sleep");
  tour::check(!readable(box, 0), "nothing was posted, and the loop is woken");
  box.post(1);
  tour::check(readable(box, 0), "a post came while the loop slept, and it is not woken");
  box.has_woken();
  tour::check(box.take().size() == 1, "one was posted, and the loop did not get one");

  box.post(2);
  tour::check(!readable(box, 0), "the loop is awake, and a post made a system call to wake it");
  tour::check(!box.may_sleep(),
              "a post came before the loop went to sleep; nobody wakes it, and it sleeps");
  box.has_woken();
  tour::check(box.take().size() == 1, "one was posted, and the loop did not get one");

  tour::check(box.may_sleep(), "everything was taken, and the loop may not sleep");
  tour::check(!readable(box, 0), "everything was taken, and the loop is woken once more");
  box.post(3);
  box.post(4);
  tour::check(readable(box, 0), "two posts came while the loop slept, and it is not woken");
  box.has_woken();
  tour::check(!readable(box, 0), "the loop has woken, and a wake-up is left");
  tour::check(box.take().size() == 2, "two were posted, and the loop did not get two");

  pthread_t all[threads];
  for (pthread_t& t : all) pthread_create(&t, nullptr, post_many, &box);
  long long sum = 0;
  for (int got = 0; got < threads * posts;) {
    for (const int n : box.take()) sum += n, ++got;
    if (got < threads * posts)
      tour::check(sleep(box), "4 threads post, %d posts have come, and nobody wakes the loop", got);
  }
  for (const pthread_t& t : all) pthread_join(t, nullptr);
  tour::check(sum == threads * (posts * (posts + 1LL) / 2), "other numbers came than were posted");
  std::puts("80,000 posts of 4 threads, and none was lost");
}
