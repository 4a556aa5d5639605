// A thread that looks at the process from beside it and ends with it: no signal is delivered there.
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace rondo::detail {

// Throws std::system_error.
template <class Fn>
void start_thread(Fn fn) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread(std::move(fn)).detach();
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace rondo::detail
