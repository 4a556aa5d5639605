// Exercise 9.2: woken and cancelled in one turn.
//
// This is what cancel() does with a job in each of its states. It is wrong in two of them. A job
// that is `ready` was woken: what it waited for has happened, and perhaps was given to it, and to
// nobody else.
#pragma once

namespace tour {

enum class job_state { fresh, ready, running, waiting, ended };

struct marks {
  job_state state = job_state::fresh;
  bool asked = false;  // its next wait will stop it
  bool stops = false;  // it is taken apart in its next step
};

// True: what it waits for is to be asked to let go.
inline bool cancel(marks& j) {
  if (j.state == job_state::ended) return false;
  j.asked = true;
  j.stops = j.state != job_state::running;
  return j.state == job_state::waiting;
}

}  // namespace tour
