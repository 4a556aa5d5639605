// What the programs of chapters 12 to 16 call `rt`, made of the runtime of chapter 12: short names
// for what is there, and a first task. on_rondo.hpp has the same, made of Rondo.
//
//   rt::run(rt::backend::ring, fetch_all());
#pragma once

#include "../12_one_face/ring_reactor.hpp"
#include "../12_one_face/runtime.hpp"
#include "permits.hpp"

#include <string_view>

namespace tour {

class stream {
 public:
  explicit stream(int fd) : fd_(fd) {}
  stream(stream&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  stream& operator=(stream&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~stream() {
    if (fd_ >= 0) here->outside.close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// What programs say.
inline std::pair<stream, stream> open_pair() {
  int ends[2];
  here->outside.open_pair(ends);
  return {stream(ends[0]), stream(ends[1])};
}
inline io read_some(stream& s, char* to, std::size_t n) {
  return io({.fd = s.fd(), .buffer = to, .size = n});
}
inline io write_all(stream& s, std::string_view text) {
  return io({.what = kind::send, .fd = s.fd(), .data = text.data(), .size = text.size()});
}
inline pause sleep_ms(int ms) { return {*here, ms}; }
inline std::int64_t now_ms() { return here->now() / 1'000'000; }
inline long system_calls() { return here->outside.calls(); }
inline task<> timeout(int ms, task<> t) { co_await timeout(*here, ms, std::move(t)); }
template <class Body>
task<> with_group(Body body) {
  co_await with_group(*here, std::move(body));
}

// begin run
// A parameter of a job's first task: it goes when everything of the job has gone.
struct wakes_at_the_end {
  std::coroutine_handle<>* waits;
  explicit wakes_at_the_end(std::coroutine_handle<>& h) : waits(&h) {}
  wakes_at_the_end(wakes_at_the_end&& other) noexcept
      : waits(std::exchange(other.waits, nullptr)) {}
  ~wakes_at_the_end() {
    if (waits != nullptr) here->wake(*waits);
  }
};

inline task<> caught(wakes_at_the_end, task<> t, std::exception_ptr& error) {
  try {
    co_await std::move(t);
  } catch (...) {
    error = std::current_exception();
  }
}

struct rests {
  std::coroutine_handle<>& who;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) const { who = h; }
  void await_resume() const {}
};

inline task<> first(task<> t, std::exception_ptr& error) {
  std::coroutine_handle<> me;
  const job j(*here, caught(wakes_at_the_end(me), std::move(t), error));
  co_await rests{me};
}

inline void run_on(reactor& outside, task<> t) {
  runtime l(outside);
  here = &l;
  std::exception_ptr error;
  l.spawn(first(std::move(t), error));
  l.run();
  here = nullptr;
  if (error) std::rethrow_exception(error);
}
// end run

enum class backend { epoll, ring };

inline void run(backend which, task<> t) {
  if (which == backend::epoll) {
    epoll_reactor epoll;
    run_on(epoll, std::move(t));
  } else {
    ring_reactor ring;
    run_on(ring, std::move(t));
  }
}

}  // namespace tour

namespace rt = tour;
