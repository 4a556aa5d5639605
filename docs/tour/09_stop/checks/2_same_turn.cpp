// A letter that is handed to a job, and a job that is told to stop, in each order.
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

using tour::job_state;
using tour::marks;

marks in(job_state s) {
  marks m;
  m.state = s;
  return m;
}

}  // namespace

int main() {
  marks fresh = in(job_state::fresh);
  tour::check(!tour::cancel(fresh) && fresh.stops,
              "a job that has not begun is told to stop, and it will begin");

  marks woken = in(job_state::ready);
  const bool asks = tour::cancel(woken);
  tour::check(!asks, "a job that was woken waits for nothing, and something is asked to let go");
  tour::check(
      !woken.stops,
      "a letter was handed to the job, which was woken; then it is told to stop, in the same "
      "turn. It is taken apart, and nobody has the letter");
  tour::check(woken.asked, "a job that was woken is told to stop, and its next wait does not know");

  marks runs = in(job_state::running);
  tour::check(!tour::cancel(runs) && !runs.stops && runs.asked,
              "a job that runs is stopped by its next wait");

  marks waits = in(job_state::waiting);
  tour::check(tour::cancel(waits), "a job waits and is told to stop, and nobody has to let go");
  tour::check(
      !waits.stops,
      "what a job waits for is asked to let go, and may say that it was too late: the bytes "
      "are there. But the job is to be taken apart already");
  tour::check(!tour::cancel(waits), "a job is told to stop twice, and asks twice to be let go");

  marks ended = in(job_state::ended);
  tour::check(!tour::cancel(ended) && !ended.stops, "a job that has ended is told to stop");
  std::puts("told to stop in each state, and nothing that was handed over is lost");
}
