// Exercise 9.2: woken and cancelled in one turn. Only a job that has not begun is stopped there and
// then. One that waits is stopped when what it waits for has let go, and that may say that it was
// too late. And one is asked once.
#pragma once

namespace tour {

enum class job_state { fresh, ready, running, waiting, ended };

struct marks {
  job_state state = job_state::fresh;
  bool asked = false;
  bool stops = false;
};

inline bool cancel(marks& j) {
  if (j.state == job_state::ended || j.asked) return false;
  j.asked = true;
  j.stops = j.state == job_state::fresh;
  return j.state == job_state::waiting;
}

}  // namespace tour
